// What a client can be told, and what holds when it is told nothing.

import type { Clock } from '../../base/clock.ts';
import { FullduplexError } from '../../base/errors.ts';
import { cryptoRandom, type RandomSource } from '../../base/random.ts';
import type { LinkKind } from '../link/link.ts';
import type { JsonPatch } from '../wire/json-delta.ts';
import type { WebSocketConstructor } from './links/web-socket-link.ts';
import type { TokenSource } from './token.ts';

/** The options of a client. Times are in milliseconds. */
export interface ClientOptions {
  /**
   * Says who the client is: a token, or a function that gets one. The function is called before the first connection, and again
   * when the server says that the token has expired or does not hold.
   * @defaultValue none: nobody in particular
   */
  readonly token?: TokenSource;
  /** The kinds of links to try, best first. @defaultValue ['websocket', 'stream', 'poll'] */
  readonly transports?: readonly LinkKind[];
  /** The version of the contract, where the client is made without one. @defaultValue that of the contract */
  readonly contractVersion?: string;
  /** The class of WebSockets. @defaultValue that of the platform */
  readonly WebSocket?: WebSocketConstructor;
  /** Sends the requests of the other kinds of links. @defaultValue that of the platform */
  readonly fetch?: typeof globalThis.fetch;
  /**
   * Applies changes: `patchJson` of `fullduplex/delta`. With it, channels that are declared with `delta` send what has changed in place of
   * whole values. @defaultValue none: whole values
   */
  readonly patch?: JsonPatch;
  /** Whether these requests carry cookies; `include`: also to another origin, which has to allow it. @defaultValue 'same-origin' */
  readonly credentials?: RequestCredentials;
  /** How long a request waits for its answer, the time without a connection included: 1 or more. @defaultValue 30,000 */
  readonly requestTimeoutMs?: number;
  /** How many requests may wait for an answer; one more fails with `QUEUE_FULL`: 1 or more. @defaultValue 1,000 */
  readonly maxQueuedRequests?: number;
  /** How much they may have together, in characters of JSON: 1 or more. @defaultValue 1,048,576 */
  readonly maxQueuedBytes?: number;
  /** How many publications wait for a slow `for await` over a channel: 2 or more. @defaultValue 256 */
  readonly maxQueuedPublications?: number;
  /** How long a link may take until the server's welcome: 1 or more. @defaultValue 10,000 */
  readonly connectTimeoutMs?: number;
  /**
   * How long a response that streams may take until the server's welcome and first heartbeat; one that is held back in between
   * is given up for polling: 1 or more. @defaultValue 5,000
   */
  readonly streamTimeoutMs?: number;
  /** How long after a heartbeat is due the connection is taken for dead: 1 or more. @defaultValue 20,000 */
  readonly heartbeatTimeoutMs?: number;
  /** The most that the first wait before connecting again takes; each is drawn from 0 to the most, which doubles: 1 or more. @defaultValue 500 */
  readonly minDelayMs?: number;
  /** What it doubles up to: `minDelayMs` or more. @defaultValue 30,000 */
  readonly maxDelayMs?: number;
  /** How often a better kind of link is tried while another one is in use: 1 or more. @defaultValue 300,000 */
  readonly upgradeIntervalMs?: number;
  /** Time, for tests. @defaultValue the clock of the platform */
  readonly clock?: Clock;
  /** Chance, for tests. @defaultValue cryptoRandom */
  readonly random?: RandomSource;
}

const kinds: readonly LinkKind[] = ['websocket', 'stream', 'poll'];

// The system's clock without what only Node can do: a page downloads this one.
const pageClock: Clock = {
  now: () => performance.now(),
  setTimer: (callback, delayMs) => {
    const handle = setTimeout(callback, Math.min(delayMs, 0x7fff_ffff));
    return { cancel: () => clearTimeout(handle) };
  },
};

type Defaults = Required<Omit<ClientOptions, 'token' | 'contractVersion' | 'WebSocket' | 'fetch' | 'patch'>>;

/** The options that hold when none are given. */
export const defaultClientOptions: Readonly<Defaults> = /* @__PURE__ */ Object.freeze({
  transports: kinds,
  credentials: 'same-origin',
  requestTimeoutMs: 30_000,
  maxQueuedRequests: 1_000,
  maxQueuedBytes: 1_048_576,
  maxQueuedPublications: 256,
  connectTimeoutMs: 10_000,
  streamTimeoutMs: 5_000,
  heartbeatTimeoutMs: 20_000,
  minDelayMs: 500,
  maxDelayMs: 30_000,
  upgradeIntervalMs: 300_000,
  clock: pageClock,
  random: cryptoRandom,
});

/** Options, complete. */
export type ResolvedClientOptions = ClientOptions & Defaults;

/** @throws FullduplexError `WS_OPTION_INVALID` */
export function resolveClientOptions(options: ClientOptions): ResolvedClientOptions {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const resolved: ResolvedClientOptions = { ...defaultClientOptions, ...Object.fromEntries(given) };
  for (const [name, value] of Object.entries(resolved)) {
    const isFine =
      name === 'transports'
        ? Array.isArray(value) && value.length > 0 && value.every((kind) => kinds.includes(kind))
        : !/Ms$|^max/.test(name) || value >= 1;
    if (!isFine) throw new FullduplexError('WS_OPTION_INVALID', `option ${name} is ${String(value)}`);
  }
  return resolved;
}
