// What the sharing of a client can be told, and what it needs of the platform.

import { type Clock, systemClock } from '../../base/clock.ts';
import { describe, FullduplexError } from '../../base/errors.ts';
import { cryptoRandom, type RandomSource } from '../../base/random.ts';
import type { ContractDefinition } from '../contract/contract.ts';

/** What tabs speak over: as much of a BroadcastChannel as is used. */
export interface BroadcastChannelLike {
  postMessage(message: string): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  close(): void;
}

/** Makes such channels, by their name. */
export type BroadcastChannelConstructor = new (name: string) => BroadcastChannelLike;

/** What decides who leads: as much of a LockManager as is used. */
export interface LockManagerLike {
  request(
    name: string,
    options: { readonly signal?: AbortSignal; readonly steal?: boolean },
    callback: () => Promise<void>,
  ): Promise<unknown>;
  query(): Promise<{ readonly held?: readonly { readonly name?: string | undefined }[] | undefined }>;
}

/** How a client is shared. Times are in milliseconds. */
export interface ShareOptions {
  /** Tabs that give the same name share one client, so it stands for one server, one user and one contract: 1 character or more. */
  readonly name: string;
  /** Says which calls are idempotent, also after the tab that made them for this one is gone. @defaultValue none: what a call says itself */
  readonly contract?: ContractDefinition;
  /** How long a request waits for its answer, the time without a connection included: 1 or more. @defaultValue 30,000 */
  readonly requestTimeoutMs?: number;
  /** How many requests of this tab may wait for an answer; one more fails with `QUEUE_FULL`: 1 or more. @defaultValue 1,000 */
  readonly maxQueuedRequests?: number;
  /** How many publications wait for a slow `for await` over a channel: 2 or more. @defaultValue 256 */
  readonly maxQueuedPublications?: number;
  /** How long a new leader waits for tabs to say what they follow; those that say it later catch up from the history: 1 or more. @defaultValue 250 */
  readonly gatherTimeoutMs?: number;
  /**
   * How long the tab that leads may be silent before it is asked for a sign of life, and how long that may take, up to half as long more
   * each: then another tab takes over, as from a page that the browser has frozen: 1 or more. @defaultValue 10,000
   */
  readonly leaderTimeoutMs?: number;
  /** What tabs speak over. @defaultValue that of the platform; without one, each tab has a connection of its own */
  readonly BroadcastChannel?: BroadcastChannelConstructor;
  /** What decides who leads. @defaultValue that of the platform; without one, each tab has a connection of its own */
  readonly locks?: LockManagerLike;
  /** Time, for tests. @defaultValue the clock of the platform */
  readonly clock?: Clock;
  /** Chance, for tests. @defaultValue cryptoRandom */
  readonly random?: RandomSource;
}

type Defaults = Required<Omit<ShareOptions, 'name' | 'contract' | 'BroadcastChannel' | 'locks'>>;

/** The options that hold when none are given. */
export const defaultShareOptions: Readonly<Defaults> = /* @__PURE__ */ Object.freeze({
  requestTimeoutMs: 30_000,
  maxQueuedRequests: 1_000,
  maxQueuedPublications: 256,
  gatherTimeoutMs: 250,
  leaderTimeoutMs: 10_000,
  clock: systemClock,
  random: cryptoRandom,
});

/** Options, complete. */
export type ResolvedShareOptions = ShareOptions & Defaults;

/** @throws FullduplexError `WS_OPTION_INVALID` */
export function resolveShareOptions(options: ShareOptions): ResolvedShareOptions {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const resolved: ResolvedShareOptions = { ...defaultShareOptions, ...options, ...Object.fromEntries(given) };
  if (typeof resolved.name !== 'string' || resolved.name === '') {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `option name is ${describe(resolved.name)}, expected the name that the tabs share`,
    );
  }
  const leasts: readonly [name: string, value: number, least: number][] = [
    ['requestTimeoutMs', resolved.requestTimeoutMs, 1],
    ['maxQueuedRequests', resolved.maxQueuedRequests, 1],
    ['maxQueuedPublications', resolved.maxQueuedPublications, 2],
    ['gatherTimeoutMs', resolved.gatherTimeoutMs, 1],
    ['leaderTimeoutMs', resolved.leaderTimeoutMs, 1],
  ];
  for (const [name, value, least] of leasts) {
    if (!(value >= least)) {
      throw new FullduplexError(
        'WS_OPTION_INVALID',
        `option ${name} is ${describe(value)}, expected ${least} or more`,
      );
    }
  }
  const platform = { locks: platformLocks(), BroadcastChannel: globalThis.BroadcastChannel };
  return { ...platform, ...resolved };
}

// Insecure pages, older browsers and Node before version 24 have none.
function platformLocks(): LockManagerLike | undefined {
  const platform: Partial<Navigator> | undefined = globalThis.navigator;
  return platform?.locks;
}
