import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameHeaderLength, maxFrameHeaderBytes, writeFrameHeader } from '../../src/protocol/frame-header.ts';
import { toHex, wire } from './wire.ts';

describe('writeFrameHeader', () => {
  it.each([
    [0, '8200'],
    [125, '827d'],
    [126, '827e007e'],
    [65_535, '827effff'],
    [65_536, '827f0000000000010000'],
    [2 ** 32 - 1, '827f00000000ffffffff'],
    [2 ** 32, '827f0000000100000000'],
    [Number.MAX_SAFE_INTEGER, '827f001fffffffffffff'],
  ])('writes the length %d in its shortest form', (length, hex) => {
    const target = new Uint8Array(maxFrameHeaderBytes);
    const end = writeFrameHeader(target, 0, 0x82, length, undefined);
    expect(toHex(target.subarray(0, end))).toBe(hex);
  });

  it('writes what RFC 6455 5.2 draws, at any offset, with and without a key, and nothing beside it', () => {
    const lengths = fc.oneof(fc.nat(200), fc.nat(70_000), fc.maxSafeNat());
    const keys = fc.option(fc.nat(0xffff_ffff), { nil: undefined });
    fc.assert(
      fc.property(lengths, keys, fc.nat(0xff), fc.nat(5), (length, key, firstByte, offset) => {
        const target = new Uint8Array(30).fill(0xdb);
        const end = writeFrameHeader(target, offset, firstByte, length, key);
        const expected = wire({
          fin: firstByte >= 0x80,
          rsv: firstByte & 0x70,
          opcode: firstByte & 0x0f,
          announcedLength: BigInt(length),
          ...(key === undefined ? {} : { mask: key.toString(16).padStart(8, '0') }),
        });
        expect(toHex(target.subarray(offset, end))).toBe(toHex(expected));
        expect(end - offset).toBe(frameHeaderLength(length, key !== undefined));
        expect(
          target.filter((byte, index) => (index < offset || index >= end) && byte !== 0xdb),
        ).toHaveLength(0);
      }),
    );
  });
});
