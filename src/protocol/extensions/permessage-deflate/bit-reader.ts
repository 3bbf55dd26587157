// The input of DEFLATE decompression: bits, the lowest of each byte first (RFC 1951 3.1.1), and between them whole
// bytes. It may come in pieces; what is left of one goes before the next.

import { copyOf, noBytes } from '../../../base/bytes.ts';
import { FullduplexError } from '../../../base/errors.ts';
import type { HuffmanCode } from './huffman-code.ts';

/** Reads the pieces of one message. */
export class BitReader {
  // Bits that were taken from the input: the next one lowest, zeros above the last.
  #bits = 0;
  #bitCount = 0;
  #input: Uint8Array = noBytes;
  #position = 0;

  /** The whole bytes that are left. */
  get byteLength(): number {
    return this.#input.length - this.#position;
  }

  /** The bits that are left beside the whole bytes. */
  get bitCount(): number {
    return this.#bitCount;
  }

  /** Adds a piece, which is borrowed until `keep` or `clear`. */
  add(input: Uint8Array): void {
    const left = this.byteLength;
    if (left === 0) {
      this.#input = input;
    } else {
      const joined = new Uint8Array(left + input.length);
      joined.set(this.#input.subarray(this.#position));
      joined.set(input, left);
      this.#input = joined;
    }
    this.#position = 0;
  }

  /** Copies what is left of the piece. */
  keep(): void {
    // Whole bytes that are bits already are still to be had as bytes by `alignToByte`.
    const wholeBytes = this.#bitCount >> 3;
    this.#position -= wholeBytes;
    this.#bitCount -= wholeBytes * 8;
    this.#bits &= (1 << this.#bitCount) - 1;
    this.#input = copyOf(this.#input, this.#position);
    this.#position = 0;
  }

  /** Forgets what is left. */
  clear(): void {
    this.#bits = 0;
    this.#bitCount = 0;
    this.#input = noBytes;
    this.#position = 0;
  }

  /** Makes ready for taking 23 bits, or as many as there are. */
  fill(): void {
    while (this.#bitCount < 23 && this.#position < this.#input.length) {
      this.#bits |= this.#input[this.#position++] << this.#bitCount;
      this.#bitCount += 8;
    }
  }

  /** Takes bits as a number. @throws FullduplexError `WS_CODEC_FAILED` when there are not as many */
  take(count: number): number {
    const value = this.#bits & ((1 << count) - 1);
    this.#bits >>>= count;
    this.#bitCount -= count;
    if (this.#bitCount < 0) throw truncated();
    return value;
  }

  /** Takes a symbol. @throws FullduplexError `WS_CODEC_FAILED` when none begins here */
  takeSymbol(code: HuffmanCode): number {
    const found = code.find(this.#bits);
    if (found < 0) throw corrupt('bits that begin no code');
    this.take(found & 15);
    return found >> 4;
  }

  /** Drops the bits up to the next whole byte. */
  alignToByte(): void {
    this.#position -= this.#bitCount >> 3;
    this.#bits = 0;
    this.#bitCount = 0;
  }

  /** Takes whole bytes, as many as are there; only after `alignToByte`. They are borrowed. */
  takeBytes(most: number): Uint8Array {
    const bytes = this.#input.subarray(this.#position, this.#position + most);
    this.#position += bytes.length;
    return bytes;
  }
}

/** The error for data that is not DEFLATE. */
export function corrupt(found: string): FullduplexError {
  return new FullduplexError('WS_CODEC_FAILED', `${found} (RFC 1951 3.2)`);
}

/** The error for a message that ends too early. */
export function truncated(): FullduplexError {
  return corrupt('end of the message inside a block');
}
