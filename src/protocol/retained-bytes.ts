// Memory that a connection keeps between reads, counted against its own limit and against a budget that it shares
// with others. What is counted is what is allocated, not what has been filled.

import type { MemoryBudget } from './memory-budget.ts';
import { ProtocolError } from './protocol-error.ts';

const leastGrowthFactor = 1.125;

/** Counts what one connection retains. */
export class RetainedBytes {
  readonly #limitBytes: number;
  readonly #budget: MemoryBudget | undefined;
  #count = 0;

  constructor(limitBytes: number, budget: MemoryBudget | undefined) {
    this.#limitBytes = limitBytes;
    this.#budget = budget;
  }

  /** The bytes retained now. */
  get count(): number {
    return this.#count;
  }

  /** Counts `byteCount` more bytes, or counts nothing and says which limit forbids it. */
  add(byteCount: number): ProtocolError | undefined {
    if (this.#count + byteCount > this.#limitBytes) {
      return new ProtocolError(
        'WS_MEMORY_EXHAUSTED',
        1009,
        'RFC 6455 10.4',
        `unfinished input would retain ${this.#count + byteCount} bytes, at most ${this.#limitBytes} for a connection`,
      );
    }
    if (this.#budget !== undefined && !this.#budget.reserve(byteCount)) {
      return new ProtocolError(
        'WS_MEMORY_EXHAUSTED',
        1013,
        'RFC 6455 10.4',
        `all connections together retain ${this.#budget.retainedBytes} bytes of unfinished input, at most ${this.#budget.limitBytes}`,
      );
    }
    this.#count += byteCount;
    return undefined;
  }

  /**
   * Counts that memory of `heldBytes` is replaced by `wantedBytes`, or by less where the limits are near, but by
   * `neededBytes` at least. Gives the size to allocate, or says which limit forbids it.
   */
  resize(heldBytes: number, neededBytes: number, wantedBytes: number): number | ProtocolError {
    const room =
      Math.min(this.#limitBytes - this.#count, this.#budget?.availableBytes ?? Infinity) + heldBytes;
    // Near a limit memory still grows by a share, not by what is needed now: a copy for every tiny fragment would
    // let a peer keep this side busy.
    const granted =
      wantedBytes <= room
        ? wantedBytes
        : Math.max(neededBytes, Math.min(room, Math.ceil(neededBytes * leastGrowthFactor)));
    return this.add(granted - heldBytes) ?? granted;
  }

  /** Counts `byteCount` bytes less. */
  subtract(byteCount: number): void {
    this.#count -= byteCount;
    this.#budget?.release(byteCount);
  }
}
