// Payloads that any number of bytes can be asked of, the same each time, and their digests: what a peer reports
// having received is compared with what was sent, so that no error can hide in an echo that undoes it.

import { createHash } from 'node:crypto';
import type { Message } from './ours.ts';

/** Characters of one, two, three and four bytes of UTF-8, ten bytes in all. */
const alphabet = 'aé€😀';

/** Text of exactly this many bytes of UTF-8. */
export function textOf(bytes: number): string {
  return alphabet.repeat(Math.floor(bytes / 10)) + 'z'.repeat(bytes % 10);
}

/** Bytes of every value, without a period that a wrong mask offset could hide in; nothing compresses them. */
export function binaryOf(bytes: number, seed = 0): Uint8Array {
  const next = numbersFrom(seed);
  const filled = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 1) filled[at] = next();
  return filled;
}

/** Numbers of 32 bits that look random and are the same each time. */
export function numbersFrom(seed: number): () => number {
  let state = (0x9e3779b9 ^ Math.imul(seed, 0x85ebca6b)) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

// 500 phrases of 60 bytes on average: whatever comes next has been there within the last 30 KiB, rarely within the last
// few hundred bytes. So the size of the window decides what a compressor saves.
const phrases = phrasesOf(500);

function phrasesOf(count: number): { readonly text: string; readonly bytes: number }[] {
  const next = numbersFrom(count);
  const syllables = ['et', 'a', 'oin', 'sh', 'rd', 'lu', 'cm', 'f', 'w', 'yp', 'é', '€', '😀', ' '];
  return Array.from({ length: count }, () => {
    const parts = Array.from({ length: 20 + (next() % 25) }, () => syllables[next() % syllables.length]);
    const text = parts.join('');
    return { text, bytes: Buffer.byteLength(text) };
  });
}

/** Text of exactly this many bytes of UTF-8 that compresses as people's text does, a different one for each seed. */
export function phrasesOfBytes(bytes: number, seed: number): string {
  const next = numbersFrom(seed);
  const parts: string[] = [];
  let left = bytes;
  for (;;) {
    const phrase = phrases[next() % phrases.length];
    if (phrase.bytes > left) return parts.join('') + 'z'.repeat(left);
    parts.push(phrase.text);
    left -= phrase.bytes;
  }
}

/** The same as bytes, of which only some values occur. */
export function recordsOfBytes(bytes: number, seed: number): Uint8Array {
  const records = new TextEncoder().encode(phrasesOfBytes(bytes, seed));
  // No UTF-8 any more: what takes it for text is found out.
  for (let at = 0; at < bytes; at++) records[at] ^= 0x80;
  return records;
}

/** A payload of a type and a size. */
export function payloadOf(type: 'text' | 'binary', bytes: number): Message {
  return type === 'text' ? textOf(bytes) : binaryOf(bytes);
}

/** What a peer should report of a message. */
export function factsOf(message: Message): { type: string; bytes: number; sha256: string } {
  return {
    type: typeof message === 'string' ? 'text' : 'binary',
    bytes: Buffer.byteLength(message),
    sha256: createHash('sha256').update(message).digest('hex'),
  };
}

/** The pieces as the one message that they make. */
export function joined(pieces: readonly Message[]): Message {
  if (pieces.every((piece) => typeof piece === 'string')) return pieces.join('');
  return new Uint8Array(Buffer.concat(pieces.map((piece) => Buffer.from(piece))));
}
