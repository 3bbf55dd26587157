// The payload of a message that is not complete yet. Fragments and reads are copied into one growing array, so that
// many tiny fragments cost what they carry and not an object each. It grows with what has arrived, never with what a
// header merely announced.

import { type Allocate, allocateZeroed, noBytes } from '../base/bytes.ts';
import { ProtocolError } from './protocol-error.ts';
import type { RetainedBytes } from './retained-bytes.ts';

const firstBytes = 4 * 1024;
// Up to here the whole announced length is taken at once; above, at most this many times what has arrived. With the
// first read of 64 KiB a message of 1 MiB gets all its memory and is never moved (npm run bench, 1 MiB).
const trustedBytes = 64 * 1024;
const growthFactor = 32;

/** Collects the payload of one message after the other. */
export class PayloadBuffer {
  readonly #retained: RetainedBytes;
  readonly #allocate: Allocate;
  #bytes: Uint8Array = noBytes;
  #length = 0;

  constructor(retained: RetainedBytes, allocate: Allocate = allocateZeroed) {
    this.#retained = retained;
    this.#allocate = allocate;
  }

  /** How many bytes have been collected. */
  get length(): number {
    return this.#length;
  }

  /**
   * Appends a copy of `bytes[start..end)`. `expectedBytes` is how long the payload is known to become, at least.
   * Gives the error that forbids keeping it, if there is one.
   */
  append(bytes: Uint8Array, start: number, end: number, expectedBytes: number): ProtocolError | undefined {
    const needed = this.#length + end - start;
    if (needed > this.#bytes.length) {
      const error = this.#grow(needed, expectedBytes);
      if (error !== undefined) return error;
    }
    // A loop is faster than a subarray and set for a handful of bytes.
    if (end - start <= 16) {
      let to = this.#length;
      for (let from = start; from < end; from++) this.#bytes[to++] = bytes[from];
    } else {
      this.#bytes.set(bytes.subarray(start, end), this.#length);
    }
    this.#length = needed;
    return undefined;
  }

  /** Gives the payload away, in memory that holds nothing else, and starts over. */
  take(): Uint8Array {
    const bytes = this.#bytes;
    const length = this.#length;
    this.clear();
    // The empty array that everybody shares is not given away: its new owner may transfer, and so detach, it.
    if (length === 0) return new Uint8Array(0);
    // The receiver may keep it, and take its `buffer` for the message: it holds nothing else, not even slack.
    return length === bytes.length ? bytes : bytes.slice(0, length);
  }

  /** Forgets what was collected and gives the memory back. */
  clear(): void {
    this.#retained.subtract(this.#bytes.length);
    this.#bytes = noBytes;
    this.#length = 0;
  }

  #grow(needed: number, expectedBytes: number): ProtocolError | undefined {
    const expected = Math.max(needed, expectedBytes);
    const most = Math.max(trustedBytes, needed * growthFactor);
    // Without an announced end (fragments), doubling keeps the copying linear.
    const capacity = expected > needed ? Math.min(expected, most) : Math.max(firstBytes, needed * 2);
    const granted = this.#retained.resize(this.#bytes.length, needed, capacity);
    if (granted instanceof ProtocolError) return granted;
    const grown = this.#allocate(granted);
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    return undefined;
  }
}
