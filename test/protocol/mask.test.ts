import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskInPlace, readMaskKey, rotateMaskKey, writeMaskKey } from '../../src/protocol/mask.ts';

/** RFC 6455 5.3 to the letter: octet i of the result is octet i of the input XOR octet i modulo 4 of the key. */
function maskNaively(bytes: Uint8Array, start: number, end: number, key: number): Uint8Array {
  const keyBytes = [24, 16, 8, 0].map((shift) => (key >>> shift) & 0xff);
  return bytes.map((byte, at) => (at < start || at >= end ? byte : byte ^ keyBytes[(at - start) % 4]));
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + 7) & 0xff);
}

describe('maskInPlace', () => {
  it('masks as a loop over bytes does, for every alignment of memory and range and every length to 160', () => {
    const mismatches: string[] = [];
    for (let alignment = 0; alignment < 8; alignment++) {
      for (let start = 0; start < 8; start++) {
        for (let length = 0; length <= 160; length++) {
          const memory = new Uint8Array(new ArrayBuffer(200), alignment, 180);
          memory.set(pattern(180));
          const expected = maskNaively(memory, start, start + length, 0x37fa_213d);
          maskInPlace(memory, start, start + length, 0x37fa_213d);
          if (Buffer.compare(memory, expected) !== 0) mismatches.push(`${alignment}/${start}/${length}`);
        }
      }
    }
    expect(mismatches).toEqual([]);
  });

  it('masks any bytes with any key, and unmasks by masking again', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.nat(0xffff_ffff), fc.nat(9), (bytes, key, start) => {
        const from = Math.min(start, bytes.length);
        const masked = bytes.slice();
        maskInPlace(masked, from, bytes.length, key);
        expect(Buffer.compare(masked, maskNaively(bytes, from, bytes.length, key))).toBe(0);
        maskInPlace(masked, from, bytes.length, key);
        expect(Buffer.compare(masked, bytes)).toBe(0);
      }),
    );
  });

  it('masks in pieces as in one go when the key is turned by what went before', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.nat(0xffff_ffff),
        fc.array(fc.nat(90)),
        (bytes, key, sizes) => {
          const pieces = bytes.slice();
          let offset = 0;
          let turned = key;
          for (const size of [...sizes, bytes.length]) {
            const end = Math.min(bytes.length, offset + size);
            maskInPlace(pieces, offset, end, turned);
            turned = rotateMaskKey(turned, end - offset);
            offset = end;
          }
          expect(Buffer.compare(pieces, maskNaively(bytes, 0, bytes.length, key))).toBe(0);
        },
      ),
    );
  });
});

describe('masking keys', () => {
  it('stand in memory with their first byte highest', () => {
    const memory = new Uint8Array(6);
    writeMaskKey(memory, 1, 0xf1e2_d3c4);
    expect([...memory]).toEqual([0, 0xf1, 0xe2, 0xd3, 0xc4, 0]);
    expect(readMaskKey(memory, 1)).toBe(0xf1e2_d3c4);
  });

  it('are turned by the count of bytes modulo four', () => {
    expect([0, 1, 2, 3, 4, 5, 2 ** 31 + 1].map((count) => rotateMaskKey(0xf1e2_d3c4, count))).toEqual([
      0xf1e2_d3c4, 0xe2d3_c4f1, 0xd3c4_f1e2, 0xc4f1_e2d3, 0xf1e2_d3c4, 0xe2d3_c4f1, 0xe2d3_c4f1,
    ]);
  });
});
