// Memory for frames on their way out. A connection borrows a buffer while it has something to write and gives it
// back with the flush, so that idle connections hold none.

import { poison } from '../base/poison.ts';

const defaultBufferBytes = 32 * 1024;

/** How many buffers the shared pool keeps: 4 MiB at most, for as many connections as are written to in one turn. */
export const stagingBuffersKept = 128;

/** Lends buffers of one size, keeping a few that came back for the next borrower. */
export class StagingPool {
  /** The size of each buffer in bytes. */
  readonly bufferBytes: number;
  readonly #keptBuffers: number;
  readonly #free: Uint8Array[] = [];

  constructor(bufferBytes: number = defaultBufferBytes, keptBuffers: number = stagingBuffersKept) {
    this.bufferBytes = bufferBytes;
    this.#keptBuffers = keptBuffers;
  }

  /** Lends a buffer; its content is undefined. */
  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(this.bufferBytes);
  }

  /** Takes a buffer back that nobody reads any more. */
  give(buffer: Uint8Array): void {
    poison(buffer);
    if (this.#free.length < this.#keptBuffers) this.#free.push(buffer);
  }
}

/** The pool that connections share unless they are given another. */
export const sharedStagingPool: StagingPool = new StagingPool();

/** The pool for outputs that have outgrown the other: room for what is flushed at most at once, and its headers. */
export const sharedLargeStagingPool: StagingPool = new StagingPool(68 * 1024, 16);
