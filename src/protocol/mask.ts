// Masking (RFC 6455 5.3): XOR with a repeating key of four bytes, in place. Masking and unmasking are the same.
// A byte loop wins up to a few dozen bytes; above that, words of 32 bits where the memory is aligned.

/** The length of a masking key in bytes. */
export const maskKeyLength = 4;

/** Writes the key, first byte highest. */
export function writeMaskKey(target: Uint8Array, offset: number, key: number): void {
  target[offset] = key >>> 24;
  target[offset + 1] = key >>> 16;
  target[offset + 2] = key >>> 8;
  target[offset + 3] = key;
}

/** Reads a key as an unsigned 32-bit number, first byte highest. */
export function readMaskKey(source: Uint8Array, offset: number): number {
  return (
    ((source[offset] << 24) | (source[offset + 1] << 16) | (source[offset + 2] << 8) | source[offset + 3]) >>>
    0
  );
}

/** Turns the key so that its first byte is the one due after `count` payload bytes. */
export function rotateMaskKey(key: number, count: number): number {
  const bits = (count & 3) << 3;
  return bits === 0 ? key : ((key << bits) | (key >>> (32 - bits))) >>> 0;
}

// The platform's byte order decides how a key looks as a word in memory.
const isLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
const wordsFromBytes = 64;

function maskBytes(bytes: Uint8Array, start: number, end: number, key: number): void {
  const key0 = key >>> 24;
  const key1 = (key >>> 16) & 0xff;
  const key2 = (key >>> 8) & 0xff;
  const key3 = key & 0xff;
  let index = start;
  for (const last = end - 3; index < last; index += 4) {
    bytes[index] ^= key0;
    bytes[index + 1] ^= key1;
    bytes[index + 2] ^= key2;
    bytes[index + 3] ^= key3;
  }
  if (index < end) bytes[index] ^= key0;
  if (index + 1 < end) bytes[index + 1] ^= key1;
  if (index + 2 < end) bytes[index + 2] ^= key2;
}

/** Masks or unmasks `bytes[start..end)` in place; `key` is the one due at `start` (see rotateMaskKey). */
export function maskInPlace(bytes: Uint8Array, start: number, end: number, key: number): void {
  if (key === 0) return;
  if (end - start < wordsFromBytes) {
    maskBytes(bytes, start, end, key);
    return;
  }
  const misalignment = (bytes.byteOffset + start) & 3;
  const aligned = misalignment === 0 ? start : start + 4 - misalignment;
  maskBytes(bytes, start, aligned, key);
  const alignedKey = rotateMaskKey(key, aligned - start);
  const wordCount = (end - aligned) >>> 2;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + aligned, wordCount);
  const word = isLittleEndian
    ? ((alignedKey >>> 24) |
        ((alignedKey >>> 8) & 0xff00) |
        ((alignedKey << 8) & 0xff0000) |
        (alignedKey << 24)) >>>
      0
    : alignedKey;
  let index = 0;
  for (const last = wordCount - 7; index < last; index += 8) {
    words[index] ^= word;
    words[index + 1] ^= word;
    words[index + 2] ^= word;
    words[index + 3] ^= word;
    words[index + 4] ^= word;
    words[index + 5] ^= word;
    words[index + 6] ^= word;
    words[index + 7] ^= word;
  }
  for (; index < wordCount; index++) words[index] ^= word;
  maskBytes(bytes, aligned + wordCount * 4, end, alignedKey);
}
