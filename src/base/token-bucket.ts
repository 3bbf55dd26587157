// A rate with room for bursts: tokens come back at a steady pace up to a most, and whoever does something takes some. It
// owns no timer: it is told the time whenever it is asked.

import { describe, FullduplexError } from './errors.ts';

/** A rate, and how far it may be exceeded for a moment. */
export interface RateLimit {
  /** How many come back each second: above 0, fractions are allowed. */
  readonly perSecond: number;
  /** How many may be spent at once after a quiet time: 1 or more. */
  readonly burst: number;
}

// What rounding may leave missing of a token after a wait that was computed to be long enough.
const roundingTokens = 1e-6;

/** The tokens of somebody whose rate is limited. It is full at first. */
export class TokenBucket {
  readonly #limit: RateLimit;
  #tokens: number;
  #atMs: number;

  constructor(limit: RateLimit, nowMs: number) {
    this.#limit = limit;
    this.#tokens = limit.burst;
    this.#atMs = nowMs;
  }

  /** Takes `count` tokens, or takes nothing and gives false when fewer are there. */
  take(count: number, nowMs: number): boolean {
    if (this.waitMs(count, nowMs) > 0) return false;
    this.#tokens -= count;
    return true;
  }

  /** Takes `count` tokens, there or not: what is missing is a debt, and comes back first. */
  spend(count: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#tokens -= count;
  }

  /** How many milliseconds it takes until `count` tokens are there; 0 when they are. */
  waitMs(count: number, nowMs: number): number {
    this.#refill(nowMs);
    const missing = count - this.#tokens;
    return missing <= roundingTokens ? 0 : (missing * 1000) / this.#limit.perSecond;
  }

  #refill(nowMs: number): void {
    const { perSecond, burst } = this.#limit;
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#atMs) * perSecond) / 1000);
    this.#atMs = nowMs;
  }
}

/**
 * Checks a rate.
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function requireRate<Rate extends RateLimit>(name: string, rate: Rate): Rate {
  const given: unknown = rate;
  if (typeof given !== 'object' || given === null) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `option ${name} is ${describe(given)}, expected { perSecond, burst }`,
    );
  }
  const { perSecond, burst } = rate;
  requireNumber(`${name}.perSecond`, perSecond, perSecond > 0, 'above 0');
  requireNumber(`${name}.burst`, burst, burst >= 1, 'of at least 1');
  return Object.freeze({ ...rate });
}

function requireNumber(name: string, value: unknown, isInRange: boolean, range: string): void {
  if (typeof value === 'number' && Number.isFinite(value) && isInRange) return;
  throw new FullduplexError(
    'WS_OPTION_INVALID',
    `option ${name} is ${describe(value)}, expected a number ${range}`,
  );
}
