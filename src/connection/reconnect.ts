// Connecting again and again, as an async iterator: dial, hand out the connection, wait for its end, back off, dial.
// How one connection is made belongs to the dial function; this file knows time, chance and the kinds of failures.

import { type Clock, systemClock } from '../base/clock.ts';
import { describe, FullduplexError } from '../base/errors.ts';
import { cryptoRandom, type RandomSource } from '../base/random.ts';
import { requireInteger } from '../protocol/limits.ts';
import { requireSignal } from './callback-checks.ts';
import type { Connection } from './connection.ts';
import { comeBackAfterMs } from './come-back.ts';
import { isTransient, retryAfterMsOf } from './retry.ts';

/** Makes one connection; the signal ends the attempt. */
export type Dial = (signal: AbortSignal) => Promise<Connection>;

/** When a client connects again. */
export interface ReconnectOptions {
  /** The shortest wait before connecting again, in milliseconds. @defaultValue 250 */
  readonly minDelayMs?: number;
  /** The longest wait, in milliseconds, unless the server asks for a longer one. @defaultValue 30,000 */
  readonly maxDelayMs?: number;
  /** A connection that lived for this long, in milliseconds, counts as a success: the waits start over. @defaultValue 10,000 */
  readonly stableAfterMs?: number;
  /**
   * Decides whether an attempt that failed is followed by another one; if not, the error is thrown out of the loop.
   * @defaultValue isTransient: network errors, timeouts, and the statuses 408, 425, 429 and 5xx
   */
  readonly shouldRetry?: (error: unknown) => boolean;
  /**
   * The longest wait that a server may ask for in the reason of its close frame (`come back in 1500 ms`, with 1001, 1012 or
   * 1013), in milliseconds; 0 ignores it. @defaultValue 300,000
   */
  readonly maxComeBackMs?: number;
  /** Ends the loop without an error, and closes the connection that it is at with 1000. */
  readonly signal?: AbortSignal;
}

/** The options that hold when none are given. */
export const defaultReconnectOptions: Readonly<
  Required<Pick<ReconnectOptions, 'minDelayMs' | 'maxDelayMs' | 'stableAfterMs' | 'maxComeBackMs'>>
> = Object.freeze({ minDelayMs: 250, maxDelayMs: 30_000, stableAfterMs: 10_000, maxComeBackMs: 300_000 });

/** Time and chance. */
export interface ReconnectEnvironment {
  /** @defaultValue systemClock */
  readonly clock?: Clock;
  /** @defaultValue cryptoRandom */
  readonly random?: RandomSource;
}

const longestDelayMs = 0x7fff_ffff;

/**
 * Gives an iterable that connects each time it is asked for the next connection.
 *
 * The body of the loop works with one connection. When it comes back, the connection is closed with 1000 if it is
 * still open, its end is awaited, then comes a wait and the next attempt. Leaving the loop (`break`, `return`, an error)
 * closes the connection as well, and awaits its end for at most `closeTimeoutMs`.
 *
 * The n-th wait in a row is drawn evenly from `minDelayMs` to `minDelayMs * 2^(n+1)`, at most `maxDelayMs`, so that many
 * clients do not come back at once; a Retry-After of 429 and 503, or the time after which a server that closed has asked
 * to come back, is added to that.
 * @throws FullduplexError `WS_OPTION_INVALID`; out of the loop: the error of an attempt that `shouldRetry` gives up on
 */
export function reconnectBy(
  dial: Dial,
  options: ReconnectOptions = {},
  environment: ReconnectEnvironment = {},
): AsyncIterable<Connection> {
  const plan = new ReconnectPlan(options, environment);
  return { [Symbol.asyncIterator]: () => connections(dial, plan) };
}

/** Checked options, and the waits that follow from them. */
class ReconnectPlan {
  readonly clock: Clock;
  readonly stableAfterMs: number;
  readonly maxComeBackMs: number;
  readonly signal: AbortSignal;
  readonly shouldRetry: (error: unknown) => boolean;
  readonly #minDelayMs: number;
  readonly #maxDelayMs: number;
  readonly #random: RandomSource;

