// What an incoming message has become so far, what its next bytes may refer to, and how large it may be: as long as the
// receiver allows, and beyond 1 MiB no more than so many times what came over the wire. That is checked on every buffer
// of output, so that a decompression bomb costs what is accepted and not what it would become.

import type { InflateParameters } from '../../protocol/extensions/permessage-deflate/codec.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import { OutputBytes } from './output-bytes.ts';
import { PlaintextWindow } from './plaintext-window.ts';

/** A message of up to this size may be compressed as well as it likes. */
const freeBytes = 1024 * 1024;
// Each final block makes zlib start anew, which costs as much as a few hundred bytes of ordinary input.
const freeFinalBlocks = 16;
const bytesPerFinalBlock = 64;

/** One message after the other of a connection. */
export class InflatedMessage {
  /** What was made of the current piece. */
  readonly output: OutputBytes = new OutputBytes();
  readonly #parameters: InflateParameters;
  // With takeover, or while a message of several pieces is in progress.
  #window: PlaintextWindow | undefined;
  #compressedBytes = 0;
  #inflatedBytes = 0;
  #maxBytes = 0;
  #finalBlocks = 0;

  constructor(parameters: InflateParameters) {
    this.#parameters = parameters;
    if (parameters.hasTakeover) this.#window = new PlaintextWindow(parameters.windowBits);
  }

  /** The compressed bytes so far, with those of the current piece. */
  get compressedBytes(): number {
    return this.#compressedBytes;
  }

  /** How much more output is worth making: one byte more than is accepted shows that there is too much. */
  get mostOutput(): number {
    return Math.min(this.#maxBytes, this.#mostByRatio) - this.#inflatedBytes + 1;
  }

  /** The plaintext that the message may refer to; undefined: only that of the current piece. */
  get window(): PlaintextWindow | undefined {
    return this.#window;
  }

  get #mostByRatio(): number {
    return Math.max(freeBytes, Math.floor(this.#parameters.maxInflationRatio * this.#compressedBytes));
  }

  /** A piece begins: its size, and how much output it may become. */
  beginPiece(byteCount: number, maxOutputBytes: number): void {
    this.#compressedBytes += byteCount;
    this.#maxBytes = this.#inflatedBytes + maxOutputBytes;
  }

  /** More pieces follow: their blocks may refer to this one. */
  keepWindow(): void {
    this.#window ??= new PlaintextWindow(this.#parameters.windowBits);
  }

  /** These bytes were added to `output`; gives the error if that is too much. */
  made(bytes: Uint8Array): ProtocolError | undefined {
    this.#inflatedBytes += bytes.length;
    if (this.mostOutput <= 0) return this.#tooLarge();
    this.#window?.append(bytes);
    return undefined;
  }

  /**
   * A final block ended inside the message (RFC 7692 7.2.3.4). Gives what the stream behind it may refer to, or the
   * error if there are more of them than anybody has a reason to send.
   */
  finalBlock(): PlaintextWindow | Error {
    const most = freeFinalBlocks + Math.floor(this.#compressedBytes / bytesPerFinalBlock);
    if (++this.#finalBlocks > most) {
      return new Error(
        `${this.#finalBlocks} final blocks in ${this.#compressedBytes} bytes, at most ${most} accepted`,
      );
    }
    if (this.#window !== undefined) return this.#window;
    const window = new PlaintextWindow(this.#parameters.windowBits);
    this.output.forEach((bytes) => window.append(bytes));
    return window;
  }

  /** The next message begins. */
  end(): void {
    this.#compressedBytes = 0;
    this.#inflatedBytes = 0;
    this.#finalBlocks = 0;
    if (!this.#parameters.hasTakeover) this.#window = undefined;
  }

  /** Forgets everything. */
  clear(): void {
    this.output.clear();
    this.#window = undefined;
  }

  #tooLarge(): ProtocolError {
    const found = `message that inflates to at least ${this.#inflatedBytes} bytes`;
    const expected =
      this.#inflatedBytes > this.#maxBytes
        ? `at most ${this.#maxBytes} accepted`
        : `at most ${this.#parameters.maxInflationRatio} times (maxInflationRatio) its ${this.#compressedBytes} compressed bytes accepted`;
    return new ProtocolError('WS_MESSAGE_TOO_LARGE', 1009, 'RFC 6455 10.4', `${found}, ${expected}`);
  }
}
