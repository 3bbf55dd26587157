// Messages on their way to the encoder when an extension transforms them. A codec may take its time; what is sent
// meanwhile waits here, so that nothing is ever reordered, and the close frame waits behind all of it. Pings and
// pongs do not come through here: they may overtake. Without an extension nothing comes through here.

import type { NegotiatedExtension } from './extensions/extension.ts';
import type { FrameEncoder } from './frame-encoder.ts';
import { Opcode } from './opcode.ts';
import type { PreparedFrame, PreparedMessage } from './prepared-message.ts';

interface QueuedPiece {
  /** FIN and opcode as the frame will have them; the RSV bit is added here. */
  readonly firstByte: number;
  readonly payload: Uint8Array;
  readonly isTransformed: boolean;
  /** Where the payload comes from, if many connections share it. */
  readonly prepared: PreparedMessage | undefined;
  /** The piece behind this one. An array would move all that wait for each one that leaves. */
  next: QueuedPiece | undefined;
}

// What a piece that waits costs beside its bytes, so that a flood of empty messages is bounded too.
const pieceOverheadBytes = 256;

/** What a SendQueue reports to its owner. */
export interface SendQueueEvents {
  /** Something that waited was written; a flush is due. */
  written(): void;
  /** The codec has transformed a message or a piece of one: how many bytes it was and is. */
  transformed(plainBytes: number, deflatedBytes: number): void;
  /** The codec failed; nothing more is written. */
  failed(error: Error): void;
}

/** Passes outgoing pieces through the codec of an extension, in order. */
export class SendQueue {
  readonly #encoder: () => FrameEncoder;
  readonly #extension: NegotiatedExtension;
  readonly #events: SendQueueEvents;
  #first: QueuedPiece | undefined;
  #last: QueuedPiece | undefined;
  #waitingBytes = 0;
  #busyBytes = 0;
  #isBusy = false;
  #isDisposed = false;
  #whenEmpty: (() => void) | undefined;

  /** @param encoder gives what writes frames at the moment */
  constructor(encoder: () => FrameEncoder, extension: NegotiatedExtension, events: SendQueueEvents) {
    this.#encoder = encoder;
    this.#extension = extension;
    this.#events = events;
  }

  /** Whether nothing waits: what need not be transformed may be written at once. */
  get isIdle(): boolean {
    return !this.#isBusy && this.#first === undefined;
  }

  /** The payload bytes that wait here or are in the codec; each piece that waits counts 256 bytes more. */
  get byteLength(): number {
    return this.#waitingBytes + this.#busyBytes;
  }

  /** Sends a message or a fragment of one; `firstByte` holds FIN and opcode. */
  push(firstByte: number, payload: Uint8Array, isTransformed: boolean, prepared?: PreparedMessage): void {
    if (this.#isDisposed) return;
    const piece: QueuedPiece = { firstByte, payload, isTransformed, prepared, next: undefined };
    // Pieces can wait although the codec is free: then an observer sends while `advance` is at work below.
    if (!this.#isBusy && this.#first === undefined) {
      this.#process(piece);
      return;
    }
    if (this.#last === undefined) this.#first = piece;
    else this.#last.next = piece;
    this.#last = piece;
    this.#waitingBytes += pieceOverheadBytes + payload.length;
  }

  /** Calls back once everything before has been written: at once if nothing waits. */
  afterAll(callback: () => void): void {
    if (this.#isBusy || this.#first !== undefined) this.#whenEmpty = callback;
    else callback();
  }

  /** Forgets what waits and closes nothing: the codec belongs to the extension. */
  dispose(): void {
    this.#isDisposed = true;
    this.#first = undefined;
    this.#last = undefined;
    this.#waitingBytes = 0;
    this.#busyBytes = 0;
    this.#whenEmpty = undefined;
  }

  #process(piece: QueuedPiece): void {
    const { firstByte, payload, isTransformed, prepared } = piece;
    const { deflater, shared, rsvBit } = this.#extension;
    if (!isTransformed) {
      this.#encoder().writeBytes(firstByte, payload);
      return;
    }
    let isInside = true;
    this.#isBusy = true;
    this.#busyBytes = payload.length;
    const isOver = (error: Error | undefined): boolean => {
      if (this.#isDisposed) return true;
      this.#isBusy = false;
      this.#busyBytes = 0;
      if (error === undefined) return false;
      this.dispose();
      this.#events.failed(error);
      return true;
    };
    if (prepared !== undefined && shared !== undefined) {
      prepared.transformedBy(shared, rsvBit, (error, frame) => {
        if (isOver(error)) return;
        if (frame.isTransformed) this.#events.transformed(payload.length, frame.payloadLength);
        this.#writePrepared(frame);
        if (!isInside) this.#advance();
      });
    } else {
      deflater.deflate(payload, (firstByte & 0x80) !== 0, (error, output) => {
        if (isOver(error)) return;
        this.#events.transformed(payload.length, output.length);
        // The bit stands on the first frame of a message only (RFC 7692 6.1).
        const isFirst = (firstByte & 0x0f) !== Opcode.continuation;
        this.#encoder().writeBytes(isFirst ? firstByte | rsvBit : firstByte, output);
        if (!isInside) this.#advance();
      });
    }
    isInside = false;
  }

  #writePrepared(frame: PreparedFrame): void {
    // The peer's window now holds a message that our own deflater has not seen.
    if (frame.isTransformed) this.#extension.deflater.reset();
    this.#encoder().writeFrame(frame.bytes, frame.payloadLength);
  }

  #advance(): void {
    while (this.#first !== undefined && !this.#isBusy) {
      const piece = this.#first;
      this.#waitingBytes -= pieceOverheadBytes + piece.payload.length;
      // It stays in its place until it is processed: what an observer sends meanwhile goes behind.
      this.#process(piece);
      if (this.#isDisposed) return;
      this.#first = piece.next;
      if (this.#first === undefined) this.#last = undefined;
    }
    if (!this.#isBusy) {
      const callback = this.#whenEmpty;
      this.#whenEmpty = undefined;
      callback?.();
    }
    this.#events.written();
  }
}
