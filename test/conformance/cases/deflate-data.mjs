// Compressed data for the cases of section 14: by node:zlib where it can make them, and bit by bit where it cannot, since
// it writes nothing wrong and refers back less far than RFC 1951 allows.

import { constants, deflateRawSync } from 'node:zlib';
import { tail } from '../deflate-peer.mjs';

/** @typedef {number | { length: number, distance: number } | { symbol: number } | { length: number, distanceSymbol: number }} Item */

/**
 * The payload of a message (RFC 7692 7.2.1) that refers to nothing before it, or to `dictionary`.
 * @param {string | Buffer} message @param {import('node:zlib').ZlibOptions} [options]
 */
export function deflated(message, options = {}) {
  return withoutTail(deflateRawSync(message, { finishFlush: constants.Z_SYNC_FLUSH, ...options }));
}

/** @param {Buffer} bytes */
export function withoutTail(bytes) {
  if (!bytes.subarray(-tail.length).equals(tail)) throw new Error('these blocks do not end with a flush');
  return bytes.subarray(0, -tail.length);
}

/** A stored block, byte-aligned at both ends. @param {Buffer} bytes at most 65535 */
export function storedBlock(bytes) {
  const header = Buffer.alloc(5);
  header.writeUInt16LE(bytes.length, 1);
  header.writeUInt16LE(bytes.length ^ 0xffff, 3);
  return Buffer.concat([header, bytes]);
}

/** Writes bits, lowest first. */
class BitWriter {
  /** @type {number[]} */
  #bits = [];

  /** @param {number} value @param {number} count */
  write(value, count) {
    for (let bit = 0; bit < count; bit += 1) this.#bits.push((value >> bit) & 1);
  }

  /** A Huffman code stands with its first bit lowest. @param {number} code @param {number} count */
  writeCode(code, count) {
    for (let bit = count - 1; bit >= 0; bit -= 1) this.#bits.push((code >> bit) & 1);
  }

  bytes() {
    const bytes = Buffer.alloc(Math.ceil(this.#bits.length / 8));
    for (const [index, bit] of this.#bits.entries()) bytes[index >> 3] |= bit << (index & 7);
    return bytes;
  }
}

/** The fixed code (RFC 1951 3.2.6). @param {BitWriter} bits @param {number} symbol */
function writeSymbol(bits, symbol) {
  if (symbol < 144) bits.writeCode(0x30 + symbol, 8);
  else if (symbol < 256) bits.writeCode(0x190 + symbol - 144, 9);
  else if (symbol < 280) bits.writeCode(symbol - 256, 7);
  else bits.writeCode(0xc0 + symbol - 280, 8);
}

/** Lengths without extra bits are enough here. @param {number} length 3 to 10, or 258 */
const lengthSymbol = (length) => (length === 258 ? 285 : 254 + length);

/** @param {BitWriter} bits @param {number} distance */
function writeDistance(bits, distance) {
  const from = distance - 1;
  if (from < 4) {
    bits.writeCode(from, 5);
    return;
  }
  const extraBits = 30 - Math.clz32(from);
  bits.writeCode(2 * extraBits + 2 + ((from >> extraBits) & 1), 5);
  bits.write(from & ((1 << extraBits) - 1), extraBits);
}

/**
 * A block with the fixed code, followed by what a flush leaves of itself: the payload of a message.
 * @param {readonly Item[]} items bytes, references, or symbols that do not exist
 */
export function fixedBlock(items) {
  const bits = new BitWriter();
  bits.write(0, 1);
  bits.write(1, 2);
  for (const item of items) {
    if (typeof item === 'number') writeSymbol(bits, item);
    else if ('symbol' in item) writeSymbol(bits, item.symbol);
    else {
      writeSymbol(bits, lengthSymbol(item.length));
      if ('distance' in item) writeDistance(bits, item.distance);
      else bits.writeCode(item.distanceSymbol, 5);
    }
  }
  writeSymbol(bits, 256);
  // The header of the empty stored block, whose length is the tail that is not sent.
  bits.write(0, 3);
  return bits.bytes();
}
