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

/** Bytes of every value, without a period that a wrong mask offset could hide in. */
export function binaryOf(bytes: number): Uint8Array {
  const filled = new Uint8Array(bytes);
  let state = 0x9e3779b9;
  for (let at = 0; at < bytes; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    filled[at] = state;
  }
  return filled;
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
