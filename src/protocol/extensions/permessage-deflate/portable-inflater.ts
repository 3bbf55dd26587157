// DEFLATE decompression (RFC 1951) without help of the platform, as RFC 7692 7.2.2 needs it. DecompressionStream cannot
// do it: a message may hold final blocks anywhere (RFC 7692 7.2.3.4), and behind the first one browsers fail (issue 47
// of whatwg/compression) while Node 20 leaves out the rest in silence; besides it expands all that it is given at once,
// so that a cap would come too late.

import { copyOf, noBytes } from '../../../base/bytes.ts';
import { ProtocolError } from '../../protocol-error.ts';
import type { CodecCallback, Inflater } from '../extension.ts';
import { BitReader, corrupt, truncated } from './bit-reader.ts';
import type { InflateParameters } from './codec.ts';
import { type CodeShape, HuffmanCode } from './huffman-code.ts';

// RFC 1951 3.2.5: for each symbol of a length or a distance how many bits are added to which least value.
const lengthBits = Uint8Array.from('00000000111122223333444455550', Number);
const lengthBases = basesOf(lengthBits, 3);
// The last length has a symbol of its own, one earlier than its turn.
lengthBases[28] = 258;
const distanceBits = Uint8Array.from({ length: 30 }, (_, symbol) => Math.max(0, (symbol >> 1) - 1));
const distanceBases = basesOf(distanceBits, 1);
const endOfBlock = 256;

// RFC 1951 3.2.6: the codes of a block that brings none.
const fixedLengths = new Uint8Array(320)
  .fill(8, 0, 144)
  .fill(9, 144, 256)
  .fill(7, 256, 280)
  .fill(8, 280, 288);
const fixedLiterals = new HuffmanCode(288);
fixedLiterals.build(fixedLengths, 0, 288);
const fixedDistances = new HuffmanCode(32);
fixedDistances.build(fixedLengths.fill(5, 288), 288, 320);

/** RFC 1951 3.2.7: the order of the lengths of the code for lengths of codes. */
const codeLengthOrder = Uint8Array.of(16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15);

/** More than the head of a block takes: 74 bits, and at most 7 for each of 316 lengths of codes. */
const blockHeadBytes = 320;
/** What a literal, or a length with its distance, takes at most: 15 + 5 + 15 + 13 bits. */
const symbolBytes = 6;
/** A message that is not longer than this may have any ratio: it does no harm. */
const ratioFreeBytes = 1024 * 1024;

/** The codes that blocks bring along, and the lengths that they are made of. */
class BlockCodes {
  readonly codeLengths: HuffmanCode = new HuffmanCode(19);
  readonly literals: HuffmanCode = new HuffmanCode(286);
  readonly distances: HuffmanCode = new HuffmanCode(30);
  readonly lengths: Uint8Array = new Uint8Array(316);
}

function basesOf(extraBits: Uint8Array, least: number): Uint16Array {
  let next = least;
  return Uint16Array.from(extraBits, (bits) => {
    const base = next;
    next += 1 << bits;
    return base;
  });
}

/** Decompresses the messages of one connection: at once, and never into more memory than it may. */
export class PortableInflater implements Inflater {
  readonly #parameters: InflateParameters;
  #nextIs: 'block' | 'stored' | 'symbols' = 'block';
  #isFinalBlock = false;
  // Whether the message is whole if no further block comes.
  #mayEnd = true;
  #storedLeft = 0;
  #literals = fixedLiterals;
  #distances = fixedDistances;
  #blockCodes: BlockCodes | undefined;
  readonly #reader = new BitReader();
  // What the data may refer to (the history), and behind it what is made of the current piece.
  #output: Uint8Array = noBytes;
  #length = 0;
  #historyLength = 0;
  // How much may be made of the current piece, and why not more.
  #allowedBytes = 0;
  #isHeldToRatio = false;
  // Of the current message, with the current piece for the input and without it for the output.
  #messageInputBytes = 0;
  #messageOutputBytes = 0;

  constructor(parameters: InflateParameters) {
    this.#parameters = parameters;
  }

  inflate(input: Uint8Array, isFinal: boolean, maxOutputBytes: number, done: CodecCallback): void {
    let output: Uint8Array;
    try {
      output = this.#inflate(input, isFinal, maxOutputBytes);
    } catch (error) {
      this.close();
      done(error instanceof Error ? error : new Error(String(error)), noBytes);
      return;
    }
    done(undefined, output);
  }

  close(): void {
    this.#forgetMessage();
    this.#output = noBytes;
  }

