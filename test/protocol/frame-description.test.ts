import { describe, expect, it } from 'vitest';
import {
  closeText,
  payloadPreview,
  payloadText,
  unmaskedPayload,
  type UnmaskedFrame,
} from '../../src/protocol/frame-description.ts';
import type { FrameHeader } from '../../src/protocol/frame-header.ts';
import { fromHex, toHex, utf8 } from './wire.ts';

function frame(opcode: number, payload: Uint8Array, more: Partial<FrameHeader> = {}): UnmaskedFrame {
  const bytes = new Uint8Array(2);
  const header = { fin: true, rsv: 0, opcode, maskKey: undefined, payloadLength: payload.length, bytes };
  return { header: { ...header, ...more }, payload };
}

describe('what a frame holds, for people', () => {
  it('is its payload without the mask, which the frame keeps', () => {
    // RFC 6455 5.7: a single-frame masked text message.
    const payload = fromHex('7f9f4d5158');
    const masked = { ...frame(1, payload, { maskKey: 0x37fa_213d }), direction: 'in' as const };
    expect(new TextDecoder().decode(unmaskedPayload(masked))).toBe('Hello');
    expect(toHex(payload)).toBe('7f9f4d5158');
    const plain = { ...frame(1, utf8('Hello')), direction: 'in' as const };
    expect(unmaskedPayload(plain)).toBe(plain.payload);
  });

  it('is text where it is text, also when the end of its last character is cut away', () => {
    expect(payloadText(frame(1, utf8('tea\tfor\r\ntwo')))).toBe('tea\tfor\r\ntwo');
    expect(payloadText(frame(9, utf8('gr\u00fc\u00dfe').subarray(0, 5)))).toBe('gr\u00fc');
    expect(payloadText(frame(1, fromHex('ff')))).toBeUndefined();
    expect(payloadText(frame(1, fromHex('00')))).toBeUndefined();
    expect(payloadText(frame(2, utf8('tea')))).toBeUndefined();
    expect(payloadText(frame(1, utf8('tea'), { rsv: 0x40 }))).toBeUndefined();
  });

  it('is the words of a close frame', () => {
    expect(closeText(frame(8, joinedClose(1001, 'bye')))).toBe('1001 bye');
    expect(closeText(frame(8, joinedClose(1001, '')))).toBe('1001');
    expect(closeText(frame(8, new Uint8Array(0)))).toBe('without a code');
    expect(closeText(frame(8, fromHex('03')))).toContain('1 byte');
    expect(closeText(frame(1, joinedClose(1001, 'bye')))).toBeUndefined();
  });

  it('is said in a few words', () => {
    expect(payloadPreview(frame(8, joinedClose(4000, 'enough')))).toBe('4000 enough');
    expect(payloadPreview(frame(1, utf8('x'.repeat(300))))).toBe('x'.repeat(200));
    expect(payloadPreview(frame(2, fromHex('00ff0a')))).toBe('00 ff 0a');
    expect(payloadPreview(frame(2, new Uint8Array(25)))).toBe(`${'00 '.repeat(24)}\u2026`);
  });
});

function joinedClose(code: number, reason: string): Uint8Array {
  return Uint8Array.of(code >> 8, code & 0xff, ...utf8(reason));
}
