// RFC 6455 read a second time: a decoder that sees all bytes of a direction at once and is written for clarity alone.
// It is the oracle of the property tests; where it and the library disagree, one of them is wrong.

import { fromHex, toHex } from './wire.ts';

/** What happened: a name and its values, comparable with toEqual. */
export type WireEvent = [name: string, ...values: (string | number)[]];

export interface ReferenceOptions {
  readonly receiver: 'client' | 'server';
  readonly maxMessageBytes?: number;
  readonly maxFrameBytes?: number;
  readonly maxFragments?: number;
}

const mebibytes16 = 16 * 1024 * 1024;

class Failure extends Error {
  readonly event: WireEvent;
  constructor(code: string, closeCode: number) {
    super(code);
    this.event = ['failure', code, closeCode];
  }
}

/** Whether the bytes can be the start of well-formed UTF-8 (`isWhole`: are well-formed). */
export function isUtf8(bytes: Uint8Array, isWhole: boolean): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: !isWhole });
    return true;
  } catch {
    // The decoder's only complaint: not UTF-8.
    return false;
  }
}

/** The events that the bytes cause, the first failure being the last of them. */
export function decodeAll(bytes: Uint8Array, options: ReferenceOptions): WireEvent[] {
  const events: WireEvent[] = [];
  try {
    decodeFrames(bytes, options, events);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    events.push(error.event);
  }
  return events;
}

function decodeFrames(bytes: Uint8Array, options: ReferenceOptions, events: WireEvent[]): void {
  const {
    receiver,
    maxMessageBytes = mebibytes16,
    maxFrameBytes = mebibytes16,
    maxFragments = 131_072,
  } = options;
  let offset = 0;
  let message: { type: 'text' | 'binary'; payload: number[]; fragments: number } | undefined;
  while (bytes.length - offset >= 2) {
    const [first, second] = bytes.subarray(offset);
    const fin = first >= 128;
    const opcode = first & 15;
    const isMasked = second >= 128;
    if ((first & 0x70) !== 0) throw new Failure('WS_FRAME_RSV_UNEXPECTED', 1002);
    if (![0, 1, 2, 8, 9, 10].includes(opcode)) throw new Failure('WS_FRAME_OPCODE_UNKNOWN', 1002);
    if (isMasked && receiver === 'client') throw new Failure('WS_FRAME_MASK_UNEXPECTED', 1002);
    if (!isMasked && receiver === 'server') throw new Failure('WS_FRAME_MASK_MISSING', 1002);
    if (opcode >= 8 && !fin) throw new Failure('WS_CONTROL_FRAME_FRAGMENTED', 1002);
    if (opcode >= 8 && (second & 127) > 125) throw new Failure('WS_CONTROL_FRAME_TOO_LARGE', 1002);
    const lengthBytes = (second & 127) === 127 ? 8 : (second & 127) === 126 ? 2 : 0;
    if (bytes.length - offset < 2 + lengthBytes) return;
    let length = BigInt(second & 127);
    if (lengthBytes > 0) {
      length = BigInt(`0x${toHex(bytes.subarray(offset + 2, offset + 2 + lengthBytes))}`);
      if (length >= 1n << 63n) throw new Failure('WS_FRAME_LENGTH_INVALID', 1002);
      if (length < (lengthBytes === 8 ? 65536n : 126n)) throw new Failure('WS_FRAME_LENGTH_INVALID', 1002);
    }
    if (length > BigInt(maxFrameBytes)) throw new Failure('WS_FRAME_TOO_LARGE', 1009);
    const headerLength = 2 + lengthBytes + (isMasked ? 4 : 0);
    if (bytes.length - offset < headerLength) return;
    if (opcode === 0 && message === undefined) throw new Failure('WS_CONTINUATION_UNEXPECTED', 1002);
    if ((opcode === 1 || opcode === 2) && message !== undefined)
      throw new Failure('WS_CONTINUATION_EXPECTED', 1002);

    const key = isMasked
      ? bytes.subarray(offset + headerLength - 4, offset + headerLength)
      : fromHex('00000000');
    const masked = bytes.subarray(offset + headerLength, offset + headerLength + Number(length));
    const payload = masked.map((byte, index) => byte ^ key[index % 4]);
    const isComplete = BigInt(payload.length) === length;
    offset += headerLength + payload.length;
    if (opcode >= 8) {
      if (!isComplete) return;
      if (opcode === 8) {
        events.push(closeEvent(payload));
        return;
      }
      events.push([opcode === 9 ? 'ping' : 'pong', toHex(payload)]);
      continue;
    }
    message ??= { type: opcode === 1 ? 'text' : 'binary', payload: [], fragments: 0 };
    message.fragments++;
    if (BigInt(message.payload.length) + length > BigInt(maxMessageBytes)) {
      throw new Failure('WS_MESSAGE_TOO_LARGE', 1009);
    }
    if (message.fragments > maxFragments) throw new Failure('WS_MESSAGE_TOO_FRAGMENTED', 1009);
    for (const byte of payload) message.payload.push(byte);
    const whole = Uint8Array.from(message.payload);
    if (message.type === 'text' && !isUtf8(whole, fin && isComplete))
      throw new Failure('WS_TEXT_INVALID', 1007);
    if (!isComplete) return;
    if (!fin) continue;
    const text = (): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(whole);
    events.push(message.type === 'text' ? ['text', text()] : ['binary', toHex(whole)]);
    message = undefined;
  }
}

function closeEvent(body: Uint8Array): WireEvent {
  if (body.length === 0) return ['close', 1005, ''];
  if (body.length === 1) throw new Failure('WS_CLOSE_BODY_INVALID', 1002);
  const code = body[0] * 256 + body[1];
  const isAllowed =
    (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code < 5000);
  if (!isAllowed) throw new Failure('WS_CLOSE_CODE_INVALID', 1002);
  const reason = body.subarray(2);
  if (!isUtf8(reason, true)) throw new Failure('WS_CLOSE_REASON_INVALID', 1007);
  return ['close', code, new TextDecoder('utf-8', { ignoreBOM: true }).decode(reason)];
}
