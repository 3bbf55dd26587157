// Token buckets that connections share when the option `rateKey` gives them the same key: one user, one token, one
// tenant, with however many connections. They outlive the last connection until they are full again, so that coming back
// gives nobody a new burst.

import type { Clock } from '../base/clock.ts';
import type { RateLimit } from '../base/token-bucket.ts';
import { ReceiveBuckets, type ReceiveRateLimits } from '../connection/receive-rates.ts';

// How many keys without a connection are remembered.
const mostIdleKeys = 10_000;

interface Shared {
  readonly buckets: ReceiveBuckets;
  connections: number;
}

/** The buckets of one endpoint by their keys. */
export class KeyedBuckets {
  readonly #limits: ReceiveRateLimits;
  readonly #clock: Clock;
  readonly #mostRecent: number;
  readonly #inUse = new Map<string, Shared>();
  // Whose last connection went since the last turn, and in the time before: these are forgotten at the next turn, when
  // their buckets must be full.
  #recent = new Map<string, Shared>();
  #former = new Map<string, Shared>();
  readonly #refillMs: number;
  #turnedAtMs: number;

  constructor(limits: ReceiveRateLimits, clock: Clock, mostIdle: number = mostIdleKeys) {
    this.#limits = limits;
    this.#clock = clock;
    this.#mostRecent = Math.ceil(mostIdle / 2);
    this.#refillMs = Math.max(refillMsOf(limits.messages), refillMsOf(limits.bytes));
    this.#turnedAtMs = clock.now();
  }

  /** How many keys are known. */
  get size(): number {
    return this.#inUse.size + this.#recent.size + this.#former.size;
  }

  /** Gives the buckets of a key to a connection; `leave` follows. */
  join(key: string): ReceiveBuckets {
    this.#turn();
    const known = this.#inUse.get(key) ?? this.#recent.get(key) ?? this.#former.get(key);
    const shared: Shared = known ?? {
      buckets: new ReceiveBuckets(this.#limits, this.#clock.now()),
      connections: 0,
    };
    this.#recent.delete(key);
    this.#former.delete(key);
    shared.connections++;
    this.#inUse.set(key, shared);
    return shared.buckets;
  }

  /** A connection of the key is gone. */
  leave(key: string): void {
    const shared = this.#inUse.get(key);
    if (shared === undefined || --shared.connections > 0) return;
    this.#inUse.delete(key);
    this.#turn();
    this.#recent.set(key, shared);
  }

  #turn(): void {
    const nowMs = this.#clock.now();
    if (nowMs - this.#turnedAtMs < this.#refillMs && this.#recent.size < this.#mostRecent) return;
    this.#former = this.#recent;
    this.#recent = new Map();
    this.#turnedAtMs = nowMs;
  }
}

// How long it takes an empty bucket to be full. It can be in debt by one read, which is not worth remembering longer.
function refillMsOf(limit: RateLimit | undefined): number {
  return limit === undefined ? 0 : (limit.burst * 1000) / limit.perSecond;
}
