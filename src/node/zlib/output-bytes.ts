// Where zlib writes to. Small results are written into one scratch buffer of the process and copied out in one piece
// of exactly their size, so that nobody keeps slack alive and nobody sees what others received; large ones get chunks
// of their own, joined in the end.

import { concat, noBytes, plainView } from '../../base/bytes.ts';
import { poison } from '../../base/poison.ts';

const scratch = new Uint8Array(64 * 1024);
const leastChunkBytes = 64 * 1024;
const mostChunkBytes = 1024 * 1024;
// `slice` of a typed array fills the copy with zeros first; `slice` of its buffer does not, but costs more to begin with.
const bufferSliceFromBytes = 4096;

/** Collects the output of one piece of work. */
export class OutputBytes {
  #chunks: Uint8Array[] = [];
  #chunksLength = 0;
  #buffer: Uint8Array = noBytes;
  #used = 0;

  /** The bytes collected so far. */
  get length(): number {
    return this.#chunksLength + this.#used;
  }

  /** Where to write, from `start` on. */
  get buffer(): Uint8Array {
    return this.#buffer;
  }

  /** The index in `buffer` at which to write. */
  get start(): number {
    return this.#used;
  }

  /** How many bytes may be written there. */
  get room(): number {
    return this.#buffer.length - this.#used;
  }

  /**
   * Makes room for a write that ends within the call. Between this and `take` or `keep` nothing else in the
   * process may write: they would share the scratch buffer.
   * @param mostBytes how much there can be yet, to allocate no more than that
   */
  makeRoomNow(mostBytes: number): void {
    if (this.room > 0) return;
    if (this.length === 0) this.#buffer = scratch;
    else this.#addChunk(mostBytes);
  }

  /** Makes room for a write that ends later. */
  makeRoomForLater(mostBytes: number): void {
    this.keep();
    if (this.room === 0) this.#addChunk(mostBytes);
  }

  /** So many bytes were written. */
  wrote(byteCount: number): void {
    this.#used += byteCount;
  }

  /** Appends bytes that nobody else changes. */
  append(bytes: Uint8Array): void {
    this.keep();
    if (this.#used > 0) this.#stash(this.#buffer.subarray(0, this.#used));
    this.#buffer = noBytes;
    this.#used = 0;
    // Of a Buffer, `slice` would be a view.
    this.#stash(plainView(bytes));
  }

  /** Moves what lies in the scratch buffer out of it. */
  keep(): void {
    if (this.#buffer !== scratch) return;
    if (this.#used > 0) this.#stash(copyOfScratch(this.#used));
    this.#dropBuffer();
  }

  /** Gives the parts of what was collected so far, in order; they are views. */
  forEach(visit: (bytes: Uint8Array) => void): void {
    for (const chunk of this.#chunks) visit(chunk);
    if (this.#used > 0) visit(this.#buffer.subarray(0, this.#used));
  }

  /** Gives everything but the last `omittedBytes` away, in memory of its own, and starts over. */
  take(omittedBytes = 0): Uint8Array {
    const length = this.length - omittedBytes;
    let taken: Uint8Array;
    if (this.#chunks.length === 0 && this.#buffer === scratch) {
      taken = copyOfScratch(length);
    } else {
      if (this.#used > 0) this.#stash(this.#buffer.subarray(0, this.#used));
      // One chunk that is full is given as it is; everything else is copied to its exact size.
      const joined = this.#chunks.length === 0 ? new Uint8Array(0) : concat(this.#chunks);
      taken =
        joined.length === length && joined.buffer.byteLength === length ? joined : joined.slice(0, length);
    }
    this.clear();
    return taken;
  }

  /** Forgets everything. */
  clear(): void {
    if (this.#chunksLength > 0) {
      this.#chunks = [];
      this.#chunksLength = 0;
    }
    this.#dropBuffer();
  }

  #dropBuffer(): void {
    if (this.#buffer === scratch) poison(scratch, 0, this.#used);
    this.#buffer = noBytes;
    this.#used = 0;
  }

  #stash(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#chunksLength += bytes.length;
  }

  #addChunk(mostBytes: number): void {
    if (this.#buffer === scratch) this.keep();
    else if (this.#used > 0) this.#stash(this.#buffer.subarray(0, this.#used));
    const size = Math.min(mostChunkBytes, Math.max(leastChunkBytes, this.#chunksLength));
    this.#buffer = new Uint8Array(Math.max(1, Math.min(size, mostBytes)));
    this.#used = 0;
  }
}

function copyOfScratch(length: number): Uint8Array {
  return length < bufferSliceFromBytes
    ? scratch.slice(0, length)
    : new Uint8Array(scratch.buffer.slice(0, length));
}
