// Feeds the same bytes to a parser in every way that a network may cut them: whole, byte by byte, and at random.

import * as fc from 'fast-check';
import { encodeLatin1 } from '../../../src/protocol/handshake/http-head.ts';

/** Cuts bytes into chunks with memory of their own, at the given places. */
export function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const chunks: Uint8Array[] = [];
  let start = 0;
  for (const place of [...places, bytes.length]) {
    chunks.push(bytes.slice(start, place));
    start = place;
  }
  return chunks;
}

/** Calls back with the text's bytes whole, byte by byte, and cut at random places. */
export function feedEveryWay(text: string, check: (chunks: Uint8Array[]) => void): void {
  const bytes = encodeLatin1(text);
  check([bytes.slice()]);
  check(cutAt(bytes, [...bytes.keys()]));
  const cuts = fc.array(fc.nat({ max: bytes.length }), { maxLength: 8 });
  fc.assert(
    fc.property(cuts, (places) => {
      check(cutAt(bytes, places));
    }),
    { numRuns: 20 },
  );
}

/** Gives the bytes of all chunks as Latin-1 text, one character for each byte. */
export function textOf(...chunks: readonly Uint8Array[]): string {
  return chunks.map((chunk) => Array.from(chunk, (byte) => String.fromCharCode(byte)).join('')).join('');
}
