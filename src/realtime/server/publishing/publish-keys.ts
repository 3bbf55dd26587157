// The keys of those who publish over HTTP. The server knows only the SHA-256 of each: 256 random bits need no slower hash, and
// whoever reads the configuration cannot publish. Several keys at once make it possible to replace one without a gap.

import { cryptoRandom, type RandomSource } from '../../../base/random.ts';
import { describe, FullduplexError } from '../../../base/errors.ts';
import { ChannelPattern } from '../../wire/channel-pattern.ts';
import { RealtimeError } from '../../wire/error-codes.ts';

/**
 * What a key may do on its channels. `publish-as`: name the user who is said to have published; `disconnect`: end the connections
 * of any user or session, whatever the channels.
 */
export type PublishRight = 'publish' | 'publish-as' | 'history' | 'presence' | 'disconnect';

/** A key as the server knows it. */
export interface PublishKey {
  /** Its name in logs and error messages; no secret. */
  readonly id: string;
  /** The SHA-256 of the key, in base64url. */
  readonly hash: string;
  /** Patterns of the channels that it is for: `scores:{game}`. `{all}` is every channel. */
  readonly channels: readonly string[];
  /** @defaultValue ['publish'] */
  readonly may?: readonly PublishRight[];
  /** Until when it counts, in milliseconds since 1970. @defaultValue for ever */
  readonly expiresAt?: number;
}

/** All keys, or what gives them: it is asked for each request, so that keys come and go without a restart. */
export type PublishKeys =
  | readonly PublishKey[]
  | (() => readonly PublishKey[] | Promise<readonly PublishKey[]>);

/** A new key: the secret for who publishes, the record for the server. */
export interface MadePublishKey {
  readonly key: string;
  readonly record: PublishKey;
}

/** A key that was presented and is known. */
export class KnownKey {
  readonly id: string;
  readonly #rights: readonly PublishRight[];
  readonly #patterns: readonly ChannelPattern[];

  constructor({ id, channels, may = ['publish'] }: PublishKey) {
    this.id = id;
    this.#rights = may;
    this.#patterns = channels.map((source) => new ChannelPattern(source));
  }

  /** @throws RealtimeError `FORBIDDEN` when the key is not for this */
  requireRight(right: PublishRight): void {
    if (this.#rights.includes(right)) return;
    throw new RealtimeError('FORBIDDEN', `key ${describe(this.id)} may not ${right}`);
  }

  /** @throws RealtimeError `FORBIDDEN` when the channel is none of its channels */
  requireChannel(channel: string): void {
    if (this.#patterns.some((pattern) => pattern.match(channel) !== undefined)) return;
    throw new RealtimeError('FORBIDDEN', `key ${describe(this.id)} is not for channel ${describe(channel)}`);
  }
}

const rights: readonly PublishRight[] = ['publish', 'publish-as', 'history', 'presence', 'disconnect'];
const hashLength = 43;
const encoder = new TextEncoder();

/**
 * Makes a key of 256 random bits.
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export async function makePublishKey(
  options: Omit<PublishKey, 'hash'>,
  random: RandomSource = cryptoRandom,
): Promise<MadePublishKey> {
  const bytes = new Uint8Array(32);
  random.fill(bytes);
  const key = `fdx_${base64url(bytes)}`;
  const record = { ...options, hash: base64url(await sha256(key)) };
  requirePublishKey(record);
  return { key, record };
}

/**
 * Checks the keys of an option.
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function requirePublishKeys(keys: PublishKeys): PublishKeys {
  if (typeof keys === 'function') return keys;
  if (!Array.isArray(keys)) throw invalid(`is ${describe(keys)}, expected a list of keys, or a function`);
  for (const key of keys) requirePublishKey(key);
  return [...keys];
}

/**
 * Finds the key that was presented. Every key is compared in full, whatever the others were: how long it takes tells nothing.
 * @throws RealtimeError `UNAUTHENTICATED`
 */
export async function findPublishKey(presented: string, keys: PublishKeys, nowMs: number): Promise<KnownKey> {
  const list = typeof keys === 'function' ? await keys() : keys;
  const hash = base64url(await sha256(presented));
  let found: PublishKey | undefined;
  for (const key of list) if (equalsInConstantTime(key.hash, hash)) found = key;
  if (found === undefined) throw new RealtimeError('UNAUTHENTICATED', 'a key that is not known');
  if (found.expiresAt !== undefined && found.expiresAt <= nowMs)
    throw new RealtimeError('UNAUTHENTICATED', `key ${describe(found.id)} has expired`);
  return new KnownKey(found);
}

function requirePublishKey({ id, hash, channels, may, expiresAt }: PublishKey): void {
  if (typeof id !== 'string' || id === '')
    throw invalid(`has a key with id ${describe(id)}, expected a name`);
  if (typeof hash !== 'string' || hash.length !== hashLength)
    throw invalid(`has key ${describe(id)} with hash ${describe(hash)}, expected a SHA-256 in base64url`);
  if (!Array.isArray(channels) || channels.length === 0)
    throw invalid(`has key ${describe(id)} without channels, expected patterns such as "scores:{game}"`);
  for (const source of channels) void new ChannelPattern(source);
  const wrong = (may ?? []).find((right) => !rights.includes(right));
  if (wrong !== undefined)
    throw invalid(`has key ${describe(id)} that may ${describe(wrong)}, expected ${rights.join(', ')}`);
  if (expiresAt !== undefined && !Number.isFinite(expiresAt))
    throw invalid(
      `has key ${describe(id)} with expiresAt ${describe(expiresAt)}, expected milliseconds since 1970`,
    );
}

function invalid(problem: string): FullduplexError {
  return new FullduplexError('WS_OPTION_INVALID', `option publishKeys ${problem}`);
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text)));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

function equalsInConstantTime(first: string, second: string): boolean {
  if (first.length !== second.length) return false;
  let difference = 0;
  for (let index = 0; index < first.length; index++)
    difference |= first.charCodeAt(index) ^ second.charCodeAt(index);
  return difference === 0;
}
