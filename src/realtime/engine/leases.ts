// The leases of nodes, and what each node answers for while its lease runs. A lease that ended and is begun anew is another
// lease: what stood on the one before is gone.

import type { Clock, Timer } from '../../base/clock.ts';

interface Lease {
  readonly number: number;
  /** The keys that the node answers for, by channel. */
  readonly owned: Map<string, Set<string>>;
  timer: Timer;
}

/** Called when a lease has ended, with the keys that it held, by channel. */
export type LeaseEnded = (node: string, owned: ReadonlyMap<string, ReadonlySet<string>>) => void;

/** All leases of an engine. */
export class Leases {
  readonly #clock: Clock;
  readonly #ended: LeaseEnded;
  readonly #leases = new Map<string, Lease>();
  #lastNumber = 0;

  constructor(clock: Clock, ended: LeaseEnded) {
    this.#clock = clock;
    this.#ended = ended;
  }

  get size(): number {
    return this.#leases.size;
  }

  /** Begins a lease, or renews it from now; says whether it was begun. */
  renew(node: string, ttlMs: number): boolean {
    const timer = this.#clock.setTimer(() => this.end(node), ttlMs);
    timer.unref?.();
    const lease = this.#leases.get(node);
    if (lease === undefined) {
      this.#leases.set(node, { number: ++this.#lastNumber, owned: new Map(), timer });
      return true;
    }
    lease.timer.cancel();
    lease.timer = timer;
    return false;
  }

  /** Which lease the node has: a number that no other lease has; undefined: none. */
  numberOf(node: string): number | undefined {
    return this.#leases.get(node)?.number;
  }

  /** Ends a lease now; nothing happens when there is none. */
  end(node: string): void {
    const lease = this.#leases.get(node);
    if (lease === undefined) return;
    lease.timer.cancel();
    this.#leases.delete(node);
    this.#ended(node, lease.owned);
  }

  /** Notes that the node answers for a key, while it has a lease. */
  own(node: string, channel: string, key: string): void {
    const owned = this.#leases.get(node)?.owned;
    if (owned === undefined) return;
    const keys = owned.get(channel);
    if (keys === undefined) owned.set(channel, new Set([key]));
    else keys.add(key);
  }

  /** Notes that it no longer does. */
  disown(node: string, channel: string, key: string): void {
    const owned = this.#leases.get(node)?.owned;
    const keys = owned?.get(channel);
    if (keys?.delete(key) === true && keys.size === 0) owned?.delete(channel);
  }

  /** Stops all timers, and tells nobody. */
  clear(): void {
    for (const { timer } of this.#leases.values()) timer.cancel();
    this.#leases.clear();
  }
}
