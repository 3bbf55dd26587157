// Frames on their way in (RFC 6455 5.2): headers are parsed where they lie, payloads are unmasked in place and
// handed on as ranges of the chunk. Rules that need no memory of earlier frames are checked here, on the header and
// before any payload; the order of frames within a message is the MessageAssembler's duty.

import { noBytes, plainView } from '../base/bytes.ts';
import { poison } from '../base/poison.ts';
import { type FrameHeader, maxFrameHeaderBytes } from './frame-header.ts';
import type { FrameObserver } from './frame-observer.ts';
import { maskInPlace, maskKeyLength, readMaskKey, rotateMaskKey } from './mask.ts';
import { isControlOpcode, isKnownOpcode, opcodeName } from './opcode.ts';
import { ProtocolError } from './protocol-error.ts';

/** Hears the frames that a FrameDecoder finds. `firstByte` holds FIN, RSV and opcode. */
export interface FrameSink {
  /** A frame that lies whole in the chunk; its payload is `bytes[start..end)`, unmasked, borrowed for the call. */
  frame(firstByte: number, bytes: Uint8Array, start: number, end: number): void;
  /** A frame begins whose payload is not all there yet; its pieces and `frameEnd` follow. */
  frameStart(firstByte: number, payloadLength: number): void;
  /** The next piece of the payload: `bytes[start..end)`, unmasked, borrowed for the call. */
  framePayload(bytes: Uint8Array, start: number, end: number): void;
  /** The frame that began with `frameStart` is complete. */
  frameEnd(): void;
  /** The peer broke a rule of framing; nothing more is decoded. */
  frameError(error: ProtocolError): void;
}

/** What a FrameDecoder accepts. */
export interface FrameDecoderOptions {
  /** Whether frames have to be masked (a server's decoder) or must not be (a client's), RFC 6455 5.1; `either` for tools that look at both. */
  readonly masking: 'required' | 'forbidden' | 'either';
  /** The longest payload of a frame in bytes. */
  readonly maxFrameBytes: number;
  /** The RSV bits that negotiated extensions own, as they stand in the first byte. @defaultValue 0 */
  readonly allowedRsv?: number;
  /** Unmasks in place. @defaultValue maskInPlace */
  readonly unmask?: typeof maskInPlace;
}

/** Splits one direction of a connection into frames. */
export class FrameDecoder {
  /** Sees every frame as it is on the wire, when set. */
  observer: FrameObserver | undefined;
  /** The RSV bits that negotiated extensions own, as they stand in the first byte. */
  allowedRsv: number;
  readonly #options: FrameDecoderOptions;
  readonly #sink: FrameSink;
  readonly #maxFrameBytes: number;
  readonly #unmask: typeof maskInPlace;
  // The start of a header that is not complete yet.
  #partial: Uint8Array = noBytes;
  #partialLength = 0;
  // The frame whose payload is arriving. "In payload" is a flag: zero bytes may remain of an empty frame.
  #isInPayload = false;
  #remaining = 0;
  #maskKey = 0;
  #isStopped = false;
  #hasFailed = false;
  // The header that was parsed last.
  #payloadLength = 0;

  constructor(options: FrameDecoderOptions, sink: FrameSink) {
    this.#options = options;
    this.#sink = sink;
    this.allowedRsv = options.allowedRsv ?? 0;
    this.#maxFrameBytes = options.maxFrameBytes;
    this.#unmask = options.unmask ?? maskInPlace;
  }

  /** Whether the bytes so far end between two frames, and none of them broke a rule. */
  get isAtFrameBoundary(): boolean {
    return !this.#isInPayload && this.#partialLength === 0 && !this.#hasFailed;
  }

  /** Makes the `decode` that is running return after the current frame or piece. */
  stop(): void {
    this.#isStopped = true;
  }

  /**
   * Decodes `chunk[start..end)` and gives how far it came: less than `end` only after `stop`. Payload bytes are
   * overwritten by their unmasked form. After a failure everything is swallowed.
   */
  decode(chunk: Uint8Array, start: number, end: number): number {
    // Node's sockets read into Buffers, whose slice() is a view: what the sinks get is a plain Uint8Array.
    const bytes = plainView(chunk);
    let offset = start;
    this.#isStopped = false;
    while (offset < end && !this.#isStopped) {
      if (this.#hasFailed) return end;
      if (this.#isInPayload) {
        offset = this.#takePayload(bytes, offset, end);
        continue;
      }
      if (this.#partialLength > 0) {
        offset = this.#completePartial(bytes, offset, end);
        continue;
      }
      const headerLength = this.#parseHeader(bytes, offset, end - offset);
      if (this.#hasFailed) return end;
      if (headerLength === 0) {
        this.#keepPartial(bytes, offset, end);
        return end;
      }
      offset = this.#beginFrame(bytes, offset, offset + headerLength, end);
    }
    return offset;
  }

  // The header at headerStart is parsed; the payload starts at `offset` and may be there or not.
  #beginFrame(bytes: Uint8Array, headerStart: number, offset: number, end: number): number {
    const firstByte = bytes[headerStart];
    const payloadEnd = offset + this.#payloadLength;
    if (this.observer !== undefined) this.#observeHeader(bytes, headerStart, offset);
    if (payloadEnd > end) {
      this.#enterPayload(firstByte);
      return offset;
    }
    if (this.observer !== undefined && payloadEnd > offset) {
      this.observer.payload('in', bytes.slice(offset, payloadEnd));
    }
    this.#unmask(bytes, offset, payloadEnd, this.#maskKey);
    this.#sink.frame(firstByte, bytes, offset, payloadEnd);
    return payloadEnd;
  }

  #enterPayload(firstByte: number): void {
    this.#isInPayload = true;
    this.#remaining = this.#payloadLength;
    this.#sink.frameStart(firstByte, this.#payloadLength);
  }

