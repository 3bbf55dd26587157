// One stream that compresses pieces and flushes each of them: what comes out of one ends at a byte and can be read at
// once (RFC 7692 7.2.1). Over a live zlib context, or over the public one-shot API, which gets the last plaintext
// as a dictionary.

import { constants, deflateRaw, deflateRawSync, type ZlibOptions } from 'node:zlib';
import type { DeflateParameters } from '../../protocol/extensions/permessage-deflate/codec.ts';
import type { CodecCallback } from '../../protocol/extensions/extension.ts';
import { copyOf, noBytes } from '../../base/bytes.ts';
import type { Poolable } from './leased-pool.ts';
import { OutputBytes } from './output-bytes.ts';
import { PlaintextWindow } from './plaintext-window.ts';
import type { ZlibContext } from './zlib-context.ts';

/** Compresses the pieces of one stream. */
export interface Compressor extends Poolable {
  /**
   * Compresses a piece of at least one byte within the call.
   * @param isFinal the end 00 00 ff ff is left out (RFC 7692 7.2.1)
   * @param isRemembered a later piece may refer to this one
   * @throws Error what zlib found wrong
   */
  compressSync(input: Uint8Array, isFinal: boolean, isRemembered: boolean): Uint8Array;
  /** As `compressSync`, on the thread pool. */
  compress(input: Uint8Array, isFinal: boolean, isRemembered: boolean, done: CodecCallback): void;
}

/** What zlib can be held to: it has no window of 8 bits for raw streams, but with 9 it refers back 250 bytes at most. */
export function deflateWindowBits(windowBits: number): number {
  return Math.max(9, windowBits);
}

const flushedEndBytes = 4;

// Compressed data is seldom longer than plain data. What matters is that no buffer is tiny: with less than seven bytes of
// room zlib repeats the end of a flush for ever (zlib.h, deflate).
function mostOutput(inputBytes: number): number {
  return inputBytes + 1024;
}

/** Compresses with a live zlib context. */
export class LiveCompressor implements Compressor {
  readonly #context: ZlibContext;
  readonly #output = new OutputBytes();

  constructor(context: ZlibContext) {
    this.#context = context;
  }

  get hasFailed(): boolean {
    return this.#context.hasFailed;
  }

  reset(): void {
    this.#context.reset();
  }

  close(): void {
    this.#context.close();
  }

  compressSync(input: Uint8Array, isFinal: boolean): Uint8Array {
    const context = this.#context;
    const output = this.#output;
    const end = input.length;
    let start = 0;
    do {
      output.makeRoomNow(mostOutput(end));
      context.writeSync(input, start, end, output);
      if (context.failure !== undefined) throw this.#fail(context.failure);
      start = end - context.inputLeft;
      // A full buffer may hide more; asked again after the end of the flush, zlib adds nothing, or a second empty
      // block, which is as good.
    } while (context.roomLeft === 0);
    return output.take(isFinal ? flushedEndBytes : 0);
  }

  compress(input: Uint8Array, isFinal: boolean, _isRemembered: boolean, done: CodecCallback): void {
    const context = this.#context;
    const output = this.#output;
    // Asked now: somebody may transfer the input away meanwhile.
    const end = input.length;
    let start = 0;
    const step = (): void => {
      output.makeRoomForLater(mostOutput(end));
      context.write(input, start, end, output, () => {
        if (context.failure !== undefined) {
          done(this.#fail(context.failure), noBytes);
          return;
        }
        start = end - context.inputLeft;
        if (context.roomLeft === 0) step();
        else done(undefined, output.take(isFinal ? flushedEndBytes : 0));
      });
    };
    step();
  }

  #fail(failure: string): Error {
    this.#output.clear();
    return new Error(`zlib cannot compress: ${failure}`);
  }
}

/** Compresses with the public one-shot API of node:zlib. */
export class OneShotCompressor implements Compressor {
  readonly #options: ZlibOptions;
  readonly #window: PlaintextWindow;
  readonly hasFailed = false;

  constructor({ windowBits, level, memLevel }: DeflateParameters) {
    const usedBits = deflateWindowBits(windowBits);
    this.#options = { windowBits: usedBits, level, memLevel, finishFlush: constants.Z_SYNC_FLUSH };
    this.#window = new PlaintextWindow(windowBits);
  }

  reset(): void {
    this.#window.clear();
  }

  close(): void {
    this.#window.clear();
  }

  compressSync(input: Uint8Array, isFinal: boolean, isRemembered: boolean): Uint8Array {
    const output = deflateRawSync(input, this.#optionsNow());
    return this.#finish(input, output, isFinal, isRemembered);
  }

  compress(input: Uint8Array, isFinal: boolean, isRemembered: boolean, done: CodecCallback): void {
    deflateRaw(input, this.#optionsNow(), (error, output) => {
      if (error !== null) done(new Error(`zlib cannot compress: ${error.message}`), noBytes);
      else done(undefined, this.#finish(input, output, isFinal, isRemembered));
    });
  }

  #optionsNow(): ZlibOptions {
    if (this.#window.length === 0) return this.#options;
    return { ...this.#options, dictionary: this.#window.bytes };
  }

  #finish(input: Uint8Array, output: Uint8Array, isFinal: boolean, isRemembered: boolean): Uint8Array {
    if (isRemembered) this.#window.append(input);
    return copyOf(output, 0, output.length - (isFinal ? flushedEndBytes : 0));
  }
}
