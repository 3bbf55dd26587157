// UTF-8 checked while it arrives (RFC 6455 8.1, RFC 3629): across frames and reads, failing at the first byte that
// cannot belong to any well-formed text. Whole characters are left to the codec, which is far faster than a loop;
// only a character that is cut at the end of a piece is followed byte by byte.

import type { TextCodec } from '../base/text-codec.ts';

/** Follows one text message through its pieces. */
export class Utf8Validator {
  readonly #text: TextCodec;
  // How many bytes the cut character still lacks, and the range the next of them must lie in.
  #missing = 0;
  #lowest = 0x80;
  #highest = 0xbf;

  constructor(text: TextCodec) {
    this.#text = text;
  }

  /** Whether the text so far ends between two characters, so that the message may end here. */
  get isComplete(): boolean {
    return this.#missing === 0;
  }

  /** Starts over for the next message. */
  reset(): void {
    this.#missing = 0;
  }

  /** Takes the next piece; false as soon as no continuation can make the text well-formed. */
  push(bytes: Uint8Array, start: number, end: number): boolean {
    let index = start;
    while (this.#missing > 0 && index < end) {
      if (!this.#follow(bytes[index++])) return false;
    }
    if (index === end) return true;
    const boundary = lastBoundary(bytes, index, end);
    if (boundary > index && !this.#text.isValid(bytes, index, boundary)) return false;
    if (boundary === end) return true;
    if (!this.#lead(bytes[boundary])) return false;
    for (index = boundary + 1; index < end; index++) {
      if (!this.#follow(bytes[index])) return false;
    }
    return true;
  }

  // RFC 3629 4: the lead byte fixes the length; four of them narrow the second byte, which rules out overlong
  // forms (E0, F0), surrogates (ED) and code points above U+10FFFF (F4).
  #lead(byte: number): boolean {
    if (byte < 0xc2 || byte > 0xf4) return false;
    this.#lowest = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
    this.#highest = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
    this.#missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    return true;
  }

  #follow(byte: number): boolean {
    if (byte < this.#lowest || byte > this.#highest) return false;
    this.#lowest = 0x80;
    this.#highest = 0xbf;
    this.#missing--;
    return true;
  }
}

// Where the last character begins if it is cut by the end of the piece; else the end.
function lastBoundary(bytes: Uint8Array, start: number, end: number): number {
  const earliest = Math.max(start, end - 3);
  for (let index = end - 1; index >= earliest; index--) {
    const byte = bytes[index];
    if (byte < 0x80) return end;
    if (byte >= 0xc0) {
      const length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
      return index + length > end ? index : end;
    }
  }
  return end;
}