  #inflate(input: Uint8Array, isFinal: boolean, maxOutputBytes: number): Uint8Array {
    this.#messageInputBytes += input.length;
    this.#reader.add(input);
    this.#setAllowance(maxOutputBytes);
    const history = this.#output;
    this.#historyLength = history.length;
    this.#length = history.length;
    this.#output = new Uint8Array(
      history.length + Math.min(Math.max(256, input.length * 4), this.#allowedBytes),
    );
    this.#output.set(history);

    while (this.#step(isFinal));
    if (isFinal && !this.#mayEnd) throw truncated();

    const output = this.#takeOutput(isFinal);
    if (isFinal) {
      this.#forgetMessage();
    } else {
      this.#reader.keep();
      this.#messageOutputBytes += output.length;
    }
    return output;
  }

  #forgetMessage(): void {
    this.#nextIs = 'block';
    this.#mayEnd = true;
    this.#literals = fixedLiterals;
    this.#distances = fixedDistances;
    this.#blockCodes = undefined;
    this.#reader.clear();
    this.#messageInputBytes = 0;
    this.#messageOutputBytes = 0;
  }

  #setAllowance(maxOutputBytes: number): void {
    const { maxInflationRatio } = this.#parameters;
    // Any ratio of nothing is nothing, also an infinite one.
    const byRatio =
      this.#messageInputBytes === 0 ? 0 : Math.floor(this.#messageInputBytes * maxInflationRatio);
    const left = Math.max(ratioFreeBytes, byRatio) - this.#messageOutputBytes;
    this.#isHeldToRatio = left < maxOutputBytes;
    this.#allowedBytes = Math.min(left, maxOutputBytes);
  }

  /** Goes on by a block head, stored bytes or symbols; false when that takes more input. */
  #step(isFinal: boolean): boolean {
    if (this.#nextIs === 'block') return this.#readBlockHead(isFinal);
    if (this.#nextIs === 'stored') return this.#readStored();
    return this.#readSymbols(isFinal);
  }

  #readBlockHead(isFinal: boolean): boolean {
    if (!isFinal && this.#reader.byteLength < blockHeadBytes) return false;
    this.#reader.fill();
    if (this.#reader.bitCount < 3) return false;
    this.#mayEnd = false;
    this.#isFinalBlock = this.#reader.take(1) === 1;
    const type = this.#reader.take(2);
    if (type === 0) return this.#readStoredHead();
    if (type === 3) throw corrupt('block of type 3, expected 0 to 2');
    if (type === 2) {
      this.#readCodes();
    } else {
      this.#literals = fixedLiterals;
      this.#distances = fixedDistances;
    }
    this.#nextIs = 'symbols';
    return true;
  }

  #readStoredHead(): boolean {
    this.#reader.alignToByte();
    if (this.#reader.byteLength === 0) {
      // The rest of the head is 00 00 ff ff, which RFC 7692 7.2.2 has us append.
      this.#mayEnd = true;
      return false;
    }
    const head = this.#reader.takeBytes(4);
    if (head.length < 4) throw truncated();
    const [low, high, notLow, notHigh] = head;
    if ((low ^ notLow) !== 0xff || (high ^ notHigh) !== 0xff) {
      throw corrupt('stored block whose length does not fit its complement');
    }
    this.#storedLeft = low | (high << 8);
    this.#nextIs = 'stored';
    return true;
  }

  #readStored(): boolean {
    const bytes = this.#reader.takeBytes(this.#storedLeft);
    this.#reserve(bytes.length);
    this.#output.set(bytes, this.#length);
    this.#length += bytes.length;
    this.#storedLeft -= bytes.length;
    if (this.#storedLeft > 0) return false;
    this.#endBlock();
    return true;
  }

  #endBlock(): void {
    // RFC 7692 7.2.1: what follows a final block begins with the next byte. An empty block ought to follow, but not all
    // compressors know that.
    if (this.#isFinalBlock) this.#reader.alignToByte();
    this.#mayEnd = this.#isFinalBlock;
    this.#nextIs = 'block';
  }

  /** RFC 1951 3.2.7: the codes that a block brings along, written in a code of their own. */
  #readCodes(): void {
    this.#reader.fill();
    const literalCount = this.#reader.take(5) + 257;
    const distanceCount = this.#reader.take(5) + 1;
    const codeLengthCount = this.#reader.take(4) + 4;
    if (literalCount > 286 || distanceCount > 30) {
      throw corrupt(`codes for ${literalCount} literals and ${distanceCount} distances, at most 286 and 30`);
    }
    this.#blockCodes ??= new BlockCodes();
    const { codeLengths, literals, distances, lengths } = this.#blockCodes;
    lengths.fill(0, 0, 19);
    for (let index = 0; index < codeLengthCount; index++) {
      this.#reader.fill();
      lengths[codeLengthOrder[index]] = this.#reader.take(3);
    }
    if (codeLengths.build(lengths, 0, 19).unused !== 0) {
      throw corrupt('code for the lengths of codes that is not complete');
    }
    const count = literalCount + distanceCount;
    this.#readLengths(codeLengths, lengths, count);
    if (lengths[endOfBlock] === 0) throw corrupt('block without a code for its end');
    requireUsable(literals.build(lengths, 0, literalCount));
    requireUsable(distances.build(lengths, literalCount, count));
    this.#literals = literals;
    this.#distances = distances;
  }

  #readLengths(code: HuffmanCode, lengths: Uint8Array, count: number): void {
    let index = 0;
    while (index < count) {
      this.#reader.fill();
      const symbol = this.#reader.takeSymbol(code);
      if (symbol < 16) {
        lengths[index++] = symbol;
        continue;
      }
      if (symbol === 16 && index === 0) throw corrupt('repeated length of a code, expected a first one');
      const length = symbol === 16 ? lengths[index - 1] : 0;
      const times =
        symbol === 16
          ? this.#reader.take(2) + 3
          : symbol === 17
            ? this.#reader.take(3) + 3
            : this.#reader.take(7) + 11;
      if (index + times > count) throw corrupt(`more than ${count} lengths of codes`);
      lengths.fill(length, index, index + times);
      index += times;
    }
  }

  #readSymbols(isFinal: boolean): boolean {
    // Before the end of the message a symbol may not be there as a whole.
    const leastBytes = isFinal ? 0 : symbolBytes;
    while (this.#reader.byteLength >= leastBytes) {
      this.#reader.fill();
      const symbol = this.#reader.takeSymbol(this.#literals);
      if (symbol < endOfBlock) {
        this.#reserve(1);
        this.#output[this.#length++] = symbol;
      } else if (symbol > endOfBlock) {
        this.#copy(symbol - 257);
      } else {
        this.#endBlock();
        return true;
      }
    }
    return false;
  }

  #copy(lengthSymbol: number): void {
    if (lengthSymbol > 28) throw corrupt(`length symbol ${lengthSymbol}, at most 28`);
    const byteLength = lengthBases[lengthSymbol] + this.#reader.take(lengthBits[lengthSymbol]);
    this.#reader.fill();
    const distanceSymbol = this.#reader.takeSymbol(this.#distances);
    if (distanceSymbol > 29) throw corrupt(`distance symbol ${distanceSymbol}, at most 29`);
    this.#reader.fill();
    const distance = distanceBases[distanceSymbol] + this.#reader.take(distanceBits[distanceSymbol]);
    if (distance > this.#length) throw corrupt(`distance of ${distance} bytes, ${this.#length} are there`);
    this.#reserve(byteLength);
    const output = this.#output;
    let to = this.#length;
    const end = to + byteLength;
    // Source and target may overlap: then what is written is read again.
    for (let from = to - distance; to < end; ) output[to++] = output[from++];
    this.#length = end;
  }

  #reserve(byteLength: number): void {
    const needed = this.#length + byteLength;
    if (needed <= this.#output.length) return;
    const most = this.#historyLength + this.#allowedBytes;
    if (needed > most) throw this.#tooLarge();
    const grown = new Uint8Array(Math.min(most, Math.max(needed, this.#output.length * 2)));
    grown.set(this.#output);
    this.#output = grown;
  }

  #takeOutput(isFinal: boolean): Uint8Array {
    const output = this.#output;
    const start = this.#historyLength;
    const end = this.#length;
    const keeps = !isFinal || this.#parameters.hasTakeover;
    const windowBytes = 1 << this.#parameters.windowBits;
    this.#output = keeps ? copyOf(output, Math.max(0, end - windowBytes), end) : noBytes;
    return start === 0 && end === output.length ? output : copyOf(output, start, end);
  }

  #tooLarge(): ProtocolError {
    const limit = this.#messageOutputBytes + this.#allowedBytes;
    const reason = this.#isHeldToRatio
      ? `, ${this.#parameters.maxInflationRatio} times its compressed ${this.#messageInputBytes}`
      : '';
    return new ProtocolError(
      'WS_MESSAGE_TOO_LARGE',
      1009,
      'RFC 6455 10.4',
      `message of more than ${limit} bytes when decompressed, at most ${limit}${reason} accepted`,
    );
  }
}

/** RFC 1951 3.2.7: all codes are in use, but a block may do with one distance of one bit, or with none. */
function requireUsable({ unused, longest }: CodeShape): void {
  if (unused === 0 || (unused > 0 && longest <= 1)) return;
  throw corrupt(unused < 0 ? 'more symbols than codes' : 'code that is not complete');
}
