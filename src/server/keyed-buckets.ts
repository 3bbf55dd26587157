// Token buckets that connections share when the option `rateKey` gives them the same key: one user, one token, one
// tenant, with however many connections. They outlive the last connection until they are full again, so that coming back
// gives nobody a new burst.

import type { Clock } from '../base/clock.ts';
import { ReceiveBuckets, type ReceiveRateLimits } from '../connection/receive-rates.ts';

// How many keys without a connection are remembered.
const mostIdleKeys = 10_000;
const lookedAtPerKey = 2;

interface Shared {
  readonly buckets: ReceiveBuckets;
  connections: number;
}

/** The buckets of one endpoint by their keys. */
export class KeyedBuckets {
  readonly #limits: ReceiveRateLimits;
  readonly #clock: Clock;
  readonly #mostIdle: number;
  readonly #inUse = new Map<string, Shared>();
  // In the order in which their last connections went.
  readonly #idle = new Map<string, Shared>();

  constructor(limits: ReceiveRateLimits, clock: Clock, mostIdle: number = mostIdleKeys) {
    this.#limits = limits;
    this.#clock = clock;
    this.#mostIdle = mostIdle;
  }

  /** How many keys are known. */
  get size(): number {
    return this.#inUse.size + this.#idle.size;
  }

  /** Gives the buckets of a key to a connection; `leave` follows. */
  join(key: string): ReceiveBuckets {
    const shared: Shared = this.#inUse.get(key) ??
      this.#idle.get(key) ?? {
        buckets: new ReceiveBuckets(this.#limits, this.#clock.now()),
        connections: 0,
      };
    this.#idle.delete(key);
    shared.connections++;
    this.#inUse.set(key, shared);
    return shared.buckets;
  }

  /** A connection of the key is gone. */
  leave(key: string): void {
    const shared = this.#inUse.get(key);
    if (shared === undefined || --shared.connections > 0) return;
    this.#inUse.delete(key);
    this.#forgetSome();
    this.#idle.set(key, shared);
  }

  #forgetSome(): void {
    const nowMs = this.#clock.now();
    let looked = 0;
    for (const [key, { buckets }] of this.#idle) {
      if (this.#idle.size < this.#mostIdle && !buckets.isFull(nowMs)) return;
      this.#idle.delete(key);
      if (++looked === lookedAtPerKey) return;
    }
  }
}
