// UTF-8 by Buffer's primitives, which are several times faster than TextDecoder and TextEncoder (npm run bench).
// They work on any Uint8Array, so nothing is wrapped.

import { Buffer, isUtf8 } from 'node:buffer';
import type { TextCodec } from '../base/text-codec.ts';

const replacement = '\ufffd';
const { utf8Slice, utf8Write, latin1Slice } = Buffer.prototype;

// Up to here looking at each byte costs less than a call into the decoder for UTF-8.
const asciiLoopBytes = 24;

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  let seen = 0;
  for (let index = start; index < end; index++) seen |= bytes[index];
  return seen < 0x80;
}

function decode(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= asciiLoopBytes && isAscii(bytes, start, end)) return latin1Slice.call(bytes, start, end);
  return utf8Slice.call(bytes, start, end);
}

/** The text codec of Node. */
export const nodeTextCodec: TextCodec = Object.freeze({
  isValid: (bytes: Uint8Array, start: number, end: number): boolean => isUtf8(bytes.subarray(start, end)),
  decode,
  decodeStrict: (bytes: Uint8Array, start: number, end: number): string | undefined => {
    const text = decode(bytes, start, end);
    // Bytes that are not UTF-8 decode to U+FFFD. A text without it was well-formed, and most texts have none; a
    // string of one byte a character is not even searched.
    if (!text.includes(replacement) || isUtf8(bytes.subarray(start, end))) return text;
    return undefined;
  },
  byteLength: (text: string): number => Buffer.byteLength(text, 'utf8'),
  encodeInto: (text: string, target: Uint8Array, offset: number): number =>
    utf8Write.call(target, text, offset, target.length - offset),
});
