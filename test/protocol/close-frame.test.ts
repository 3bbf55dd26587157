import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { portableTextCodec } from '../../src/base/text-codec.ts';
import { isWireCloseCode } from '../../src/protocol/close-code.ts';
import { encodeCloseBody, parseCloseBody } from '../../src/protocol/close-frame.ts';
import { ProtocolError } from '../../src/protocol/protocol-error.ts';
import { toHex, utf8 } from './wire.ts';

const encode = (...args: readonly unknown[]): unknown =>
  Reflect.apply(encodeCloseBody, undefined, [...args, portableTextCodec]);
const wrongArgument = expect.objectContaining({ code: 'WS_ARGUMENT_INVALID' });

describe('encodeCloseBody', () => {
  it('writes nothing without a code, else the code and the reason', () => {
    expect(encodeCloseBody(undefined, '', portableTextCodec)).toHaveLength(0);
    expect(toHex(encodeCloseBody(1000, '', portableTextCodec))).toBe('03e8');
    expect(toHex(encodeCloseBody(4999, 'é', portableTextCodec))).toBe('1387c3a9');
  });

  it('takes every code from 0 to 5000 that may stand on the wire and refuses every other', () => {
    for (let code = 0; code <= 5000; code++) {
      if (isWireCloseCode(code)) expect(encode(code, '')).toHaveLength(2);
      else expect(() => encode(code, '')).toThrow(wrongArgument);
    }
  });

  it.each(['1000', null, Number.NaN, 1000.5, {}, true])('refuses %o as a code', (code: unknown) => {
    expect(() => encode(code, '')).toThrow(wrongArgument);
  });

  it('refuses a reason without a code', () => {
    expect(() => encode(undefined, 'bye')).toThrow(wrongArgument);
    expect(() => encode(undefined, new Uint8Array(2))).toThrow(wrongArgument);
  });

  // ws CVE-2026-45736: a typed array as a reason made the library send memory that nobody had written.
  it.each([
    [new Uint8Array(100)],
    [new Float64Array(1)],
    [Buffer.from('x')],
    [new ArrayBuffer(4)],
    [100],
    [['a']],
    [null],
  ])('refuses %o as a reason', (reason: unknown) => {
    expect(() => encode(1000, reason)).toThrow(wrongArgument);
  });

  it('counts the reason in UTF-8 bytes: 123 are taken, 124 refused', () => {
    expect(encode(1000, 'r'.repeat(123))).toHaveLength(125);
    expect(encode(1000, '€'.repeat(41))).toHaveLength(125);
    expect(() => encode(1000, 'r'.repeat(124))).toThrow(wrongArgument);
    expect(() => encode(1000, `${'€'.repeat(41)}r`)).toThrow('close reason of 124 bytes, at most 123');
    expect(() => encode(1000, 'r'.repeat(1_000_000))).toThrow(wrongArgument);
  });
});

describe('parseCloseBody', () => {
  it('reads every code from 0 to 5000 as allowed or as the error it is', () => {
    for (let code = 0; code <= 5000; code++) {
      const parsed = parseCloseBody(Uint8Array.of(code >> 8, code & 0xff), portableTextCodec);
      if (isWireCloseCode(code)) expect(parsed).toEqual({ code, reason: '' });
      else expect(parsed).toMatchObject({ code: 'WS_CLOSE_CODE_INVALID', closeCode: 1002 });
    }
  });

  it('calls an empty body 1005 and refuses a body of one byte', () => {
    expect(parseCloseBody(new Uint8Array(0), portableTextCodec)).toEqual({ code: 1005, reason: '' });
    const error = parseCloseBody(Uint8Array.of(3), portableTextCodec);
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ code: 'WS_CLOSE_BODY_INVALID', section: 'RFC 6455 5.5.1' });
  });

  it('reads back whatever is written', () => {
    const codes = fc.oneof(fc.constantFrom(1000, 1001, 1014), fc.integer({ min: 3000, max: 4999 }));
    const reasons = fc.string({ unit: 'binary' }).filter((reason) => utf8(reason).length <= 123);
    fc.assert(
      fc.property(codes, reasons, (code, reason) => {
        const body = encodeCloseBody(code, reason, portableTextCodec);
        expect(parseCloseBody(body, portableTextCodec)).toEqual({ code, reason });
      }),
    );
  });
});
