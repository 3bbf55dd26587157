// The options of a hub, their defaults and their checks. They are safe without configuration: everything that a client can make
// grow has a bound, and every wait has an end.

import { type Clock, systemClock } from '../../base/clock.ts';
import { describe, FullduplexError } from '../../base/errors.ts';
import { cryptoRandom, type RandomSource } from '../../base/random.ts';
import { portableScheduler, type Scheduler } from '../../base/scheduler.ts';
import { portableTextCodec, type TextCodec } from '../../base/text-codec.ts';
import { type RateLimit, requireRate } from '../../base/token-bucket.ts';
import { requireInteger } from '../../protocol/limits.ts';
import type { AllowedOrigins } from '../../server/origin.ts';
import type { Engine } from '../engine/engine.ts';
import { MemoryEngine } from '../engine/memory-engine.ts';
import type { HubProbe } from './hub-probe.ts';
import type { LinkPeer } from './link-acceptor.ts';

/** What there is to know who somebody is. */
export interface AuthenticationRequest {
  /** What the client gave; undefined: nothing. */
  readonly token: string | undefined;
  /**
   * Who opened the link, with the headers of the request: cookies stand there. Undefined when a client refreshes its token on a link
   * that is open: then the token alone counts.
   */
  readonly peer: LinkPeer | undefined;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

/** Who somebody is. */
export interface Authentication<Data = undefined> {
  /** The name of the user; without it, somebody who has none. */
  readonly user?: string;
  /** Until when that holds, in milliseconds since 1970; the client is told to come back with a new token then. @defaultValue no end */
  readonly expiresAt?: number;
  /** What else the application wants to know of the session: rules and handlers find it there. It has to be JSON where several nodes share an engine. */
  readonly data?: Data;
}

/** The bounds of a hub. */
export interface HubLimits {
  /** How long a session waits for its client to come back, in milliseconds. @defaultValue 120,000 */
  readonly sessionTtlMs: number;
  /** How often a heartbeat is sent, in milliseconds. The first comes a second after the welcome. @defaultValue 25,000 */
  readonly heartbeatMs: number;
  /** How long after a heartbeat something has to arrive, in milliseconds. @defaultValue 20,000 */
  readonly heartbeatTimeoutMs: number;
  /** How long after its opening a link may take to say hello, in milliseconds. @defaultValue 10,000 */
  readonly helloTimeoutMs: number;
  /** The most bytes of one message of a client. @defaultValue 1 MiB */
  readonly maxFrameBytes: number;
  /** The most channels that a session follows at a time. @defaultValue 100 */
  readonly maxSubscriptions: number;
  /** The most requests of a session that run at once. @defaultValue 100 */
  readonly maxPendingRequests: number;
  /** How many more may wait for their turn, together no longer than two messages may be. @defaultValue 1,000 */
  readonly maxQueuedRequests: number;
  /** How long a request may take, in milliseconds; clients may ask for less. @defaultValue 30,000 */
  readonly requestTimeoutMs: number;
  /**
   * For how long the same request is known again, in milliseconds. A client that was away for as long as its session waits sends
   * again what was not answered before, unless that was first sent too long ago for this window and a message that is on its way for as
   * long as a link may be silent: then it fails as `OUTCOME_UNKNOWN`, so that nothing happens twice.
   * @defaultValue 180,000
   */
  readonly idempotencyWindowMs: number;
  /** From how many waiting bytes on a link is full, so that its session reads on from the engine later. @defaultValue 64 KiB */
  readonly highWaterMarkBytes: number;
  /** The most bytes that wait on one link: a client that asks more than it reads is ended. @defaultValue 4 MiB */
  readonly maxBufferedBytes: number;
  /** The most publications that one page of a history has. @defaultValue 1,000 */
  readonly maxHistory: number;
  /** How long the lease of this node runs, in milliseconds: so long after its death it is seen as gone. @defaultValue 30,000 */
  readonly leaseMs: number;
}

/** The options of a hub. */
export interface HubOptions<Data = undefined> extends Partial<HubLimits> {
  /** Where everything is kept that outlives a connection. @defaultValue a MemoryEngine of its own */
  readonly engine?: Engine;
  /**
   * Says who somebody is; undefined refuses. Without it everybody is let in, without a name: the rules of the channels are
   * all that is left. @defaultValue everybody is anonymous
   */
  authenticate?(
    request: AuthenticationRequest,
  ): Authentication<Data> | undefined | Promise<Authentication<Data> | undefined>;
  /**
   * How many requests a session may make: publications, calls, and questions for history and presence. One that is sent again counts
   * again, unless it still waits or runs. Each session counts by itself: for what a user may in all, ask in the rules. Beyond it they are refused with `RATE_LIMITED`, which says when the next one may come. `false`, and one client keeps the
   * server, the engine and all subscribers of a channel as busy as it likes. @defaultValue 100 a second, 1,000 at once
   */
  readonly sessionRate?: RateLimit | false;
  /**
   * Which web pages may connect. Loosened to `any`, every page of the web can act in the name of your users, with their cookies.
   * @defaultValue 'same-origin'
   */
  readonly allowedOrigins?: AllowedOrigins;
  /** Hears what rules and handlers throw. @defaultValue console.error */
  onError?(error: unknown): unknown;
  /** Where all deadlines come from; for tests. @defaultValue the system's clock */
  readonly clock?: Clock;
  /** The time of day, in milliseconds since 1970: for the expiry of tokens. @defaultValue Date.now */
  readonly timeOfDay?: () => number;
  /** Where ids and secrets come from. @defaultValue the platform's cryptographic generator */
  readonly random?: RandomSource;
}

/** What a platform gives a hub. */
export interface HubPlatform {
  /** When what was told in one turn is sent. */
  readonly scheduler?: Scheduler;
  /** Encodes what goes to many. */
  readonly text?: TextCodec;
  /** Who watches. */
  readonly probe?: HubProbe;
}

/** Options that are complete, and what the platform gave. */
export interface HubSettings extends HubLimits {
  readonly engine: Engine;
  readonly authenticate: HubOptions<unknown>['authenticate'];
  /** Undefined: no limit. */
  readonly sessionRate: RateLimit | undefined;
  readonly allowedOrigins: AllowedOrigins;
  readonly onError: (error: unknown) => unknown;
  readonly clock: Clock;
  readonly timeOfDay: () => number;
  readonly random: RandomSource;
  readonly scheduler: Scheduler;
  readonly text: TextCodec;
  readonly probe: HubProbe | undefined;
}

/** The bounds that hold when none are given. */
export const defaultHubLimits: HubLimits = Object.freeze({
  sessionTtlMs: 120_000,
  heartbeatMs: 25_000,
  heartbeatTimeoutMs: 20_000,
  helloTimeoutMs: 10_000,
  maxFrameBytes: 1024 * 1024,
  maxSubscriptions: 100,
  maxPendingRequests: 100,
  maxQueuedRequests: 1_000,
  requestTimeoutMs: 30_000,
  idempotencyWindowMs: 180_000,
  highWaterMarkBytes: 64 * 1024,
  maxBufferedBytes: 4 * 1024 * 1024,
  maxHistory: 1_000,
  leaseMs: 30_000,
});

/** How many requests a session may make when nothing is said. */
export const defaultSessionRate: RateLimit = Object.freeze({ perSecond: 100, burst: 1_000 });

const longestDelayMs = 2_147_483_647;
// The smallest and the largest that makes sense.
const limitRanges: { readonly [Name in keyof HubLimits]: readonly [min: number, max: number] } = {
  sessionTtlMs: [1_000, longestDelayMs],
  heartbeatMs: [100, longestDelayMs],
  heartbeatTimeoutMs: [100, longestDelayMs],
  helloTimeoutMs: [100, longestDelayMs],
  maxFrameBytes: [1024, 1024 * 1024 * 1024],
  maxSubscriptions: [1, 1_000_000],
  maxPendingRequests: [1, 1_000_000],
  maxQueuedRequests: [0, 1_000_000],
  requestTimeoutMs: [1, longestDelayMs],
  idempotencyWindowMs: [1_000, longestDelayMs],
  highWaterMarkBytes: [1, 1024 * 1024 * 1024],
  maxBufferedBytes: [1024, Number.MAX_SAFE_INTEGER],
  maxHistory: [1, 100_000],
  leaseMs: [1_000, longestDelayMs],
};

/**
 * Completes the options with the defaults and checks them.
 * @throws FullduplexError `WS_OPTION_INVALID` naming the option, what was given and what is allowed.
 */
export function resolveHubOptions(given: HubOptions<unknown>, platform: HubPlatform): HubSettings {
  const limit = (name: keyof HubLimits): number =>
    requireInteger(name, given[name] ?? defaultHubLimits[name], ...limitRanges[name]);
  for (const name of ['authenticate', 'onError', 'timeOfDay'] as const) {
    const value: unknown = given[name];
    if (value === undefined || typeof value === 'function') continue;
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `option ${name} is ${describe(value)}, expected a function`,
    );
  }
  const { clock = systemClock, random = cryptoRandom, sessionRate = defaultSessionRate } = given;
  return {
    sessionTtlMs: limit('sessionTtlMs'),
    heartbeatMs: limit('heartbeatMs'),
    heartbeatTimeoutMs: limit('heartbeatTimeoutMs'),
    helloTimeoutMs: limit('helloTimeoutMs'),
    maxFrameBytes: limit('maxFrameBytes'),
    maxSubscriptions: limit('maxSubscriptions'),
    maxPendingRequests: limit('maxPendingRequests'),
    maxQueuedRequests: limit('maxQueuedRequests'),
    requestTimeoutMs: limit('requestTimeoutMs'),
    idempotencyWindowMs: limit('idempotencyWindowMs'),
    highWaterMarkBytes: limit('highWaterMarkBytes'),
    maxBufferedBytes: limit('maxBufferedBytes'),
    maxHistory: limit('maxHistory'),
    leaseMs: limit('leaseMs'),
    sessionRate: sessionRate === false ? undefined : requireRate('sessionRate', sessionRate),
    engine: given.engine ?? new MemoryEngine({ clock, random }),
    authenticate: given.authenticate === undefined ? undefined : (request) => given.authenticate?.(request),
    allowedOrigins: given.allowedOrigins ?? 'same-origin',
    onError: (error) => {
      platform.probe?.failed(error);
      return given.onError === undefined ? reportToConsole(error) : given.onError(error);
    },
    clock,
    timeOfDay: given.timeOfDay ?? Date.now,
    random,
    scheduler: platform.scheduler ?? portableScheduler,
    text: platform.text ?? portableTextCodec,
    probe: platform.probe,
  };
}

function reportToConsole(error: unknown): void {
  console.error(error);
}
