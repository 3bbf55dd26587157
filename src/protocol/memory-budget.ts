// A bound on what many connections together keep of unfinished input. One budget is shared by all connections of a
// server, so that ten thousand stalled messages cannot hold ten thousand times the limit of one.

import { requireInteger } from './limits.ts';

/** Counts bytes that connections retain, up to a limit. */
export class MemoryBudget {
  readonly #limitBytes: number;
  #retainedBytes = 0;

  /** @throws FullduplexError `WS_OPTION_INVALID` */
  constructor(limitBytes: number) {
    this.#limitBytes = requireInteger('limitBytes', limitBytes, 1);
  }

  /** The most bytes that may be retained together. */
  get limitBytes(): number {
    return this.#limitBytes;
  }

  /** The bytes retained now. */
  get retainedBytes(): number {
    return this.#retainedBytes;
  }

  /** The bytes that are left. */
  get availableBytes(): number {
    return this.#limitBytes - this.#retainedBytes;
  }

  /** Takes `byteCount` from the budget, or takes nothing and gives false when too little is left. */
  reserve(byteCount: number): boolean {
    if (this.#retainedBytes + byteCount > this.#limitBytes) return false;
    this.#retainedBytes += byteCount;
    return true;
  }

  /** Gives back what `reserve` took. */
  release(byteCount: number): void {
    this.#retainedBytes -= byteCount;
  }
}
