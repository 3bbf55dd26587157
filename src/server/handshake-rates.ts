// How often each address may begin an opening handshake. Every address that was heard of lately has a bucket; one that
// must be full again says nothing and is forgotten, and there are never more than a few thousand.

import { type RateLimit, TokenBucket } from '../base/token-bucket.ts';

// Some MiB. Who has more addresses than this can be given a new bucket now and then: that does not help much, since each
// of the addresses has a burst of its own anyway.
const mostBuckets = 32_768;

/** The buckets of all addresses. */
export class HandshakeRates {
  readonly #limit: RateLimit;
  readonly #mostRecent: number;
  readonly #refillMs: number;
  // Who was heard of since the last turn, and who was heard of last in the time before: at the next turn these are
  // forgotten all at once. One list in the order of use would cost more: a Map is slow at its front when entries go there.
  #recent = new Map<string, TokenBucket>();
  #former = new Map<string, TokenBucket>();
  #turnedAtMs: number;

  constructor(limit: RateLimit, nowMs: number, most: number = mostBuckets) {
    this.#limit = limit;
    this.#mostRecent = Math.ceil(most / 2);
    // So long it takes an empty bucket to be full.
    this.#refillMs = (limit.burst * 1000) / limit.perSecond;
    this.#turnedAtMs = nowMs;
  }

  /** How many addresses are remembered, at most. */
  get size(): number {
    return this.#recent.size + this.#former.size;
  }

  /** Counts a handshake; gives 0 when it may go on, or after how many milliseconds the next one may. */
  count(key: string, nowMs: number): number {
    const isOver = nowMs - this.#turnedAtMs >= this.#refillMs;
    if (isOver || this.#recent.size >= this.#mostRecent) {
      this.#former = this.#recent;
      this.#recent = new Map();
      this.#turnedAtMs = nowMs;
    }
    let bucket = this.#recent.get(key);
    if (bucket === undefined) {
      bucket = this.#former.get(key) ?? new TokenBucket(this.#limit, nowMs);
      this.#former.delete(key);
      this.#recent.set(key, bucket);
    }
    return bucket.take(1, nowMs) ? 0 : bucket.waitMs(1, nowMs);
  }
}
