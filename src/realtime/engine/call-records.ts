// What became of calls, so that each runs at most once within its window: running on a node under a lease, completed, or, when that
// lease has ended before a result came, unknown. There are more calls than anything else, so a record is small, and stands with those of
// its session in the order in which they came. Results are kept as long as they are not too much together; what became of a
// call whose result was let go of is unknown too, and it does not run again.

import type { CallClaim, CallId } from './engine.ts';
import type { Leases } from './leases.ts';

class CallRecord {
  /** The node that runs it, until it is completed. */
  node: string | undefined;
  /** The lease of that node: 0 when it had none. */
  readonly lease: number;
  result: string | undefined;
  endsAtMs: number;

  constructor(node: string | undefined, lease: number, endsAtMs: number) {
    this.node = node;
    this.lease = lease;
    this.result = undefined;
    this.endsAtMs = endsAtMs;
  }
}

const claimed: CallClaim = Object.freeze({ kind: 'claimed' });
const unknown: CallClaim = Object.freeze({ kind: 'unknown' });
const defaultMaxResultLength = 64 * 1024 * 1024;
// Below that a result is no more than what has to be kept in any case.
const smallLength = 256;

/** The calls of an engine. */
export class CallRecords {
  readonly #leases: Leases;
  readonly #maxResultLength: number;
  // By session, then by id. A number and its text are two ids.
  readonly #sessions = new Map<string, Map<CallId, CallRecord>>();
  // Those that have a result which is not small, the oldest first.
  readonly #large = new Set<CallRecord>();
  #largeLength = 0;

  /** @param maxResultLength the most characters of all results together that are not small */
  constructor(leases: Leases, maxResultLength: number = defaultMaxResultLength) {
    this.#leases = leases;
    this.#maxResultLength = maxResultLength;
  }

  /** How many there are, with those that are over and not yet swept. */
  get size(): number {
    let size = 0;
    for (const calls of this.#sessions.values()) size += calls.size;
    return size;
  }

  claim(session: string, id: CallId, node: string, windowMs: number, nowMs: number): CallClaim {
    const calls = this.#callsOf(session);
    const record = calls.get(id);
    if (record === undefined || record.endsAtMs <= nowMs) {
      if (record !== undefined) this.#remove(calls, id, record);
      calls.set(id, new CallRecord(node, this.#leases.numberOf(node) ?? 0, nowMs + windowMs));
      return claimed;
    }
    if (record.node === undefined) {
      const { result } = record;
      return result === undefined ? unknown : { kind: 'completed', result };
    }
    // The very lease: a node that was away for longer may have come back without its memory.
    return record.lease !== 0 && record.lease === this.#leases.numberOf(record.node)
      ? { kind: 'running', node: record.node }
      : unknown;
  }

  complete(session: string, id: CallId, result: string, windowMs: number, nowMs: number): void {
    const calls = this.#callsOf(session);
    const endsAtMs = nowMs + windowMs;
    let record = calls.get(id);
    if (record === undefined) {
      record = new CallRecord(undefined, 0, endsAtMs);
      calls.set(id, record);
    } else {
      this.#letGo(record);
      record.node = undefined;
      record.endsAtMs = endsAtMs;
    }
    record.result = result;
    if (result.length <= smallLength) return;
    this.#large.add(record);
    this.#largeLength += result.length;
    if (this.#largeLength > this.#maxResultLength) this.#letGoOfOldest(nowMs);
  }

  /** Forgets what nobody asks for any more. */
  forget(session: string, ids: readonly CallId[]): void {
    const calls = this.#sessions.get(session);
    if (calls === undefined) return;
    for (const id of ids) {
      const record = calls.get(id);
      if (record !== undefined) this.#remove(calls, id, record);
    }
    if (calls.size === 0) this.#sessions.delete(session);
  }

  /** Lets go of what is over: of each session the oldest, up to the first that is not, so that a look costs no more than what goes. */
  sweep(nowMs: number): void {
    this.#letGoOfOldest(nowMs);
    for (const [session, calls] of this.#sessions) {
      for (const [id, record] of calls) {
        if (record.endsAtMs > nowMs) break;
        this.#remove(calls, id, record);
      }
      if (calls.size === 0) this.#sessions.delete(session);
    }
  }

  clear(): void {
    this.#sessions.clear();
    this.#large.clear();
    this.#largeLength = 0;
  }

  #callsOf(session: string): Map<CallId, CallRecord> {
    let calls = this.#sessions.get(session);
    if (calls === undefined) {
      calls = new Map();
      this.#sessions.set(session, calls);
    }
    return calls;
  }

  #remove(calls: Map<CallId, CallRecord>, id: CallId, record: CallRecord): void {
    calls.delete(id);
    this.#letGo(record);
  }

  // Those that are over, and as many more as are too much.
  #letGoOfOldest(nowMs: number): void {
    for (const record of this.#large) {
      if (record.endsAtMs > nowMs && this.#largeLength <= this.#maxResultLength) return;
      this.#letGo(record);
    }
  }

  #letGo(record: CallRecord): void {
    const length = record.result?.length ?? 0;
    if (length <= smallLength || !this.#large.delete(record)) return;
    this.#largeLength -= length;
    record.result = undefined;
  }
}
