// Whether the platform's zlib reads a raw DEFLATE stream that refers to a dictionary, as every message does that takes
// over the context of the one before. Deno 2.9 leaves the dictionary out of raw streams.

import { Buffer } from 'node:buffer';
import { inflateRawSync } from 'node:zlib';

// "what came before", as one reference to a dictionary of the same words.
const reference = Uint8Array.of(0x2b, 0x47, 0xe3, 0x03, 0x00);
const dictionary = Buffer.from('what came before');

let isRead: boolean | undefined;

/** Whether `dictionary` of inflateRaw works. */
export function readsRawDictionary(): boolean {
  isRead ??= tryReference();
  return isRead;
}

function tryReference(): boolean {
  try {
    return inflateRawSync(reference, { dictionary }).equals(dictionary);
  } catch {
    // "invalid distance too far back": the dictionary was not there.
    return false;
  }
}
