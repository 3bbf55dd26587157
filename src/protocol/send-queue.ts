// Messages on their way to the encoder when an extension transforms them. A codec may take its time; what is sent
// meanwhile waits here, so that nothing is ever reordered, and the close frame waits behind all of it. Pings and
// pongs do not come through here: they may overtake. Without an extension nothing comes through here.

import { noBytes } from '../base/bytes.ts';
import type { NegotiatedExtension } from './extensions/extension.ts';
import type { FrameEncoder } from './frame-encoder.ts';
import { Opcode } from './opcode.ts';

interface QueuedPiece {
  /** FIN and opcode as the frame will have them; the RSV bit is added here. */
  readonly firstByte: number;
  readonly payload: Uint8Array;
  readonly isTransformed: boolean;
}

/** What a SendQueue reports to its owner. */
export interface SendQueueEvents {
  /** Something that waited was written; a flush is due. */
  written(): void;
  /** The codec failed; nothing more is written. */
  failed(error: Error): void;
}

/** Passes outgoing pieces through the codec of an extension, in order. */
export class SendQueue {
  readonly #encoder: FrameEncoder;
  readonly #extension: NegotiatedExtension;
  readonly #events: SendQueueEvents;
  #waiting: QueuedPiece[] = [];
  #waitingBytes = 0;
  #busyBytes = 0;
  #isBusy = false;
  #isDisposed = false;
  #whenEmpty: (() => void) | undefined;

  constructor(encoder: FrameEncoder, extension: NegotiatedExtension, events: SendQueueEvents) {
    this.#encoder = encoder;
    this.#extension = extension;
    this.#events = events;
  }

  /** The payload bytes that wait here or are in the codec. */
  get byteLength(): number {
    return this.#waitingBytes + this.#busyBytes;
  }

  /** Sends a message or a fragment of one; `firstByte` holds FIN and opcode. */
  push(firstByte: number, payload: Uint8Array, isTransformed: boolean): void {
    if (this.#isDisposed) return;
    const piece: QueuedPiece = { firstByte, payload, isTransformed };
    // Also when the codec is free: `advance` may be at work below us, called back by an observer.
    if (!this.#isBusy && this.#waiting.length === 0) {
      this.#process(piece);
      return;
    }
    this.#waiting.push(piece);
    this.#waitingBytes += payload.length;
  }

  /** Calls back once everything before has been written: at once if nothing waits. */
  afterAll(callback: () => void): void {
    if (this.#isBusy) this.#whenEmpty = callback;
    else callback();
  }

  /** Forgets what waits and closes nothing: the codec belongs to the extension. */
  dispose(): void {
    this.#isDisposed = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#busyBytes = 0;
    this.#whenEmpty = undefined;
  }

  #process(piece: QueuedPiece): void {
    const { firstByte, payload, isTransformed } = piece;
    if (!isTransformed) {
      this.#encoder.writeBytes(firstByte, payload);
      return;
    }
    const isFinal = (firstByte & 0x80) !== 0;
    let isInside = true;
    this.#isBusy = true;
    this.#busyBytes = payload.length;
    this.#extension.deflater.deflate(payload, isFinal, (error, output) => {
      if (this.#isDisposed) return;
      this.#isBusy = false;
      this.#busyBytes = 0;
      if (error !== undefined) {
        this.dispose();
        this.#events.failed(error);
        return;
      }
      // The bit stands on the first frame of a message only (RFC 7692 6.1).
      const isFirst = (firstByte & 0x0f) !== Opcode.continuation;
      this.#encoder.writeBytes(isFirst ? firstByte | this.#extension.rsvBit : firstByte, output ?? noBytes);
      if (!isInside) this.#advance();
    });
    isInside = false;
  }

  #advance(): void {
    let next = this.#waiting.shift();
    while (next !== undefined) {
      this.#waitingBytes -= next.payload.length;
      this.#process(next);
      if (this.#isBusy || this.#isDisposed) break;
      next = this.#waiting.shift();
    }
    if (this.#isDisposed) return;
    if (!this.#isBusy) {
      const callback = this.#whenEmpty;
      this.#whenEmpty = undefined;
      callback?.();
    }
    this.#events.written();
  }
}
