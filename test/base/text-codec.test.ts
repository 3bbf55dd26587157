import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { portableTextCodec as codec } from '../../src/base/text-codec.ts';

/** Any string of UTF-16 units, lone surrogates and all. */
const anyString = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0xd700, max: 0xe0ff }),
      fc.integer({ min: 0, max: 0x80 }),
    ),
  )
  .map((units) => String.fromCharCode(...units));

describe('portableTextCodec', () => {
  it('measures every string as TextEncoder encodes it', () => {
    fc.assert(
      fc.property(anyString, (text) => {
        expect(codec.byteLength(text)).toBe(new TextEncoder().encode(text).length);
      }),
    );
  });

  it('encodes every string to well-formed UTF-8 at the offset, and nothing beside it', () => {
    fc.assert(
      fc.property(anyString, fc.nat(9), (text, offset) => {
        const target = new Uint8Array(offset + codec.byteLength(text) + 5).fill(0xdb);
        const written = codec.encodeInto(text, target, offset);
        expect(written).toBe(codec.byteLength(text));
        expect(codec.isValid(target, offset, offset + written)).toBe(true);
        expect(codec.decode(target, offset, offset + written)).toBe(
          new TextDecoder('utf-8', { ignoreBOM: true }).decode(new TextEncoder().encode(text)),
        );
        expect(target.subarray(0, offset).every((byte) => byte === 0xdb)).toBe(true);
        expect(target.subarray(offset + written).every((byte) => byte === 0xdb)).toBe(true);
      }),
    );
  });

  it('encodes a lone surrogate as U+FFFD', () => {
    const target = new Uint8Array(3);
    expect(codec.encodeInto('\ud800', target, 0)).toBe(3);
    expect([...target]).toEqual([0xef, 0xbf, 0xbd]);
  });

  it('decodes strictly what is valid, and only that', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(3), fc.nat(3), (bytes, before, after) => {
        const start = Math.min(before, bytes.length);
        const end = Math.max(start, bytes.length - after);
        const strict = codec.decodeStrict(bytes, start, end);
        expect(strict !== undefined).toBe(codec.isValid(bytes, start, end));
        if (strict !== undefined) expect(codec.decode(bytes, start, end)).toBe(strict);
      }),
    );
  });

  it('keeps a byte order mark', () => {
    const bytes = Uint8Array.of(0xef, 0xbb, 0xbf, 0x41);
    expect(codec.decode(bytes, 0, 4)).toBe('\ufeffA');
    expect(codec.decodeStrict(bytes, 0, 4)).toBe('\ufeffA');
  });

  it('remembers nothing of an invalid input', () => {
    expect(codec.decodeStrict(Uint8Array.of(0xe2, 0x82), 0, 2)).toBeUndefined();
    expect(codec.decodeStrict(Uint8Array.of(0xac, 0x41), 1, 2)).toBe('A');
    expect(codec.decode(Uint8Array.of(0xe2, 0x82), 0, 2)).toBe('\ufffd');
    expect(codec.decode(Uint8Array.of(0x41), 0, 1)).toBe('A');
  });
});
