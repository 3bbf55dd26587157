import { describe, expect, it } from 'vitest';
import {
  closeText,
  hexByte,
  payloadPreview,
  payloadText,
  type UnmaskedFrame,
  unmaskedPayload,
} from '../../src/protocol/frame-description.ts';
import { Opcode } from '../../src/protocol/opcode.ts';
import { fromHex, toHex } from './wire.ts';

function frame(
  opcode: number,
  payload: Uint8Array,
  { rsv = 0, payloadLength = payload.length } = {},
): UnmaskedFrame {
  return {
    header: { fin: true, rsv, opcode, maskKey: undefined, payloadLength, bytes: new Uint8Array(2) },
    payload,
  };
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('the payload of a frame', () => {
  it('is unmasked in a copy, and left as it is where there is no mask', () => {
    // RFC 6455 5.7: "Hello", masked.
    const masked = fromHex('7f9f4d5158');
    const { header } = frame(Opcode.text, masked);
    const observed = {
      direction: 'in',
      header: { ...header, maskKey: 0x37fa213d },
      payload: masked,
    } as const;
    expect(new TextDecoder().decode(unmaskedPayload(observed))).toBe('Hello');
    expect(toHex(masked)).toBe('7f9f4d5158');
    expect(unmaskedPayload({ direction: 'out', header, payload: masked })).toBe(masked);
  });

  it('is text where it is UTF-8, also when the end of a character was cut away', () => {
    expect(payloadText(frame(Opcode.text, utf8('grüße\n')))).toBe('grüße\n');
    expect(payloadText(frame(Opcode.continuation, utf8('grüße').subarray(0, 3)))).toBe('gr');
    expect(payloadText(frame(Opcode.ping, utf8('?')))).toBe('?');
  });

  it('is no text when it is binary, compressed, not UTF-8, or has control characters', () => {
    expect(payloadText(frame(Opcode.binary, utf8('text')))).toBeUndefined();
    expect(payloadText(frame(Opcode.text, utf8('text'), { rsv: 0x40 }))).toBeUndefined();
    expect(payloadText(frame(Opcode.text, fromHex('ff')))).toBeUndefined();
    expect(payloadText(frame(Opcode.text, fromHex('61001b')))).toBeUndefined();
  });

  it('of a close frame is its code and reason, or what is wrong with it', () => {
    expect(closeText(frame(Opcode.close, fromHex('03e8')))).toBe('1000');
    expect(closeText(frame(Opcode.close, fromHex('03f4627965')))).toBe('1012 bye');
    expect(closeText(frame(Opcode.close, new Uint8Array(0)))).toBe('without a code');
    expect(closeText(frame(Opcode.close, fromHex('03')))).toContain('1 byte');
    expect(closeText(frame(Opcode.text, fromHex('03e8')))).toBeUndefined();
  });

  it('in a few words is text, or bytes, cut where they are long', () => {
    expect(payloadPreview(frame(Opcode.close, fromHex('03e8')))).toBe('1000');
    expect(payloadPreview(frame(Opcode.text, utf8('x'.repeat(300))))).toHaveLength(200);
    expect(payloadPreview(frame(Opcode.binary, fromHex('00ff')))).toBe('00 ff');
    const long = payloadPreview(frame(Opcode.binary, new Uint8Array(24), { payloadLength: 25 }));
    expect(long).toBe(`${'00 '.repeat(24)}…`);
    expect([0, 10, 255].map(hexByte)).toEqual(['00', '0a', 'ff']);
  });
});