  #takePayload(bytes: Uint8Array, offset: number, end: number): number {
    const pieceEnd = Math.min(end, offset + this.#remaining);
    const length = pieceEnd - offset;
    if (this.observer !== undefined) this.observer.payload('in', bytes.slice(offset, pieceEnd));
    this.#unmask(bytes, offset, pieceEnd, this.#maskKey);
    this.#maskKey = rotateMaskKey(this.#maskKey, length);
    this.#remaining -= length;
    if (this.#remaining === 0) this.#isInPayload = false;
    this.#sink.framePayload(bytes, offset, pieceEnd);
    if (!this.#isInPayload && !this.#hasFailed) this.#sink.frameEnd();
    return pieceEnd;
  }

  #keepPartial(bytes: Uint8Array, start: number, end: number): void {
    if (this.#partial === noBytes) this.#partial = new Uint8Array(maxFrameHeaderBytes);
    for (let offset = start; offset < end; offset++) this.#partial[this.#partialLength++] = bytes[offset];
  }

  // Takes one byte at a time, so that a wrong header fails before the rest of it has arrived.
  #completePartial(bytes: Uint8Array, start: number, end: number): number {
    const partial = this.#partial;
    let offset = start;
    while (offset < end) {
      partial[this.#partialLength++] = bytes[offset++];
      const headerLength = this.#parseHeader(partial, 0, this.#partialLength);
      if (this.#hasFailed) return end;
      if (headerLength === 0) continue;
      this.#partialLength = 0;
      if (this.observer !== undefined) this.#observeHeader(partial, 0, headerLength);
      if (this.#payloadLength === 0) this.#sink.frame(partial[0], partial, headerLength, headerLength);
      else this.#enterPayload(partial[0]);
      poison(partial);
      break;
    }
    return offset;
  }

  // Gives the length of the header, or 0 when it is not complete; sets #payloadLength and #maskKey.
  #parseHeader(bytes: Uint8Array, offset: number, available: number): number {
    if (available < 2) return 0;
    const firstByte = bytes[offset];
    const secondByte = bytes[offset + 1];
    const isMasked = secondByte >= 0x80;
    const shortLength = secondByte & 0x7f;
    const masking = this.#options.masking;
    if (
      (firstByte & 0x70) !== 0 ||
      (firstByte & 0x0f) > 2 ||
      (isMasked ? masking === 'forbidden' : masking === 'required')
    ) {
      const error = this.#checkFirstBytes(firstByte, isMasked, shortLength);
      if (error !== undefined) return this.#fail(error);
    }
    let headerLength = 2;
    let payloadLength = shortLength;
    if (shortLength === 126) {
      if (available < 4) return 0;
      headerLength = 4;
      payloadLength = (bytes[offset + 2] << 8) | bytes[offset + 3];
      if (payloadLength < 126) return this.#fail(lengthNotMinimal(payloadLength, 16));
    } else if (shortLength === 127) {
      if (available < 10) return 0;
      headerLength = 10;
      const high =
        ((bytes[offset + 2] << 24) |
          (bytes[offset + 3] << 16) |
          (bytes[offset + 4] << 8) |
          bytes[offset + 5]) >>>
        0;
      const low =
        ((bytes[offset + 6] << 24) |
          (bytes[offset + 7] << 16) |
          (bytes[offset + 8] << 8) |
          bytes[offset + 9]) >>>
        0;
      if (high > 0x7fffffff) return this.#fail(lengthTopBit());
      payloadLength = high * 0x1_0000_0000 + low;
      if (payloadLength < 0x10000) return this.#fail(lengthNotMinimal(payloadLength, 64));
    }
    // Lengths above 2^53 lose their last bits here, but never their size: the limit refuses them.
    if (payloadLength > this.#maxFrameBytes || payloadLength > Number.MAX_SAFE_INTEGER) {
      return this.#fail(frameTooLarge(payloadLength, this.#maxFrameBytes));
    }
    if (isMasked) {
      if (available < headerLength + maskKeyLength) return 0;
      this.#maskKey = readMaskKey(bytes, offset + headerLength);
      headerLength += maskKeyLength;
    } else {
      this.#maskKey = 0;
    }
    this.#payloadLength = payloadLength;
    return headerLength;
  }

  #checkFirstBytes(firstByte: number, isMasked: boolean, shortLength: number): ProtocolError | undefined {
    const opcode = firstByte & 0x0f;
    const rsv = firstByte & 0x70;
    const isControl = isControlOpcode(opcode);
    if (rsv !== 0) {
      // RFC 6455 5.2: a set bit without an extension that gives it meaning fails the connection. RFC 7692 6:
      // only the first frame of a data message may bear an extension's bit.
      const unexpected = rsv & ~this.allowedRsv;
      if (unexpected !== 0 || isControl || opcode === 0) return rsvUnexpected(rsv, opcode, unexpected !== 0);
    }
    if (!isKnownOpcode(opcode)) {
      return new ProtocolError(
        'WS_FRAME_OPCODE_UNKNOWN',
        1002,
        'RFC 6455 5.2',
        `opcode 0x${opcode.toString(16)} is reserved, expected 0x0-0x2 or 0x8-0xa`,
      );
    }
    if (isMasked && this.#options.masking === 'forbidden') {
      return new ProtocolError(
        'WS_FRAME_MASK_UNEXPECTED',
        1002,
        'RFC 6455 5.1',
        `${opcodeName(opcode)} frame from the server is masked, expected an unmasked frame`,
      );
    }
    if (!isMasked && this.#options.masking === 'required') {
      return new ProtocolError(
        'WS_FRAME_MASK_MISSING',
        1002,
        'RFC 6455 5.1',
        `${opcodeName(opcode)} frame from the client is not masked, expected a masked frame`,
      );
    }
    if (!isControl) return undefined;
    if ((firstByte & 0x80) === 0) {
      return new ProtocolError(
        'WS_CONTROL_FRAME_FRAGMENTED',
        1002,
        'RFC 6455 5.5',
        `${opcodeName(opcode)} frame has FIN 0, expected FIN 1: control frames are not fragmented`,
      );
    }
    if (shortLength > 125) {
      const found = shortLength === 126 ? 'of 126 bytes or more' : 'with a 64-bit length';
      return new ProtocolError(
        'WS_CONTROL_FRAME_TOO_LARGE',
        1002,
        'RFC 6455 5.5',
        `${opcodeName(opcode)} frame ${found}, expected at most 125 bytes`,
      );
    }
    return undefined;
  }

  #fail(error: ProtocolError): 0 {
    this.#hasFailed = true;
    this.#sink.frameError(error);
    return 0;
  }

  /** Swallows everything from now on: the connection was failed or closed by somebody else. */
  discard(): void {
    this.#hasFailed = true;
    this.#isStopped = true;
  }

  #observeHeader(bytes: Uint8Array, start: number, end: number): void {
    const isMasked = bytes[start + 1] >= 0x80;
    const header: FrameHeader = {
      fin: (bytes[start] & 0x80) !== 0,
      rsv: bytes[start] & 0x70,
      opcode: bytes[start] & 0x0f,
      maskKey: isMasked ? this.#maskKey : undefined,
      payloadLength: this.#payloadLength,
      bytes: bytes.slice(start, end),
    };
    this.observer?.header('in', header);
  }
}

