// How often each address may begin an opening handshake. Every address that was heard of lately has a bucket; one that
// is full again says nothing and is forgotten, and there are never more than a few thousand.

import { type RateLimit, TokenBucket } from '../base/token-bucket.ts';

// Some MiB. Who has more addresses than this can be given a new bucket now and then: that does not help much, since each
// of the addresses has a burst of its own anyway.
const mostBuckets = 32_768;
// How many of the oldest are looked at with each handshake: more than one, so that the table shrinks.
const lookedAtPerHandshake = 2;

/** The buckets of all addresses. */
export class HandshakeRates {
  readonly #limit: RateLimit;
  readonly #mostBuckets: number;
  // In the order in which they were asked for last.
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(limit: RateLimit, most: number = mostBuckets) {
    this.#limit = limit;
    this.#mostBuckets = most;
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Counts a handshake; gives 0 when it may go on, or after how many milliseconds the next one may. */
  count(key: string, nowMs: number): number {
    const buckets = this.#buckets;
    const bucket = buckets.get(key) ?? new TokenBucket(this.#limit, nowMs);
    buckets.delete(key);
    this.#forgetSome(nowMs);
    buckets.set(key, bucket);
    return bucket.take(1, nowMs) ? 0 : bucket.waitMs(1, nowMs);
  }

  #forgetSome(nowMs: number): void {
    let looked = 0;
    for (const [key, bucket] of this.#buckets) {
      // The first are those that were used longest ago: beyond the most, they are forgotten in any case.
      if (this.#buckets.size < this.#mostBuckets && !bucket.isFull(nowMs)) return;
      this.#buckets.delete(key);
      if (++looked === lookedAtPerHandshake) return;
    }
  }
}
