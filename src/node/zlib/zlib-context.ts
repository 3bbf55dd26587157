// One live zlib stream, deflating or inflating: it is written to as often as one likes, synchronously or on the
// thread pool, and keeps its history until it is reset. What is given to it stays the caller's.

import { AsyncResource } from 'node:async_hooks';
import { constants } from 'node:zlib';
import { inCallerContext } from './in-caller-context.ts';
import type { Poolable } from './leased-pool.ts';
import type { OutputBytes } from './output-bytes.ts';
import type { ZlibBinding, ZlibHandle } from './zlib-binding.ts';

const { Z_SYNC_FLUSH } = constants;

/** What a context is made with. Inflating, only the window matters. */
export interface ZlibContextOptions {
  readonly mode: 'deflate' | 'inflate';
  readonly windowBits: number;
  readonly level: number;
  readonly memLevel: number;
}

const outside = new AsyncResource('ZlibContext');

const hashBytesOfNode = 64 * 1024;
const deflateStateBytes = 8 * 1024;
const inflateStateBytes = 7 * 1024;

/**
 * How much memory a context takes. zlib's zconf.h gives (1 << (windowBits + 2)) + (1 << (memLevel + 9)) for deflating
 * and 1 << windowBits, with about 7 KiB, for inflating. Half of the second term is the table of hashes, which is never
 * smaller than 64 KiB in the zlib that Node is built with (Chromium's, deflate.c). Both were measured, on Node 20 to 26.
 */
export function contextBytes({ mode, windowBits, memLevel }: ZlibContextOptions): number {
  if (mode === 'inflate') return (1 << windowBits) + inflateStateBytes;
  const hashBytes = Math.max(hashBytesOfNode, 1 << (memLevel + 8));
  return (1 << (windowBits + 2)) + hashBytes + (1 << (memLevel + 8)) + deflateStateBytes;
}

/** A live zlib stream. */
export class ZlibContext implements Poolable {
  readonly #handle: ZlibHandle;
  // Room left in the output and input left, after each write.
  readonly #state = new Uint32Array(2);
  #failure: string | undefined;
  #isClosed = false;
  #whenWritten: (() => void) | undefined;
  // While the thread pool works on them; it does not keep them from the garbage collector.
  #buffersInWork: readonly Uint8Array[] | undefined;

  constructor(binding: ZlibBinding, options: ZlibContextOptions) {
    // Made outside of what its first user is doing: it would keep that user's AsyncLocalStorage alive.
    this.#handle = outside.runInAsyncScope(() =>
      binding({ ...options, state: this.#state, written: () => this.#written() }),
    );
    this.#handle.onerror = (message) => {
      this.#failure = message;
      if (this.#buffersInWork !== undefined) this.#written();
    };
  }

  /** How much room the last write has left in the output. */
  get roomLeft(): number {
    return this.#state[0];
  }

  /** How much of its input the last write has left. */
  get inputLeft(): number {
    return this.#state[1];
  }

  /** What zlib found wrong: the context is of no use any more. */
  get failure(): string | undefined {
    return this.#failure;
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Works on `input[start..end)` and writes into the room that `output` has. */
  writeSync(input: Uint8Array, start: number, end: number, output: OutputBytes): void {
    if (!this.#isWritable(input, end)) return;
    const { buffer, start: outputStart, room } = output;
    this.#handle.writeSync(Z_SYNC_FLUSH, input, start, end - start, buffer, outputStart, room);
    output.wrote(room - this.#state[0]);
  }

  /** As `writeSync`, on the thread pool: `done` is called afterwards, also when the context was closed meanwhile. */
  write(input: Uint8Array, start: number, end: number, output: OutputBytes, done: () => void): void {
    if (!this.#isWritable(input, end)) {
      queueMicrotask(done);
      return;
    }
    const { buffer, start: outputStart, room } = output;
    // Many connections take turns with this context: each goes on in its own asynchronous context.
    this.#whenWritten = inCallerContext(() => {
      if (this.#failure === undefined) output.wrote(room - this.#state[0]);
      done();
    });
    this.#buffersInWork = [input, buffer];
    this.#handle.write(Z_SYNC_FLUSH, input, start, end - start, buffer, outputStart, room);
  }

  /** Forgets all history. Not while a write is under way. */
  reset(): void {
    if (!this.#isClosed && this.#buffersInWork === undefined) this.#handle.reset();
  }

  /** Gives the memory back: at once, or when the write under way is over. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // As for a stream that is destroyed while it works, the binding waits for the thread pool.
    this.#handle.close();
  }

  // The binding ends the process when it is asked for what cannot be, so nothing is taken for granted here: the input
  // may have been transferred away meanwhile.
  #isWritable(input: Uint8Array, end: number): boolean {
    if (this.#isClosed || this.#buffersInWork !== undefined) {
      this.#failure = 'the context is closed or at work';
      return false;
    }
    if (end <= input.length) return true;
    this.#failure = `input of ${input.length} bytes that had ${end} bytes when it was given`;
    return false;
  }

  #written(): void {
    const done = this.#whenWritten;
    this.#whenWritten = undefined;
    this.#buffersInWork = undefined;
    done?.();
  }
}