function rsvUnexpected(rsv: number, opcode: number, isUnowned: boolean): ProtocolError {
  const names = [0x40, 0x20, 0x10].flatMap((bit, index) => ((rsv & bit) === 0 ? [] : [`RSV${index + 1}`]));
  const expected = isUnowned
    ? 'no RSV bit beyond those of the negotiated extensions'
    : 'RSV bits on the first frame of a data message only';
  return new ProtocolError(
    'WS_FRAME_RSV_UNEXPECTED',
    1002,
    'RFC 6455 5.2',
    `${opcodeName(opcode)} frame with ${names.join(' and ')} set, expected ${expected}`,
  );
}

function lengthNotMinimal(length: number, bits: 16 | 64): ProtocolError {
  return new ProtocolError(
    'WS_FRAME_LENGTH_INVALID',
    1002,
    'RFC 6455 5.2',
    `length ${length} in the ${bits}-bit form, expected its shortest form`,
  );
}

function lengthTopBit(): ProtocolError {
  return new ProtocolError(
    'WS_FRAME_LENGTH_INVALID',
    1002,
    'RFC 6455 5.2',
    '64-bit length with its highest bit set, expected 0 there',
  );
}

function frameTooLarge(length: number, limit: number): ProtocolError {
  return new ProtocolError(
    'WS_FRAME_TOO_LARGE',
    1009,
    'RFC 6455 10.4',
    `frame of ${length} bytes, at most ${Math.min(limit, Number.MAX_SAFE_INTEGER)} accepted`,
  );
}
