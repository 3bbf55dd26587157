// Input that may not be decoded yet: receiving is paused, or a codec is busy. It lies in one array and is decoded
// there, from where decoding stopped, so that a reader who pauses after each message does not pay each time for a
// copy of all that follows.

import { noBytes } from '../base/bytes.ts';
import { ProtocolError } from './protocol-error.ts';
import type { RetainedBytes } from './retained-bytes.ts';

/** Holds input in the order in which it arrived. */
export class WaitingInput {
  readonly #retained: RetainedBytes;
  #bytes: Uint8Array = noBytes;
  #start = 0;
  #end = 0;

  constructor(retained: RetainedBytes) {
    this.#retained = retained;
  }

  /** How many bytes wait. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Adds a copy of `chunk[from..to)` behind what waits, or gives the error that forbids keeping it. */
  append(chunk: Uint8Array, from: number, to: number = chunk.length): ProtocolError | undefined {
    const added = to - from;
    if (added === 0) return undefined;
    const held = this.length;
    if (this.#end + added > this.#bytes.length) {
      // The rest of a single read takes just its size; from the second piece on, doubling keeps the copying linear.
      const needed = held + added;
      const error = this.#reallocate(needed, held === 0 ? needed : needed * 2, 0);
      if (error !== undefined) return error;
    }
    this.#bytes.set(chunk.subarray(from, to), this.#end);
    this.#end += added;
    return undefined;
  }

  /** Adds a copy of `chunk[from..to)` in front of what waits, or gives the error that forbids keeping it. */
  prepend(chunk: Uint8Array, from: number, to: number = chunk.length): ProtocolError | undefined {
    if (this.length === 0) return this.append(chunk, from, to);
    const added = to - from;
    const needed = this.length + added;
    const error = this.#reallocate(needed, needed, added);
    if (error !== undefined) return error;
    this.#bytes.set(chunk.subarray(from, to));
    this.#start = 0;
    return undefined;
  }

  /**
   * Lets `decode` take bytes from the front; it gives how far it came. Input may be added meanwhile. When it throws,
   * what it was shown is forgotten: it has been overwritten in part.
   */
  consume(decode: (bytes: Uint8Array, start: number, end: number) => number): void {
    const start = this.#start;
    const end = this.#end;
    let stoppedAt = end;
    try {
      stoppedAt = decode(this.#bytes, start, end);
    } finally {
      // Relative, since adding may have moved the bytes; and `clear` may have forgotten them.
      this.#start = Math.min(this.#end, this.#start + stoppedAt - start);
      if (this.#start === this.#end) this.clear();
    }
  }

  /** Forgets everything and gives the memory back. */
  clear(): void {
    this.#retained.subtract(this.#bytes.length);
    this.#bytes = noBytes;
    this.#start = 0;
    this.#end = 0;
  }

  // Moves what waits to `offset` of a new array of at least `needed` bytes.
  #reallocate(needed: number, wanted: number, offset: number): ProtocolError | undefined {
    const granted = this.#retained.resize(this.#bytes.length, needed, wanted);
    if (granted instanceof ProtocolError) return granted;
    const moved = new Uint8Array(granted);
    moved.set(this.#bytes.subarray(this.#start, this.#end), offset);
    this.#end = offset + this.length;
    this.#start = offset;
    this.#bytes = moved;
    return undefined;
  }
}
