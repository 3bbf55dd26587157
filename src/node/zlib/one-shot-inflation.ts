// Decompresses with what node:zlib documents. A small message takes one call of the one-shot API; what is large, or
// comes in pieces, goes through a stream. Both get what a message may refer to as a dictionary.

import { constants, createInflateRaw, inflateRawSync, type InflateRaw, type ZlibOptions } from 'node:zlib';
import { concat } from '../../base/bytes.ts';
import type { AsyncTurns } from './async-turns.ts';
import type { InflatedMessage } from './inflated-message.ts';
import type { Inflation, InflationThresholds } from './inflation.ts';
import { cutShort, messageEnding, type Stop, stopAt } from './message-ending.ts';
import type { PlaintextWindow } from './plaintext-window.ts';

type Over = (error: Error | undefined) => void;

const streamChunkBytes = 64 * 1024;
const nothing = (): void => undefined;

/** Decompresses the messages of one connection. */
export class OneShotInflation implements Inflation {
  readonly #message: InflatedMessage;
  readonly #windowBits: number;
  readonly #turns: AsyncTurns;
  readonly #thresholds: InflationThresholds;
  // Of a message that is large or comes in pieces.
  #stream: InflateRaw | undefined;
  #hasEnding = false;
  #over: Over = nothing;
  #isInTurn = false;
  #isClosed = false;

  constructor(
    message: InflatedMessage,
    windowBits: number,
    turns: AsyncTurns,
    thresholds: InflationThresholds,
  ) {
    this.#message = message;
    this.#windowBits = windowBits;
    this.#turns = turns;
    this.#thresholds = thresholds;
  }

  run(input: Uint8Array, isFinal: boolean, over: Over): number {
    this.#hasEnding = isFinal;
    this.#over = over;
    const whole = isFinal ? concat([input, messageEnding]) : input;
    const isLarge = input.length >= this.#thresholds.asyncFromBytes;
    if (isFinal && !isLarge && this.#stream === undefined) return this.#workNow(whole);
    this.#waitForTurn(whole, this.#message.window);
    return 0;
  }

  end(): void {
    this.#stream?.destroy();
    this.#stream = undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.end();
    // What waits for its turn ends that when it comes.
    if (this.#isInTurn) this.#endTurn(undefined);
  }

  // Gives how many bytes were made in vain: the one-shot API cannot stop and go on.
  #workNow(whole: Uint8Array): number {
    const message = this.#message;
    let { window } = message;
    let input = whole;
    let stop: Stop = 'final block';
    while (stop === 'final block') {
      const mostBytes = Math.min(message.mostOutput, this.#thresholds.syncOutputBytes);
      const result = inflateOnce(input, this.#options(window), mostBytes);
      if (result === 'too much') {
        this.#waitForTurn(input, window);
        return mostBytes;
      }
      if (result instanceof Error) {
        this.#finish(result);
        return 0;
      }
      message.output.append(result.output);
      const tooMuch = message.made(result.output);
      stop = stopAt(result.inputLeft, true);
      const found = tooMuch ?? (stop === 'final block' ? message.finalBlock() : undefined);
      if (found instanceof Error) {
        this.#finish(found);
        return 0;
      }
      window = found;
      input = input.subarray(input.length - result.inputLeft);
    }
    this.#finish(stop === 'end' ? undefined : cutShort());
    return 0;
  }

  #waitForTurn(input: Uint8Array, window: PlaintextWindow | undefined): void {
    this.#turns.begin(() => {
      this.#isInTurn = true;
      if (this.#isClosed) this.#endTurn(undefined);
      else this.#feed(input, window);
    });
  }

  #feed(input: Uint8Array, window: PlaintextWindow | undefined): void {
    const stream = this.#stream ?? this.#openStream(window);
    const bytesBefore = stream.bytesWritten;
    stream.write(input, () => {
      // What it holds back for a slow reader is heard by 'data' too.
      while (stream === this.#stream && stream.read() !== null);
      if (stream !== this.#stream || stream.destroyed) return;
      const inputLeft = input.length - (stream.bytesWritten - bytesBefore);
      const stop = stopAt(inputLeft, this.#hasEnding);
      if (stop === 'final block') this.#startAnew(input.subarray(input.length - inputLeft));
      else this.#endTurn(stop === 'cut short' ? cutShort() : undefined);
    });
  }

  #openStream(window: PlaintextWindow | undefined): InflateRaw {
    const stream = createInflateRaw({ ...this.#options(window), chunkSize: streamChunkBytes });
    this.#stream = stream;
    stream.on('data', (bytes: Buffer) => {
      if (stream !== this.#stream) return;
      this.#message.output.append(bytes);
      const tooMuch = this.#message.made(bytes);
      if (tooMuch !== undefined) this.#endTurn(tooMuch);
    });
    stream.on('error', (error) => {
      if (stream === this.#stream) this.#endTurn(new Error(error.message));
    });
    return stream;
  }

  #startAnew(input: Uint8Array): void {
    const window = this.#message.finalBlock();
    this.end();
    if (window instanceof Error) this.#endTurn(window);
    else this.#feed(input, window);
  }

  #endTurn(error: Error | undefined): void {
    this.#isInTurn = false;
    this.#turns.end();
    if (!this.#isClosed) this.#finish(error);
  }

  #finish(error: Error | undefined): void {
    const over = this.#over;
    this.#over = nothing;
    over(error);
  }

  #options(window: PlaintextWindow | undefined): ZlibOptions {
    const options = { windowBits: this.#windowBits, finishFlush: constants.Z_SYNC_FLUSH };
    return window === undefined || window.length === 0 ? options : { ...options, dictionary: window.bytes };
  }
}

interface InflatedOnce {
  readonly output: Uint8Array;
  readonly inputLeft: number;
}

function inflateOnce(
  input: Uint8Array,
  options: ZlibOptions,
  mostBytes: number,
): InflatedOnce | 'too much' | Error {
  try {
    // With `info` the result is not the Buffer that its type says, but this, and the stream that made it.
    const found: unknown = inflateRawSync(input, { ...options, maxOutputLength: mostBytes, info: true });
    if (typeof found === 'object' && found !== null && 'buffer' in found && 'engine' in found) {
      const { buffer, engine } = found;
      if (buffer instanceof Uint8Array && typeof engine === 'object' && engine !== null) {
        const bytesTaken: unknown = Reflect.get(engine, 'bytesWritten');
        if (typeof bytesTaken === 'number') return { output: buffer, inputLeft: input.length - bytesTaken };
      }
    }
    return new Error('inflateRawSync gives no info about its input on this platform');
  } catch (error) {
    if (!(error instanceof Error)) return new Error(String(error));
    return 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE' ? 'too much' : new Error(error.message);
  }
}
