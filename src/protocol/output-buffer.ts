// What a connection is about to write: small frames are collected in a staging buffer, large payloads and what many
// connections share join by reference, and one flush hands everything to the transport in order. This is how all
// replies that one read causes leave in one write.

import { concat } from '../base/bytes.ts';
import { type StagingPool, sharedLargeStagingPool, sharedStagingPool } from './staging-pool.ts';

/** Where a flush goes. */
export interface OutputTarget {
  /**
   * Takes the chunks in order; the array is valid during the call only.
   * @returns true when their memory is not needed any more
   */
  write(chunks: readonly Uint8Array[]): boolean;
}

/** Collects outgoing bytes until they are flushed. */
export class OutputBuffer {
  readonly #pool: StagingPool;
  readonly #largePool: StagingPool;
  /** The staging buffer in use; valid between `reserve` and the next call of any other method. */
  buffer: Uint8Array;
  /** Where the next byte goes in `buffer`; whoever wrote there moves it. */
  offset = 0;
  // Chunks that are complete, in order, and the start of the part of `buffer` that is not among them yet.
  #chunks: Uint8Array[] = [];
  #chunkBytes = 0;
  #start = 0;
  // Whether all of the chunks are shared with other connections.
  #isShared = true;
  // Who lent `buffer`, and the buffers that were filled before it.
  #lender: StagingPool | undefined;
  #filled: { readonly lender: StagingPool; readonly buffer: Uint8Array }[] | undefined;

  constructor(pool: StagingPool = sharedStagingPool, largePool: StagingPool = sharedLargeStagingPool) {
    this.#pool = pool;
    this.#largePool = largePool;
    this.buffer = emptyBuffer;
  }

  /** The bytes that wait for the next flush. */
  get byteLength(): number {
    return this.#chunkBytes + this.offset - this.#start;
  }

  /** Whether memory of a staging pool is held. */
  get isStaged(): boolean {
    return this.#lender !== undefined;
  }

  /** Makes room for `byteCount` bytes at `offset` of `buffer`. */
  reserve(byteCount: number): void {
    if (this.buffer.length - this.offset >= byteCount) return;
    this.#completeChunk();
    if (this.#lender !== undefined) {
      this.#filled ??= [];
      this.#filled.push({ lender: this.#lender, buffer: this.buffer });
    }
    this.#lender = this.#lenderFor(byteCount);
    this.buffer = this.#lender?.take() ?? new Uint8Array(byteCount);
    this.offset = 0;
    this.#start = 0;
  }

  /** Appends bytes by reference: they stay unchanged until the transport has taken them. */
  append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#completeChunk();
    this.#isShared = false;
    this.#chunks.push(bytes);
    this.#chunkBytes += bytes.length;
  }

  /** Appends a frame that other connections write too; it stays unchanged as long as it is used. */
  appendShared(frame: Uint8Array): void {
    const end = this.offset + frame.length;
    const isBehindStaged = this.offset > this.#start && end <= this.buffer.length;
    if (frame.length <= mostCopiedBytes && (isBehindStaged || this.#chunks.length >= mostSharedChunks)) {
      // Behind frames of its own, in the same memory: one write without a list. Or the list is long, because the peer
      // does not read: a frame of a few bytes is an object of a few hundred.
      this.reserve(frame.length);
      this.buffer.set(frame, this.offset);
      this.offset += frame.length;
      return;
    }
    this.#completeChunk();
    this.#chunks.push(frame);
    this.#chunkBytes += frame.length;
  }

  /**
   * Hands everything to the target, whose result says whether the memory is free again, and is empty afterwards. Does nothing when nothing waits.
   */
  flush(target: OutputTarget): void {
    if (this.#chunkBytes === 0 && this.#filled === undefined) {
      if (this.offset > this.#start) this.#flushBuffer(target);
      return;
    }
    this.#completeChunk();
    const chunks = this.#isShared ? joinShared(this.#chunks, this.#chunkBytes) : this.#chunks;
    const buffer = this.buffer;
    const lender = this.#lender;
    const filled = this.#filled;
    this.discard();
    if (!target.write(chunks)) return;
    lender?.give(buffer);
    if (filled !== undefined) for (const loan of filled) loan.lender.give(loan.buffer);
  }

  // The common case: all of it lies in one buffer.
  #flushBuffer(target: OutputTarget): void {
    const buffer = this.buffer;
    const lender = this.#lender;
    const chunk = buffer.subarray(this.#start, this.offset);
    this.buffer = emptyBuffer;
    this.offset = 0;
    this.#start = 0;
    this.#lender = undefined;
    if (target.write([chunk])) lender?.give(buffer);
  }

  /** Forgets everything that waits, without giving memory back that a chunk may still refer to. */
  discard(): void {
    this.#chunks = [];
    this.#chunkBytes = 0;
    this.#isShared = true;
    this.buffer = emptyBuffer;
    this.offset = 0;
    this.#start = 0;
    this.#lender = undefined;
    this.#filled = undefined;
  }

  // One small buffer is enough for most flushes; a second one, or a long frame, calls for a large one.
  #lenderFor(byteCount: number): StagingPool | undefined {
    if (this.#chunkBytes === 0 && byteCount <= this.#pool.bufferBytes) return this.#pool;
    return byteCount <= this.#largePool.bufferBytes ? this.#largePool : undefined;
  }

  #completeChunk(): void {
    if (this.offset === this.#start) return;
    this.#isShared = false;
    this.#chunks.push(this.buffer.subarray(this.#start, this.offset));
    this.#chunkBytes += this.offset - this.#start;
    this.#start = this.offset;
  }
}

// A shared frame that comes behind staged ones is copied up to here; beyond, a list of chunks costs less.
const mostCopiedBytes = 4 * 1024;
// So many shared frames may wait as they are: bursts within a turn stay shared by all of their receivers.
const mostSharedChunks = 1024;

// What is published within one turn goes out to most receivers as the same run of frames. Who flushes the same run as
// the one before writes the same joined memory, so that a burst costs each of them one write and no copy.
const mostJoinedBytes = 64 * 1024;
let lastRun: readonly Uint8Array[] = [];
let lastJoined: readonly Uint8Array[] = [];

function joinShared(frames: readonly Uint8Array[], byteLength: number): readonly Uint8Array[] {
  if (frames.length === 1 || byteLength > mostJoinedBytes) return frames;
  const isSame = frames.length === lastRun.length && frames.every((frame, index) => frame === lastRun[index]);
  if (!isSame) {
    lastRun = frames;
    lastJoined = [concat(frames)];
  }
  return lastJoined;
}

const emptyBuffer = new Uint8Array(0);
