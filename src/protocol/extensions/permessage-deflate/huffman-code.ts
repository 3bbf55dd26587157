// The prefix codes of DEFLATE (RFC 1951 3.2.2). Short codes are looked up in a table, the rare longer ones are found by
// counting: a hostile message made of tiny blocks cannot make us fill a large table for each.

/** The most bits that the table is indexed by: nearly all codes of real data are not longer. */
const mostTableBits = 9;
const longestCode = 15;

// For the time of one `build`.
const offsets = new Uint16Array(longestCode + 2);
const nextCodes = new Uint32Array(longestCode + 2);

/** What there is to say of a code as a whole. */
export interface CodeShape {
  readonly unused: number;
  readonly longest: number;
}

/** One code at a time: `build` replaces it and takes no new memory. */
export class HuffmanCode {
  /** By the next bits, first bit lowest: 16 times the symbol plus the length of its code; 0 for a longer one. */
  readonly #table = new Uint16Array(1 << mostTableBits);
  #tableMask = 0;
  /** How many codes there are of each length. */
  readonly #counts = new Uint16Array(longestCode + 1);
  /** The symbols in the order of their codes. */
  readonly #symbols: Uint16Array;

  constructor(mostSymbols: number) {
    this.#symbols = new Uint16Array(mostSymbols);
  }

  /**
   * Takes a code by the lengths of its symbols, which stand in `lengths[start..end)`, 0 for a symbol that has none.
   * Gives how much of the space of codes is unused: 0 for a complete code, below 0 when there are too many symbols,
   * which makes it unusable. `longest` is the length of the longest code in bits.
   */
  build(lengths: Uint8Array, start: number, end: number): CodeShape {
    const counts = this.#counts.fill(0);
    for (let index = start; index < end; index++) counts[lengths[index]]++;
    counts[0] = 0;
    let unused = 1;
    let longest = 0;
    offsets[1] = 0;
    nextCodes[1] = 0;
    for (let length = 1; length <= longestCode; length++) {
      unused = unused * 2 - counts[length];
      offsets[length + 1] = offsets[length] + counts[length];
      nextCodes[length + 1] = (nextCodes[length] + counts[length]) << 1;
      if (counts[length] > 0) longest = length;
      if (unused < 0) return { unused, longest };
    }
    const tableBits = Math.min(longest, mostTableBits);
    this.#tableMask = (1 << tableBits) - 1;
    const table = this.#table.fill(0, 0, this.#tableMask + 1);
    for (let index = start; index < end; index++) {
      const length = lengths[index];
      if (length === 0) continue;
      const symbol = index - start;
      this.#symbols[offsets[length]++] = symbol;
      const code = nextCodes[length]++;
      if (length > tableBits) continue;
      const step = 1 << length;
      for (let bits = reverse(code, length); bits <= this.#tableMask; bits += step) {
        table[bits] = (symbol << 4) | length;
      }
    }
    return { unused, longest };
  }

  /** Finds the code that `bits` begin with, first bit lowest: 16 times its symbol plus its length, or -1 for none. */
  find(bits: number): number {
    const entry = this.#table[bits & this.#tableMask];
    return entry === 0 ? this.#findLong(bits) : entry;
  }

  #findLong(bits: number): number {
    let rest = bits;
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= longestCode; length++) {
      code |= rest & 1;
      rest >>>= 1;
      const count = this.#counts[length];
      if (code - first < count) return (this.#symbols[index + code - first] << 4) | length;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    return -1;
  }
}

function reverse(code: number, length: number): number {
  let reversed = 0;
  for (let bit = 0; bit < length; bit++) reversed |= ((code >>> bit) & 1) << (length - 1 - bit);
  return reversed;
}
