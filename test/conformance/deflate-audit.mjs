// Reads DEFLATE data (RFC 1951) without producing its output: how far back its references go, which zlib tells nobody, and
// whether its blocks are whole. Written for the runner alone, so that it judges zlib's users by something that is not zlib.

/**
 * @typedef {object} DeflateAudit
 * @property {number} farthestBytes the greatest distance of a reference, 0 without any
 * @property {number} outputBytes
 * @property {boolean} hasFinalBlock whether a block has BFINAL set
 */

const lengthBases = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
  227, 258,
];
const lengthExtras = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const distanceBases = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
  6145, 8193, 12289, 16385, 24577,
];
const distanceExtras = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
/** The order in which the lengths of the code for code lengths are written (3.2.7). */
const codeLengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

const longestCode = 15;
/** Codes up to this length are found by one look into a table, longer ones bit by bit. */
const tableBits = 9;

/** A canonical Huffman code (3.2.2). */
class HuffmanCode {
  /** Per next bits of the input: symbol * 16 + length of its code, 0 when the code is longer. */
  #table = new Uint16Array(1 << tableBits);
  #counts = new Uint16Array(longestCode + 1);
  #symbols;

  /** @param {ArrayLike<number>} lengths per symbol, 0 for one that does not occur */
  constructor(lengths) {
    for (let symbol = 0; symbol < lengths.length; symbol += 1) this.#counts[lengths[symbol]] += 1;
    this.#counts[0] = 0;
    const offsets = new Uint16Array(longestCode + 2);
    const nextCodes = new Uint16Array(longestCode + 2);
    let free = 1;
    for (let length = 1; length <= longestCode; length += 1) {
      free = free * 2 - this.#counts[length];
      if (free < 0) throw new Error('a Huffman code with too many codes');
      offsets[length + 1] = offsets[length] + this.#counts[length];
      nextCodes[length + 1] = (nextCodes[length] + this.#counts[length]) << 1;
    }
    this.#symbols = new Uint16Array(lengths.length);
    for (let symbol = 0; symbol < lengths.length; symbol += 1) {
      const length = lengths[symbol];
      if (length === 0) continue;
      this.#symbols[offsets[length]] = symbol;
      offsets[length] += 1;
      const code = nextCodes[length];
      nextCodes[length] += 1;
      if (length > tableBits) continue;
      // Codes stand in the stream with their first bit lowest.
      let reversed = 0;
      for (let bit = 0; bit < length; bit += 1) reversed |= ((code >> bit) & 1) << (length - 1 - bit);
      for (let at = reversed; at < this.#table.length; at += 1 << length)
        this.#table[at] = symbol * 16 + length;
    }
  }

  /** @param {BitReader} bits */
  read(bits) {
    const found = this.#table[bits.peek(tableBits)];
    if (found !== 0) {
      bits.skip(found & 15);
      return found >> 4;
    }
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= longestCode; length += 1) {
      code |= bits.take(1);
      const count = this.#counts[length];
      if (code - first < count) return this.#symbols[index + code - first];
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw new Error('a Huffman code that stands for nothing');
  }
}

/** Takes bits, lowest first. */
class BitReader {
  #bytes;
  #at = 0;
  #held = 0;
  #heldBits = 0;

  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.#bytes = bytes;
  }

  get isAtEnd() {
    return this.#at >= this.#bytes.length && this.#heldBits <= 0;
  }

  /** The next bits, zeros behind the end. @param {number} count up to 15 */
  peek(count) {
    while (this.#heldBits < count) {
      this.#held |= (this.#bytes[this.#at] ?? 0) << this.#heldBits;
      this.#at += 1;
      this.#heldBits += 8;
    }
    return this.#held & ((1 << count) - 1);
  }

  /** @param {number} count as many as were peeked at most */
  skip(count) {
    this.#held >>>= count;
    this.#heldBits -= count;
    if (this.#at - (this.#heldBits >> 3) > this.#bytes.length)
      throw new Error('DEFLATE data that breaks off');
  }

  /** @param {number} count */
  take(count) {
    const value = this.peek(count);
    this.skip(count);
    return value;
  }

  /** Skips what is left of a byte, then so many bytes. @param {number} count */
  skipBytes(count) {
    this.#at -= this.#heldBits >> 3;
    this.#held = 0;
    this.#heldBits = 0;
    this.#at += count;
    if (this.#at > this.#bytes.length) throw new Error('DEFLATE data that breaks off');
  }
}

const fixedLiterals = new HuffmanCode(
  Array.from({ length: 288 }, (_, symbol) => (symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8)),
);
const fixedDistances = new HuffmanCode(Array.from({ length: 30 }, () => 5));

/** @param {BitReader} bits */
function readCodes(bits) {
  const literals = bits.take(5) + 257;
  const distances = bits.take(5) + 1;
  const ordered = bits.take(4) + 4;
  const codeLengths = new Uint8Array(19);
  for (let index = 0; index < ordered; index += 1) codeLengths[codeLengthOrder[index]] = bits.take(3);
  const code = new HuffmanCode(codeLengths);
  const lengths = new Uint8Array(literals + distances);
  for (let at = 0; at < lengths.length; ) {
    const symbol = code.read(bits);
    if (symbol < 16) {
      lengths[at] = symbol;
      at += 1;
      continue;
    }
    const repeated = symbol === 16 ? lengths[at - 1] : 0;
    const times = symbol === 16 ? 3 + bits.take(2) : symbol === 17 ? 3 + bits.take(3) : 11 + bits.take(7);
    if (at + times > lengths.length) throw new Error('more code lengths than codes');
    lengths.fill(repeated, at, at + times);
    at += times;
  }
  return {
    literalCode: new HuffmanCode(lengths.subarray(0, literals)),
    distanceCode: new HuffmanCode(lengths.subarray(literals)),
  };
}

/**
 * @param {Uint8Array} bytes whole blocks up to the end of a byte, such as a message of RFC 7692 with its tail put back
 * @returns {DeflateAudit}
 * @throws Error when this is not DEFLATE data, or not whole
 */
export function auditDeflate(bytes) {
  const bits = new BitReader(bytes);
  const audit = { farthestBytes: 0, outputBytes: 0, hasFinalBlock: false };
  while (!bits.isAtEnd) {
    const isFinal = bits.take(1) === 1;
    const type = bits.take(2);
    if (type === 0) skipStored(bits, audit);
    else if (type === 1) skipCompressed(bits, fixedLiterals, fixedDistances, audit);
    else if (type === 2) {
      const { literalCode, distanceCode } = readCodes(bits);
      skipCompressed(bits, literalCode, distanceCode, audit);
    } else throw new Error('a block of the reserved type');
    if (isFinal) {
      audit.hasFinalBlock = true;
      // RFC 7692 7.2.3.4: what follows a final block starts at the next byte.
      bits.skipBytes(0);
    }
  }
  return audit;
}

/** @param {BitReader} bits @param {DeflateAudit} audit */
function skipStored(bits, audit) {
  bits.skipBytes(0);
  const length = bits.take(8) | (bits.take(8) << 8);
  const complement = bits.take(8) | (bits.take(8) << 8);
  if ((length ^ complement) !== 0xffff) throw new Error('a stored block with a wrong length');
  bits.skipBytes(length);
  audit.outputBytes += length;
}

/** @param {BitReader} bits @param {HuffmanCode} literals @param {HuffmanCode} distances @param {DeflateAudit} audit */
function skipCompressed(bits, literals, distances, audit) {
  for (;;) {
    const symbol = literals.read(bits);
    if (symbol < 256) {
      audit.outputBytes += 1;
      continue;
    }
    if (symbol === 256) return;
    if (symbol > 285) throw new Error(`length symbol ${symbol}`);
    audit.outputBytes += lengthBases[symbol - 257] + bits.take(lengthExtras[symbol - 257]);
    const distanceSymbol = distances.read(bits);
    if (distanceSymbol > 29) throw new Error(`distance symbol ${distanceSymbol}`);
    const distance = distanceBases[distanceSymbol] + bits.take(distanceExtras[distanceSymbol]);
    if (distance > audit.farthestBytes) audit.farthestBytes = distance;
  }
}
