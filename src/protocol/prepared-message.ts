// A message that goes to many receivers: its frame is encoded once, for servers unmasked, and the same bytes are
// written to every connection. Clients mask each frame with a key of its own and use the payload only.

import { viewOf } from '../base/bytes.ts';
import { portableTextCodec, type TextCodec } from '../base/text-codec.ts';
import { frameHeaderLength, writeFrameHeader } from './frame-header.ts';
import { Opcode } from './opcode.ts';

/** A message encoded once for many receivers. The bytes it was made from stay unchanged as long as it is used. */
export class PreparedMessage {
  /** Whether it is a text or a binary message. */
  readonly type: 'text' | 'binary';
  readonly #frame: Uint8Array;
  readonly #headerLength: number;

  constructor(data: string | ArrayBuffer | ArrayBufferView, text: TextCodec = portableTextCodec) {
    if (typeof data === 'string') {
      this.type = 'text';
      const payloadLength = text.byteLength(data);
      this.#headerLength = frameHeaderLength(payloadLength, false);
      this.#frame = frameOf(Opcode.text, payloadLength);
      text.encodeInto(data, this.#frame, this.#headerLength);
    } else {
      this.type = 'binary';
      const bytes = viewOf(data);
      this.#headerLength = frameHeaderLength(bytes.length, false);
      this.#frame = frameOf(Opcode.binary, bytes.length);
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
}

// A whole frame whose payload is still to be filled in.
function frameOf(opcode: number, payloadLength: number): Uint8Array {
  const frame = new Uint8Array(frameHeaderLength(payloadLength, false) + payloadLength);
  writeFrameHeader(frame, 0, 0x80 | opcode, payloadLength, undefined);
  return frame;
}
