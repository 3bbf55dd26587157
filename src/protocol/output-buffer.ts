// What a connection is about to write: small frames are collected in a staging buffer, large payloads join by
// reference, and one flush hands everything to the transport in order. This is how all replies that one read
// causes leave in one write.

import { type StagingPool, sharedStagingPool } from './staging-pool.ts';

/** Collects outgoing bytes until they are flushed. */
export class OutputBuffer {
  readonly #pool: StagingPool;
  /** The staging buffer in use; valid between `reserve` and the next call of any other method. */
  buffer: Uint8Array;
  /** Where the next byte goes in `buffer`; whoever wrote there moves it. */
  offset = 0;
  // Chunks that are complete, in order, and the start of the part of `buffer` that is not among them yet.
  #chunks: Uint8Array[] = [];
  #chunkBytes = 0;
  #start = 0;
  #isBorrowed = false;

  constructor(pool: StagingPool = sharedStagingPool) {
    this.#pool = pool;
    this.buffer = emptyBuffer;
  }

  /** The bytes that wait for the next flush. */
  get byteLength(): number {
    return this.#chunkBytes + this.offset - this.#start;
  }

  /** Makes room for `byteCount` bytes at `offset` of `buffer`. */
  reserve(byteCount: number): void {
    if (this.buffer.length - this.offset >= byteCount) return;
    this.#completeChunk();
    // A buffer that is full stays referenced by its chunks; only the last one can go back to the pool.
    this.#isBorrowed = byteCount <= this.#pool.bufferBytes;
    this.buffer = this.#isBorrowed ? this.#pool.take() : new Uint8Array(byteCount);
    this.offset = 0;
    this.#start = 0;
  }

  /** Appends bytes by reference: they stay unchanged until the transport has taken them. */
  append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#completeChunk();
    this.#chunks.push(bytes);
    this.#chunkBytes += bytes.length;
  }

  /**
   * Hands everything to `write`, whose result says whether the memory is free again, and is empty afterwards.
   * Does nothing when nothing waits.
   */
  flush(write: (chunks: readonly Uint8Array[]) => boolean): void {
    this.#completeChunk();
    const chunks = this.#chunks;
    if (chunks.length === 0) return;
    const buffer = this.buffer;
    const isBorrowed = this.#isBorrowed;
    this.discard();
    if (write(chunks) && isBorrowed) this.#pool.give(buffer);
  }

  /** Forgets everything that waits, without giving memory back that a chunk may still refer to. */
  discard(): void {
    this.#chunks = [];
    this.#chunkBytes = 0;
    this.buffer = emptyBuffer;
    this.offset = 0;
    this.#start = 0;
    this.#isBorrowed = false;
  }

  #completeChunk(): void {
    if (this.offset === this.#start) return;
    this.#chunks.push(this.buffer.subarray(this.#start, this.offset));
    this.#chunkBytes += this.offset - this.#start;
    this.#start = this.offset;
  }
}

const emptyBuffer = new Uint8Array(0);
