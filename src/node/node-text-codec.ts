// UTF-8 by Buffer's primitives, which are several times faster than TextDecoder and TextEncoder (npm run bench).
// They work on any Uint8Array, so nothing is wrapped.

import { Buffer, isAscii, isUtf8, transcode } from 'node:buffer';
import { endianness } from 'node:os';
import { poison } from '../base/poison.ts';
import type { TextCodec } from '../base/text-codec.ts';

const { utf8Slice, utf8Write, latin1Slice, ucs2Slice } = Buffer.prototype;

// Up to here looking at each byte costs less than a call into a decoder.
const asciiLoopBytes = 24;
// Up to here decoding by hand is the fastest for what is not ASCII; above, transcode is (1.2 us against 4.9 us of
// utf8Slice for 1 KiB of Chinese).
const unitLoopBytes = 768;
const units = new Uint16Array(unitLoopBytes);
const unitBytes = new Uint8Array(units.buffer);

function isShortAscii(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > asciiLoopBytes) return false;
  let seen = 0;
  for (let index = start; index < end; index++) seen |= bytes[index];
  return seen < 0x80;
}

// Decodes bytes that are well-formed into units of UTF-16; no more than `units` has room for.
function decodeByHand(bytes: Uint8Array): string {
  const end = bytes.length;
  let count = 0;
  for (let index = 0; index < end; ) {
    const first = bytes[index++];
    if (first < 0x80) {
      units[count++] = first;
    } else if (first < 0xe0) {
      units[count++] = ((first & 0x1f) << 6) | (bytes[index++] & 0x3f);
    } else if (first < 0xf0) {
      units[count++] = ((first & 0x0f) << 12) | ((bytes[index] & 0x3f) << 6) | (bytes[index + 1] & 0x3f);
      index += 2;
    } else {
      const beyond =
        (((first & 0x07) << 18) |
          ((bytes[index] & 0x3f) << 12) |
          ((bytes[index + 1] & 0x3f) << 6) |
          (bytes[index + 2] & 0x3f)) -
        0x1_0000;
      index += 3;
      units[count++] = 0xd800 | (beyond >> 10);
      units[count++] = 0xdc00 | (beyond & 0x3ff);
    }
  }
  // Units lie in memory in the platform's byte order, and so does what ucs2Slice reads on a little-endian platform.
  const text = ucs2Slice.call(unitBytes, 0, count * 2);
  poison(unitBytes, 0, count * 2);
  return text;
}

function decodeStrict(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (isShortAscii(bytes, start, end)) return latin1Slice.call(bytes, start, end);
  const text = bytes.subarray(start, end);
  if (!isUtf8(text)) return undefined;
  if (isAscii(text)) return latin1Slice.call(text, 0, text.length);
  if (text.length <= unitLoopBytes && isLittleEndian) return decodeByHand(text);
  const transcoded = transcode(text, 'utf8', 'ucs2');
  return transcoded.toString('ucs2');
}

const isLittleEndian = endianness() === 'LE';

/** The text codec of Node. */
export const nodeTextCodec: TextCodec = Object.freeze({
  isValid: (bytes: Uint8Array, start: number, end: number): boolean =>
    isShortAscii(bytes, start, end) ||
    isUtf8(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end)),
  decode: (bytes: Uint8Array, start: number, end: number): string =>
    decodeStrict(bytes, start, end) ?? utf8Slice.call(bytes, start, end),
  decodeStrict,
  byteLength: (text: string): number => Buffer.byteLength(text, 'utf8'),
  encodeInto: (text: string, target: Uint8Array, offset: number): number =>
    utf8Write.call(target, text, offset, target.length - offset),
});
