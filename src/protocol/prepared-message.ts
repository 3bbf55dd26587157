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
    this.type = typeof data === 'string' ? 'text' : 'binary';
    const bytes = typeof data === 'string' ? undefined : viewOf(data);
    const payloadLength =
      bytes !== undefined ? bytes.length : text.byteLength(typeof data === 'string' ? data : '');
    this.#headerLength = frameHeaderLength(payloadLength, false);
    this.#frame = new Uint8Array(this.#headerLength + payloadLength);
    const opcode = this.type === 'text' ? Opcode.text : Opcode.binary;
    writeFrameHeader(this.#frame, 0, 0x80 | opcode, payloadLength, undefined);
    if (bytes !== undefined) this.#frame.set(bytes, this.#headerLength);
    else if (typeof data === 'string') text.encodeInto(data, this.#frame, this.#headerLength);
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