  constructor(options: ReconnectOptions, { clock, random }: ReconnectEnvironment) {
    const defaults = defaultReconnectOptions;
    const { minDelayMs, maxDelayMs, stableAfterMs, maxComeBackMs, shouldRetry, signal } = options;
    this.#minDelayMs = requireInteger('minDelayMs', minDelayMs ?? defaults.minDelayMs, 1, longestDelayMs);
    this.#maxDelayMs = requireInteger(
      'maxDelayMs',
      maxDelayMs ?? Math.max(defaults.maxDelayMs, this.#minDelayMs),
      this.#minDelayMs,
      longestDelayMs,
    );
    this.stableAfterMs = requireInteger(
      'stableAfterMs',
      stableAfterMs ?? defaults.stableAfterMs,
      0,
      longestDelayMs,
    );
    this.maxComeBackMs = requireInteger(
      'maxComeBackMs',
      maxComeBackMs ?? defaults.maxComeBackMs,
      0,
      longestDelayMs,
    );
    if (shouldRetry !== undefined && typeof shouldRetry !== 'function') {
      throw new FullduplexError(
        'WS_OPTION_INVALID',
        `option shouldRetry is ${describe(shouldRetry)}, expected a function`,
      );
    }
    requireSignal(signal);
    this.shouldRetry = shouldRetry ?? isTransient;
    this.signal = signal ?? new AbortController().signal;
    this.clock = clock ?? systemClock;
    this.#random = random ?? cryptoRandom;
  }

  /**
   * Gives the wait before the attempt that follows `waits` waits since the last success.
   * @param atLeastMs how long the server has asked to be left alone
   */
  delayMs(waits: number, atLeastMs: number): number {
    const mostMs = Math.min(this.#maxDelayMs, this.#minDelayMs * 2 ** (waits + 2));
    const bytes = new Uint8Array(4);
    this.#random.fill(bytes);
    const fraction = new DataView(bytes.buffer).getUint32(0) / 2 ** 32;
    const backoffMs = this.#minDelayMs + fraction * (mostMs - this.#minDelayMs);
    return Math.min(longestDelayMs, atLeastMs + backoffMs);
  }
}

async function* connections(dial: Dial, plan: ReconnectPlan): AsyncGenerator<Connection, void, undefined> {
  const { clock, signal, stableAfterMs } = plan;
  let waits = 0;
  while (!signal.aborted) {
    const attempt = await outcomeOf(dial, signal);
    let atLeastMs = 0;
    if (attempt.connection !== undefined) {
      const openedAtMs = clock.now();
      yield* untilEnd(attempt.connection, signal);
      if (clock.now() - openedAtMs >= stableAfterMs) waits = 0;
      atLeastMs = comeBackAfterMs(attempt.connection.closedInfo, plan.maxComeBackMs);
    } else if (signal.aborted) {
      return;
    } else if (!plan.shouldRetry(attempt.error)) {
      throw attempt.error;
    } else {
      atLeastMs = retryAfterMsOf(attempt.error, Date.now());
    }
    await pass(plan.delayMs(waits++, atLeastMs), clock, signal);
  }
}

type Outcome =
  | { readonly connection: Connection; readonly error?: undefined }
  | { readonly connection?: undefined; readonly error: unknown };

async function outcomeOf(dial: Dial, signal: AbortSignal): Promise<Outcome> {
  try {
    return { connection: await dial(signal) };
  } catch (error) {
    return { error };
  }
}

/** Hands out the connection, and closes it when the body of the loop comes back, is left, or the signal says so. */
async function* untilEnd(
  connection: Connection,
  signal: AbortSignal,
): AsyncGenerator<Connection, void, undefined> {
  const close = (): void => void connection.close();
  signal.addEventListener('abort', close);
  try {
    if (!signal.aborted) yield connection;
  } finally {
    signal.removeEventListener('abort', close);
    await connection.close();
  }
}

/** Waits, but not longer than the signal allows. */
function pass(durationMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.setTimer(done, durationMs);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
