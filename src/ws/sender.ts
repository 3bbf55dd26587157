// `Sender.frame` and `socket._sender`, which packages reach into to encode a broadcast once (engine.io, socket.io-adapter). A
// list of chunks made here is recognised and sent as the prepared message that it is; one made elsewhere is read.

import { Buffer } from 'node:buffer';
import { nodeTextCodec } from '../node/node-text-codec.ts';
import { frameHeaderLength, writeFrameHeader } from '../protocol/frame-header.ts';
import { Opcode } from '../protocol/opcode.ts';
import { PreparedMessage } from '../protocol/prepared-message.ts';
import type { Outgoing, SentCallback } from './outgoing.ts';
import { bytesOf, readyDataOf } from './sent-data.ts';

/** What a frame is made with. */
export interface FrameOptions {
  /** Whether the message ends with it. */
  readonly fin?: boolean;
  readonly opcode: number;
  /** Whether it is marked as compressed. */
  readonly rsv1?: boolean;
  /** Frames of clients are masked one by one: none is made here. */
  readonly mask?: boolean;
  readonly readOnly?: boolean;
}

const prepared = new WeakMap<object, PreparedMessage>();

/** Makes frames: a class, because that is where packages look for it. */
// oxlint-disable-next-line typescript/no-extraneous-class -- see above
export class Sender {
  /**
   * Gives a frame as chunks: its header, and its payload if it has one.
   * @throws TypeError when it is to be masked
   */
  static frame(data: unknown, options: FrameOptions): Buffer[] {
    if (options.mask === true)
      throw new TypeError('a frame that is shared is not masked, expected mask: false');
    const payload = bytesOf(readyDataOf(data));
    const firstByte = (options.fin === true ? 0x80 : 0) | (options.rsv1 === true ? 0x40 : 0) | options.opcode;
    const header = Buffer.alloc(frameHeaderLength(payload.length, false));
    writeFrameHeader(header, 0, firstByte, payload.length, undefined);
    const chunks = payload.length === 0 ? [header] : [header, Buffer.from(payload)];
    const message = messageOf(firstByte, payload);
    if (message !== undefined) prepared.set(chunks, message);
    return chunks;
  }
}

/** What stands in `_sender` of an open WebSocket. */
export class FrameSender {
  readonly #outgoing: Outgoing;

  constructor(outgoing: Outgoing) {
    this.#outgoing = outgoing;
  }

  /**
   * Sends a whole unmasked frame of a text or binary message.
   * @throws TypeError for any other frame
   */
  sendFrame(chunks: readonly (Uint8Array | string)[], callback?: SentCallback): void {
    const message = prepared.get(chunks) ?? readFrame(chunks);
    if (message === undefined)
      throw new TypeError('expected a whole text or binary message in one unmasked frame');
    this.#outgoing.sendPrepared(message, callback);
  }
}

function messageOf(firstByte: number, payload: Uint8Array): PreparedMessage | undefined {
  const type = firstByte === (0x80 | Opcode.text) ? 'text' : 'binary';
  if (type === 'binary' && firstByte !== (0x80 | Opcode.binary)) return undefined;
  // As it is: a frame without the bit of the extension is not compressed.
  return new PreparedMessage(payload, { type, compress: false, text: nodeTextCodec });
}

function readFrame(chunks: readonly (Uint8Array | string)[]): PreparedMessage | undefined {
  const frame = Buffer.concat(chunks.map((chunk) => Buffer.from(chunk)));
  const shortLength = frame[1] ?? 0x80;
  if (shortLength >= 0x80) return undefined;
  const headerLength = shortLength === 127 ? 10 : shortLength === 126 ? 4 : 2;
  return messageOf(frame[0], frame.subarray(headerLength));
}
