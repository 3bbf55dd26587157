import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { portableTextCodec } from '../../src/base/text-codec.ts';
import { Utf8Validator } from '../../src/protocol/utf8-validator.ts';
import { isUtf8 } from './reference-decoder.ts';
import { readUtf8Vectors } from './vector-files.ts';
import { fromHex, splitAt, toHex } from './wire.ts';

const vectors = readUtf8Vectors('utf8-sequences.json');

/** The index of the first byte that no well-formed text can have there, by TextDecoder's streaming mode. */
function firstImpossibleByte(bytes: Uint8Array): number | undefined {
  for (let length = 1; length <= bytes.length; length++) {
    if (!isUtf8(bytes.subarray(0, length), false)) return length - 1;
  }
  return undefined;
}

/** Pushes the pieces; gives the piece that was refused, or whether the text is complete. */
function pushAll(pieces: readonly Uint8Array[]): number | boolean {
  const validator = new Utf8Validator(portableTextCodec);
  for (const [index, piece] of pieces.entries()) if (!validator.push(piece, 0, piece.length)) return index;
  return validator.isComplete;
}

function bytesEach(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte));
}

describe('Utf8Validator', () => {
  it.each(vectors)('judges $name ($source), whole, byte by byte and split at random', (vector) => {
    const bytes = fromHex(vector.bytes);
    const failure = vector.firstImpossibleByte;
    expect(pushAll(bytesEach(bytes))).toBe(failure ?? vector.isCut !== true);
    expect(pushAll([bytes])).toBe(failure === undefined ? vector.isCut !== true : 0);
    fc.assert(
      fc.property(fc.array(fc.nat(50)), (places) => {
        const pieces = splitAt(bytes, places);
        let end = 0;
        const failing = pieces.findIndex((piece) => (end += piece.length) > (failure ?? Infinity));
        expect(pushAll(pieces)).toBe(failure === undefined ? vector.isCut !== true : failing);
      }),
      { numRuns: 20 },
    );
  });

  it('judges every two bytes that are not both ASCII as a decoder does, with any byte behind', () => {
    const wrong: string[] = [];
    for (let first = 0x7f; first < 256; first++) {
      for (let second = 0; second < 256; second++) {
        const bytes = Uint8Array.of(first, second, 0x80);
        const expected = firstImpossibleByte(bytes) ?? isUtf8(bytes, true);
        if (pushAll(bytesEach(bytes)) !== expected) wrong.push(toHex(bytes));
        if ((pushAll([bytes]) === 0) !== (typeof expected === 'number')) wrong.push(`whole ${toHex(bytes)}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('fails at the first impossible byte of any sequence, however it is split', () => {
    // Bytes that matter: borders of every range, so that long valid prefixes and near misses are frequent.
    const byte = fc.oneof(
      fc.constantFrom(0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf),
      fc.constantFrom(0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff),
      fc.nat(255),
    );
    const character = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 3 })
      .map((text) => [...Buffer.from(text)]);
    const anyBytes = fc
      .array(
        fc.oneof(
          { weight: 3, arbitrary: character },
          { weight: 1, arbitrary: fc.array(byte, { maxLength: 4 }) },
        ),
      )
      .map((parts) => Uint8Array.from(parts.flat()));
    fc.assert(
      fc.property(anyBytes, fc.array(fc.nat(60)), (bytes, places) => {
        const failure = firstImpossibleByte(bytes);
        expect(pushAll(bytesEach(bytes))).toBe(failure ?? isUtf8(bytes, true));
        const pieces = splitAt(bytes, places);
        let end = 0;
        const failing = pieces.findIndex((piece) => (end += piece.length) > (failure ?? Infinity));
        expect(pushAll(pieces)).toBe(failure === undefined ? isUtf8(bytes, true) : failing);
      }),
      { numRuns: 500 },
    );
  });

  it('looks at the given range only', () => {
    const validator = new Utf8Validator(portableTextCodec);
    expect(validator.push(fromHex('ff e2 82 ff'), 1, 3)).toBe(true);
    expect(validator.isComplete).toBe(false);
    expect(validator.push(fromHex('ff ac ff'), 1, 2)).toBe(true);
    expect(validator.isComplete).toBe(true);
    expect(validator.push(fromHex('ff'), 0, 0)).toBe(true);
  });

  it('forgets a cut character on reset', () => {
    const validator = new Utf8Validator(portableTextCodec);
    validator.push(fromHex('f0'), 0, 1);
    validator.reset();
    expect(validator.isComplete).toBe(true);
    expect(validator.push(fromHex('41'), 0, 1)).toBe(true);
  });
});
