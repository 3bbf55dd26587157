// What became of calls, so that each runs at most once within its window: running on a node under a lease, completed, or, when that
// lease has ended before a result came, unknown.

import type { CallClaim } from './engine.ts';
import { ExpiringMap } from './expiring-map.ts';
import type { Leases } from './leases.ts';

type CallRecord =
  | { readonly kind: 'completed'; readonly result: string }
  | { readonly kind: 'running'; readonly node: string; readonly lease: number | undefined };

const claimed: CallClaim = Object.freeze({ kind: 'claimed' });

/** The calls of an engine. */
export class CallRecords {
  readonly #leases: Leases;
  readonly #records = new ExpiringMap<CallRecord>();

  constructor(leases: Leases) {
    this.#leases = leases;
  }

  get size(): number {
    return this.#records.size;
  }

  claim(key: string, node: string, windowMs: number, nowMs: number): CallClaim {
    const record = this.#records.get(key, nowMs);
    if (record === undefined) {
      const lease = this.#leases.numberOf(node);
      this.#records.set(key, { kind: 'running', node, lease }, nowMs + windowMs);
      return claimed;
    }
    if (record.kind === 'completed') return record;
    // The very lease: a node that was away for longer may have come back without its memory.
    return record.lease !== undefined && record.lease === this.#leases.numberOf(record.node)
      ? { kind: 'running', node: record.node }
      : { kind: 'unknown' };
  }

  complete(key: string, result: string, windowMs: number, nowMs: number): void {
    this.#records.set(key, { kind: 'completed', result }, nowMs + windowMs);
  }

  sweep(nowMs: number): void {
    this.#records.sweep(nowMs);
  }

  clear(): void {
    this.#records.clear();
  }
}
