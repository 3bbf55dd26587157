// What became of calls, so that each runs at most once within its window: running on a node under a lease, completed, or, when that
// lease has ended before a result came, unknown. Results are kept as long as they are not too much together; what became of a call
// whose result was let go of is unknown too, and it does not run again.

import type { CallClaim } from './engine.ts';
import { ExpiringMap } from './expiring-map.ts';
import type { Leases } from './leases.ts';

interface CompletedCall {
  readonly kind: 'completed';
  result: string | undefined;
  readonly endsAtMs: number;
}

type CallRecord =
  | CompletedCall
  | { readonly kind: 'running'; readonly node: string; readonly lease: number | undefined };

const claimed: CallClaim = Object.freeze({ kind: 'claimed' });
const unknown: CallClaim = Object.freeze({ kind: 'unknown' });
const defaultMaxResultLength = 64 * 1024 * 1024;
// Below that a result is no more than what has to be kept in any case.
const smallLength = 256;

/** The calls of an engine. */
export class CallRecords {
  readonly #leases: Leases;
  readonly #maxResultLength: number;
  readonly #records = new ExpiringMap<CallRecord>();
  // Those that have a result which is not small, the oldest first.
  readonly #completed = new Set<CompletedCall>();
  #resultLength = 0;

  /** @param maxResultLength the most characters of all results together */
  constructor(leases: Leases, maxResultLength: number = defaultMaxResultLength) {
    this.#leases = leases;
    this.#maxResultLength = maxResultLength;
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
    if (record.kind === 'completed') {
      const { result } = record;
      return result === undefined ? unknown : { kind: 'completed', result };
    }
    // The very lease: a node that was away for longer may have come back without its memory.
    return record.lease !== undefined && record.lease === this.#leases.numberOf(record.node)
      ? { kind: 'running', node: record.node }
      : unknown;
  }

  complete(key: string, result: string, windowMs: number, nowMs: number): void {
    const before = this.#records.get(key, nowMs);
    if (before?.kind === 'completed') this.#letGo(before);
    const record: CompletedCall = { kind: 'completed', result, endsAtMs: nowMs + windowMs };
    this.#records.set(key, record, record.endsAtMs);
    if (result.length <= smallLength) return;
    this.#completed.add(record);
    this.#resultLength += result.length;
    if (this.#resultLength > this.#maxResultLength) this.#letGoOfOldest(nowMs);
  }

  sweep(nowMs: number): void {
    this.#letGoOfOldest(nowMs);
    this.#records.sweep(nowMs);
  }

  clear(): void {
    this.#records.clear();
    this.#completed.clear();
    this.#resultLength = 0;
  }

  // Those that are over, and as many more as are too much.
  #letGoOfOldest(nowMs: number): void {
    for (const record of this.#completed) {
      if (record.endsAtMs > nowMs && this.#resultLength <= this.#maxResultLength) return;
      this.#letGo(record);
    }
  }

  #letGo(record: CompletedCall): void {
    if (!this.#completed.delete(record)) return;
    this.#resultLength -= record.result?.length ?? 0;
    record.result = undefined;
  }
}
