// The last bytes of plaintext of a stream, as far back as its peer may refer: all that a DEFLATE stream remembers at
// the end of a message that was flushed (RFC 7692 7.2.1). It costs less than a live context, which any connection can
// borrow and fill with it, and it outlives a final block, which ends zlib's stream (RFC 7692 7.2.3.4).

import { noBytes } from '../../base/bytes.ts';

const leastBytes = 1024;
// In front of the window there is room for the header of a stored block. 64 keeps the plaintext aligned: copies of 32 KiB
// from odd addresses took 11 instead of 1.4 us.
const headBytes = 64;
const blockHeaderBytes = 5;

/** Keeps the end of a stream of plaintext. Its memory grows with what there is to keep. */
export class PlaintextWindow {
  readonly #sizeBytes: number;
  // headBytes, then the window.
  #memory: Uint8Array = noBytes;
  #length = 0;

  constructor(windowBits: number) {
    this.#sizeBytes = 1 << windowBits;
  }

  /** How many bytes are kept now. */
  get length(): number {
    return this.#length;
  }

  /** Appends a copy of the first `length` bytes, and forgets what is now too far back. */
  append(bytes: Uint8Array, length: number = bytes.length): void {
    const size = this.#sizeBytes;
    const start = Math.max(0, length - size);
    const added = length - start;
    const kept = Math.min(this.#length, size - added);
    this.#grow(kept + added);
    if (kept < this.#length)
      this.#memory.copyWithin(headBytes, headBytes + this.#length - kept, headBytes + this.#length);
    this.#memory.set(
      start === 0 && length === bytes.length ? bytes : bytes.subarray(start, length),
      headBytes + kept,
    );
    this.#length = kept + added;
  }

  /** Forgets everything. */
  clear(): void {
    this.#memory = noBytes;
    this.#length = 0;
  }

  /** The bytes, oldest first, as they are until the next change. */
  get bytes(): Uint8Array {
    return this.#memory.subarray(headBytes, headBytes + this.#length);
  }

  /**
   * Passes the window on as one stored block (RFC 1951 3.2.4), which an inflating stream without history takes in as
   * its own: what comes next may refer to it.
   */
  storedBlock(take: (memory: Uint8Array, start: number, end: number) => void): void {
    const memory = this.#memory;
    const start = headBytes - blockHeaderBytes;
    memory[start] = 0;
    memory[start + 1] = this.#length & 0xff;
    memory[start + 2] = this.#length >>> 8;
    memory[start + 3] = ~this.#length & 0xff;
    memory[start + 4] = (~this.#length >>> 8) & 0xff;
    take(memory, start, headBytes + this.#length);
  }

  #grow(needed: number): void {
    const held = this.#memory.length - headBytes;
    if (needed <= held) return;
    const capacity = Math.min(this.#sizeBytes, Math.max(leastBytes, 2 * held, needed));
    const grown = new Uint8Array(headBytes + capacity);
    grown.set(this.#memory.subarray(0, headBytes + this.#length));
    this.#memory = grown;
  }
}
