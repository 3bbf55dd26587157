// Frames on their way out (RFC 6455 5.2, 5.3): header and payload written into the OutputBuffer, masked when this
// side is the client. The caller's bytes are never written into; large unmasked payloads are passed by reference.

import { copyOf } from '../base/bytes.ts';
import type { TextCodec } from '../base/text-codec.ts';
import { frameHeaderLength, maxFrameHeaderBytes, writeFrameHeader } from './frame-header.ts';
import type { FrameObserver } from './frame-observer.ts';
import { maskInPlace } from './mask.ts';
import type { MaskKeyPool } from './mask-key-pool.ts';
import type { OutputBuffer } from './output-buffer.ts';

// Below, a copy costs less than a reference and its place in a writev (npm run bench, 1 KiB and 16 KiB).
/** The length from which an unmasked payload is passed by reference: it has to stay unchanged until it is written. */
export const referenceFromBytes: number = 32 * 1024 + 1;

/** Writes the frames of one side of a connection. */
export class FrameEncoder {
  /** Sees every frame that is written, when set. */
  observer: FrameObserver | undefined;
  readonly #output: OutputBuffer;
  readonly #text: TextCodec;
  readonly #maskKeys: MaskKeyPool | undefined;

  /** With `maskKeys` frames are masked (client), without they are not (server): RFC 6455 5.1. */
  constructor(output: OutputBuffer, text: TextCodec, maskKeys: MaskKeyPool | undefined) {
    this.#output = output;
    this.#text = text;
    this.#maskKeys = maskKeys;
  }

  /** Writes a frame whose payload is text, and gives how many bytes that are. `firstByte` holds FIN, RSV and opcode. */
  writeText(firstByte: number, text: string): number {
    const output = this.#output;
    // A unit of UTF-16 takes one to three bytes; where all of those give the same form of length, the text is
    // written first and measured by that.
    const isShort = text.length <= 41;
    // The 16-bit form (RFC 6455 5.2); for longer texts room for three bytes a unit would be wasted on ASCII.
    const isMedium = text.length >= 126 && text.length <= 1365;
    const payloadLength = isShort ? 0 : isMedium ? 126 : this.#text.byteLength(text);
    output.reserve(maxFrameHeaderBytes + (isShort || isMedium ? text.length * 3 : payloadLength));
    const buffer = output.buffer;
    const headerStart = output.offset;
    const maskKey = this.#maskKeys?.next();
    const payloadStart = writeFrameHeader(buffer, headerStart, firstByte, payloadLength, maskKey);
    const written = this.#text.encodeInto(text, buffer, payloadStart);
    if (isShort) {
      buffer[headerStart + 1] |= written;
    } else if (isMedium) {
      buffer[headerStart + 2] = written >>> 8;
      buffer[headerStart + 3] = written;
    }
    const end = payloadStart + written;
    if (maskKey !== undefined) maskInPlace(buffer, payloadStart, end, maskKey);
    output.offset = end;
    if (this.observer !== undefined) {
      const header = buffer.slice(headerStart, payloadStart);
      this.#observe(header, buffer.slice(payloadStart, end), maskKey, firstByte);
    }
    return written;
  }

  /** Writes a frame whose payload is bytes. `firstByte` holds FIN, RSV and opcode. */
  writeBytes(firstByte: number, payload: Uint8Array): void {
    const output = this.#output;
    const maskKey = this.#maskKeys?.next();
    const payloadLength = payload.length;
    const isReferenced = maskKey === undefined && payloadLength >= referenceFromBytes;
    output.reserve(
      frameHeaderLength(payloadLength, maskKey !== undefined) + (isReferenced ? 0 : payloadLength),
    );
    const buffer = output.buffer;
    const headerStart = output.offset;
    const payloadStart = writeFrameHeader(buffer, headerStart, firstByte, payloadLength, maskKey);
    if (isReferenced) {
      output.offset = payloadStart;
      output.append(payload);
      if (this.observer !== undefined) {
        const header = buffer.slice(headerStart, payloadStart);
        this.#observe(header, copyOf(payload), maskKey, firstByte);
      }
      return;
    }
    const end = payloadStart + payloadLength;
    buffer.set(payload, payloadStart);
    if (maskKey !== undefined) maskInPlace(buffer, payloadStart, end, maskKey);
    output.offset = end;
    if (this.observer !== undefined) {
      const header = buffer.slice(headerStart, payloadStart);
      this.#observe(header, buffer.slice(payloadStart, end), maskKey, firstByte);
    }
  }

  /** Writes a whole frame that was encoded elsewhere without a mask; its memory stays unchanged until it is sent. */
  writeFrame(frame: Uint8Array, payloadLength: number): void {
    if (this.#maskKeys !== undefined) {
      // RFC 6455 5.3: each frame of a client has a key of its own.
      this.writeBytes(frame[0], frame.subarray(frame.length - payloadLength));
      return;
    }
    this.#output.appendShared(frame);
    if (this.observer !== undefined) {
      const payloadStart = frame.length - payloadLength;
      this.#observe(frame.slice(0, payloadStart), frame.slice(payloadStart), undefined, frame[0]);
    }
  }

  // Called when the frame is complete, with copies: an observer may send, which goes behind the frame, and may flush it.
  #observe(header: Uint8Array, payload: Uint8Array, maskKey: number | undefined, firstByte: number): void {
    const { observer } = this;
    observer?.header('out', {
      fin: (firstByte & 0x80) !== 0,
      rsv: firstByte & 0x70,
      opcode: firstByte & 0x0f,
      maskKey,
      payloadLength: payload.length,
      bytes: header,
    });
    if (payload.length > 0) observer?.payload('out', payload);
  }
}
