// The start of the body of a response that refuses (RFC 9112 6): delimited by Content-Length, by chunks, or by the
// end of the connection. It is read for people, who find the reason there; so it is bounded, and a body that is
// malformed simply ends where it stops making sense.

import { equalsIgnoringCase, isDigits } from './header-grammar.ts';
import type { HeaderList } from './header-list.ts';

/** Where a chunked body is (RFC 9112 7.1). */
type ChunkState = 'size' | 'extension' | 'size-line-feed' | 'data' | 'data-return' | 'data-line-feed';

/** Collects the first bytes of one body. */
export class RefusalBody {
  readonly #kept: Uint8Array;
  #keptLength = 0;
  #isDone = false;
  readonly #isChunked: boolean;
  /** Without chunks: the bytes of the body that are still to come. In a chunk: those of the chunk. */
  #expectedBytes: number;
  #chunkState: ChunkState = 'size';
  #sizeDigits = 0;

  /** @param maxBytes how many bytes of the body are kept */
  constructor(status: number, headers: HeaderList, maxBytes: number) {
    this.#kept = new Uint8Array(maxBytes);
    // RFC 9112 6.3: Transfer-Encoding overrides Content-Length; one whose last coding is not chunked ends with the
    // connection. Codings before it, and content codings, would be read as noise: such a body is left out.
    const coding = headers.joined('Transfer-Encoding');
    this.#isChunked = coding !== undefined && equalsIgnoringCase(coding, 'chunked');
    const length = headers.get('Content-Length');
    this.#expectedBytes = Infinity;
    if (this.#isChunked) this.#expectedBytes = 0;
    else if (coding === undefined && length !== undefined && isDigits(length) && length.length <= 15)
      this.#expectedBytes = Number(length);

    const isEncoded =
      (coding !== undefined && !this.#isChunked) || !isIdentity(headers.joined('Content-Encoding'));
    // RFC 9112 6.3, item 1: these never have a body.
    const hasNoBody = status === 204 || status === 304 || (!this.#isChunked && this.#expectedBytes === 0);
    this.#isDone = isEncoded || hasNoBody || maxBytes === 0;
  }

  /** Whether all of the body that is wanted is here. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** What is here, decoded as UTF-8; a character that is cut off at the end is left out. */
  get text(): string {
    return new TextDecoder().decode(this.#kept.subarray(0, this.#keptLength), { stream: true });
  }

  /** Reads on; what comes after the end is ignored. */
  receive(chunk: Uint8Array): void {
    if (this.#isDone) return;
    if (!this.#isChunked) {
      this.#take(chunk, 0);
      this.#isDone ||= this.#expectedBytes === 0;
      return;
    }
    let index = 0;
    while (index < chunk.length && !this.#isDone) {
      index = this.#chunkState === 'data' ? this.#take(chunk, index) : this.#stepChunk(chunk[index], index);
      if (this.#chunkState === 'data' && this.#expectedBytes === 0) this.#chunkState = 'data-return';
    }
  }

  /** Keeps bytes of the body from `start` on; gives the index behind them. */
  #take(chunk: Uint8Array, start: number): number {
    const end = Math.min(chunk.length, start + this.#expectedBytes);
    const taken = chunk.subarray(start, Math.min(end, start + this.#kept.length - this.#keptLength));
    this.#kept.set(taken, this.#keptLength);
    this.#keptLength += taken.length;
    this.#expectedBytes -= end - start;
    if (this.#keptLength === this.#kept.length) this.#isDone = true;
    return end;
  }

  /** Takes one byte between the data of two chunks; gives the index behind it. */
  #stepChunk(code: number, index: number): number {
    switch (this.#chunkState) {
      case 'size': {
        const digit = hexDigit(code);
        if (digit !== -1) {
          this.#expectedBytes = this.#expectedBytes * 16 + digit;
          // Eight digits are 4 GiB: more than any text for people.
          if (++this.#sizeDigits > 8) this.#isDone = true;
        } else if (this.#sizeDigits === 0) {
          this.#isDone = true;
        } else if (code === 0x0d) {
          this.#chunkState = 'size-line-feed';
        } else {
          this.#chunkState = 'extension';
        }
        break;
      }
      case 'extension':
        if (code === 0x0d) this.#chunkState = 'size-line-feed';
        break;
      case 'size-line-feed':
        // The last chunk has size 0; trailers behind it tell nobody anything.
        if (code !== 0x0a || this.#expectedBytes === 0) this.#isDone = true;
        this.#chunkState = 'data';
        break;
      case 'data-return':
        if (code !== 0x0d) this.#isDone = true;
        this.#chunkState = 'data-line-feed';
        break;
      case 'data-line-feed':
        if (code !== 0x0a) this.#isDone = true;
        this.#chunkState = 'size';
        this.#sizeDigits = 0;
        this.#expectedBytes = 0;
        break;
      case 'data':
        break;
    }
    return index + 1;
  }
}

function isIdentity(coding: string | undefined): boolean {
  return coding === undefined || equalsIgnoringCase(coding, 'identity');
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
