// A message that goes to many receivers: its frame is encoded once, for servers unmasked, and the same bytes are
// written to every connection. Clients mask each frame with a key of its own and use the payload only.

import { viewOf } from '../base/bytes.ts';
import { portableTextCodec, type TextCodec } from '../base/text-codec.ts';
import type { RsvBit, SharedDeflater } from './extensions/extension.ts';
import { frameHeaderLength, writeFrameHeader } from './frame-header.ts';
import { Opcode } from './opcode.ts';

/** How a message for many receivers is encoded. */
export interface PreparedMessageOptions {
  /** The kind of a message that is given as bytes; those of a text have to be UTF-8. @defaultValue 'binary' */
  readonly type?: 'text' | 'binary';
  /** Turns text into bytes. @defaultValue portableTextCodec */
  readonly text?: TextCodec;
  /** Whether it is compressed where that was agreed. @defaultValue as the connection's extension decides */
  readonly compress?: boolean | undefined;
}

/** A whole unmasked frame; its memory is not changed as long as it is used. */
export interface PreparedFrame {
  readonly bytes: Uint8Array;
  readonly payloadLength: number;
  /** Whether a codec has transformed the payload. */
  readonly isTransformed: boolean;
}

/** Told when a frame is ready: inside the call, or later when the codec takes its time. */
export type PreparedFrameCallback = (error: Error | undefined, frame: PreparedFrame) => void;

/** A message encoded once for many receivers. The bytes it was made from stay unchanged as long as it is used. */
export class PreparedMessage {
  /** Whether it is a text or a binary message. */
  readonly type: 'text' | 'binary';
  /** Whether it is compressed where that was agreed; undefined leaves it to the connection's extension. */
  readonly compress: boolean | undefined;
  readonly #frame: Uint8Array;
  readonly #headerLength: number;
  readonly #codec: TextCodec;
  #text: string | undefined;
  // What shared deflaters have made of it: the frame, or who waits for it.
  #transformed: Map<SharedDeflater, PreparedFrame | PreparedFrameCallback[]> | undefined;

  constructor(
    data: string | ArrayBuffer | ArrayBufferView,
    { text = portableTextCodec, compress, type = 'binary' }: PreparedMessageOptions = {},
  ) {
    this.compress = compress;
    this.#codec = text;
    if (typeof data === 'string') {
      this.type = 'text';
      const payloadLength = text.byteLength(data);
      this.#headerLength = frameHeaderLength(payloadLength, false);
      this.#frame = frameOf(Opcode.text, payloadLength);
      text.encodeInto(data, this.#frame, this.#headerLength);
    } else {
      this.type = type;
      const bytes = viewOf(data);
      this.#headerLength = frameHeaderLength(bytes.length, false);
      this.#frame = frameOf(type === 'text' ? Opcode.text : Opcode.binary, bytes.length);
      this.#frame.set(bytes, this.#headerLength);
    }
  }

  /** The whole unmasked frame without extensions; not to be changed. */
  get frame(): Uint8Array {
    return this.#frame;
  }

  /** The payload; not to be changed. */
  get payload(): Uint8Array {
    return this.#frame.subarray(this.#headerLength);
  }

  /** The payload of a text message as a string, for platforms that encode by themselves; decoded once. */
  get text(): string {
    this.#text ??= this.#codec.decode(this.#frame, this.#headerLength, this.#frame.length);
    return this.#text;
  }

  /** How many bytes the payload has. */
  get payloadLength(): number {
    return this.#frame.length - this.#headerLength;
  }

  /**
   * Gives the frame that a shared deflater makes of the message, or the plain one where that is not shorter. Each
   * deflater does its work once, for however many connections.
   */
  transformedBy(deflater: SharedDeflater, rsvBit: RsvBit, done: PreparedFrameCallback): void {
    const transformed = (this.#transformed ??= new Map());
    const found = transformed.get(deflater);
    if (found !== undefined) {
      if ('bytes' in found) done(undefined, found);
      else found.push(done);
      return;
    }
    const waiting = [done];
    transformed.set(deflater, waiting);
    const plain = { bytes: this.#frame, payloadLength: this.payloadLength, isTransformed: false };
    deflater.deflate(this.payload, (error, output) => {
      const frame =
        error === undefined && output.length < plain.payloadLength ? this.#framed(output, rsvBit) : plain;
      // A failure is not kept: the next one to ask may have more luck.
      if (error === undefined) transformed.set(deflater, frame);
      else transformed.delete(deflater);
      for (const callback of waiting) callback(error, frame);
    });
  }

  #framed(output: Uint8Array, rsvBit: RsvBit): PreparedFrame {
    const bytes = frameOf((this.#frame[0] & 0x0f) | rsvBit, output.length);
    bytes.set(output, bytes.length - output.length);
    return { bytes, payloadLength: output.length, isTransformed: true };
  }
}

// A whole frame whose payload is still to be filled in.
function frameOf(opcodeAndRsv: number, payloadLength: number): Uint8Array {
  const frame = new Uint8Array(frameHeaderLength(payloadLength, false) + payloadLength);
  writeFrameHeader(frame, 0, 0x80 | opcodeAndRsv, payloadLength, undefined);
  return frame;
}
