// DEFLATE data by hand: bits in the order in which RFC 1951 3.1.1 packs them, for blocks that no compressor makes.

/** Collects bits. */
export class DeflateBits {
  readonly #bits: number[] = [];

  /** Adds a number, its lowest bit first. */
  number(value: number, bitCount: number): this {
    for (let bit = 0; bit < bitCount; bit++) this.#bits.push((value >> bit) & 1);
    return this;
  }

  /** Adds a code as it is written in RFC 1951: '0' and '1', its first bit first. */
  code(code: string): this {
    for (const bit of code) this.#bits.push(Number(bit));
    return this;
  }

  /** Adds the head of a block: not final, and its type. */
  head(type: 0 | 1 | 2 | 3): this {
    return this.number(0, 1).number(type, 2);
  }

  /**
   * Adds the head of a block with codes of its own: the numbers of literals and distances as they stand there, and the
   * lengths of the codes for the lengths of codes by their symbols.
   */
  dynamicHead(literals: number, distances: number, codeLengths: Record<number, number>): this {
    const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    this.head(2).number(literals, 5).number(distances, 5).number(15, 4);
    for (const symbol of order) this.number(codeLengths[symbol] ?? 0, 3);
    return this;
  }

  /** The bytes, with zero bits at the end of the last. */
  get bytes(): Uint8Array {
    const bytes = new Uint8Array(Math.ceil(this.#bits.length / 8));
    for (const [index, bit] of this.#bits.entries()) bytes[index >> 3] |= bit << (index & 7);
    return bytes;
  }
}
