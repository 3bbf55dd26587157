// The runner's own frame writer and reader (RFC 6455 5.2). They share nothing with src/, because they judge it: the
// writer makes any frame, also the forbidden ones; the reader accepts only what a conformant endpoint may send.

import { randomFillSync } from 'node:crypto';

/** @typedef {{ opcode: number, payload: Buffer, fin?: boolean, rsv?: number }} Frame */
/**
 * What the testee sent, as the player compares it. A message is reported whole, however it was fragmented, and inflated;
 * whether it came compressed stands beside it.
 * @typedef {{ kind: 'text' | 'binary' | 'ping' | 'pong' | 'close', payload: Buffer, isCompressed?: boolean }} WireEvent
 */

export const Opcode = Object.freeze({ continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 });

/** The reserved bit that marks a compressed message on its first frame (RFC 7692 6). */
export const rsv1 = 4;

/** The longest frame that the reader takes from a testee: twice the largest message of the list. */
const maxPayloadBytes = 32 * 1024 * 1024;

/** @param {Frame} frame @param {boolean} isMasked @returns {number} */
export function headerBytes(frame, isMasked) {
  const lengthBytes = frame.payload.length < 126 ? 0 : frame.payload.length < 65_536 ? 2 : 8;
  return 2 + lengthBytes + (isMasked ? 4 : 0);
}

/**
 * Writes frames one behind the other into one buffer.
 * @param {readonly Frame[]} frames @param {boolean} isMasked @returns {Buffer}
 */
export function encodeFrames(frames, isMasked) {
  let totalBytes = 0;
  for (const frame of frames) totalBytes += headerBytes(frame, isMasked) + frame.payload.length;
  const output = Buffer.allocUnsafe(totalBytes);
  const keys = isMasked ? randomFillSync(Buffer.allocUnsafe(frames.length * 4)) : undefined;
  let at = 0;
  frames.forEach((frame, index) => {
    at = writeHeader(output, at, frame, isMasked);
    if (keys !== undefined) {
      const key = keys.subarray(index * 4, index * 4 + 4);
      at += key.copy(output, at);
      frame.payload.copy(output, at);
      applyMask(output.subarray(at, at + frame.payload.length), key);
    } else {
      frame.payload.copy(output, at);
    }
    at += frame.payload.length;
  });
  return output;
}

/** @param {Buffer} output @param {number} at @param {Frame} frame @param {boolean} isMasked */
function writeHeader(output, at, frame, isMasked) {
  const maskBit = isMasked ? 0x80 : 0;
  const length = frame.payload.length;
  output[at] = (frame.fin === false ? 0 : 0x80) | ((frame.rsv ?? 0) << 4) | frame.opcode;
  if (length < 126) {
    output[at + 1] = maskBit | length;
    return at + 2;
  }
  if (length < 65_536) {
    output[at + 1] = maskBit | 126;
    return output.writeUInt16BE(length, at + 2);
  }
  output[at + 1] = maskBit | 127;
  return output.writeBigUInt64BE(BigInt(length), at + 2);
}

/** @param {Buffer} bytes @param {Buffer} key */
function applyMask(bytes, key) {
  for (let index = 0; index < bytes.length; index += 1) bytes[index] ^= key[index & 3];
}

/** Reads the testee's frames and reports its events, or the first rule that it broke. */
export class FrameReader {
  #expectsMask;
  #inflate;
  #onEvent;
  #onViolation;
  #header = Buffer.alloc(14);
  #headerFilled = 0;
  #headerNeeded = 2;
  /** @type {{ opcode: number, isFinal: boolean, isCompressed: boolean, payload: Buffer, filled: number, key: Buffer | undefined } | undefined} */
  #frame;
  /** @type {{ kind: 'text' | 'binary', isCompressed: boolean, parts: Buffer[] } | undefined} */
  #message;
  #isBroken = false;

  /**
   * @typedef {object} ReaderSettings
   * @property {boolean} expectsMask
   * @property {((bytes: Buffer) => Buffer) | undefined} inflate of compressed messages, when these were agreed on; it throws when
   *   they are not as agreed
   * @property {(event: WireEvent) => void} onEvent
   * @property {(rule: string) => void} onViolation
   * @param {ReaderSettings} settings
   */
  constructor({ expectsMask, inflate, onEvent, onViolation }) {
    this.#expectsMask = expectsMask;
    this.#inflate = inflate;
    this.#onEvent = onEvent;
    this.#onViolation = onViolation;
  }

  /** @param {Buffer} chunk */
  push(chunk) {
    let at = 0;
    while (at < chunk.length && !this.#isBroken) {
      if (this.#frame === undefined) {
        const taken = chunk.copy(
          this.#header,
          this.#headerFilled,
          at,
          at + this.#headerNeeded - this.#headerFilled,
        );
        this.#headerFilled += taken;
        at += taken;
        if (this.#headerFilled === this.#headerNeeded) this.#readHeader();
      } else {
        const taken = chunk.copy(this.#frame.payload, this.#frame.filled, at);
        this.#frame.filled += taken;
        at += taken;
      }
      if (this.#frame !== undefined && this.#frame.filled === this.#frame.payload.length) this.#finishFrame();
    }
  }

  #readHeader() {
    const [first, second] = this.#header;
    const shortLength = second & 0x7f;
    const lengthBytes = shortLength < 126 ? 0 : shortLength === 126 ? 2 : 8;
    const isMasked = (second & 0x80) !== 0;
    const needed = 2 + lengthBytes + (isMasked ? 4 : 0);
    if (this.#headerNeeded < needed) {
      this.#headerNeeded = needed;
      return;
    }
    const length =
      lengthBytes === 0
        ? shortLength
        : lengthBytes === 2
          ? this.#header.readUInt16BE(2)
          : Number(this.#header.readBigUInt64BE(2));
    const rule = this.#headerViolation(first, isMasked, length, lengthBytes);
    if (rule !== undefined) {
      this.#break(rule);
      return;
    }
    this.#frame = {
      opcode: first & 0x0f,
      isFinal: (first & 0x80) !== 0,
      isCompressed: (first & 0x40) !== 0,
      payload: Buffer.allocUnsafe(length),
      filled: 0,
      key: isMasked ? Buffer.from(this.#header.subarray(needed - 4, needed)) : undefined,
    };
    this.#headerFilled = 0;
    this.#headerNeeded = 2;
  }

  /** @param {number} first @param {boolean} isMasked @param {number} length @param {number} lengthBytes */
  #headerViolation(first, isMasked, length, lengthBytes) {
    const opcode = first & 0x0f;
    const rsv = (first >> 4) & 7;
    if (rsv === rsv1 && this.#inflate !== undefined) {
      if (opcode === Opcode.continuation) return 'RSV1 on a continuation (RFC 7692 6)';
      if (opcode >= 8) return 'RSV1 on a control frame (RFC 7692 6.1)';
    } else if (rsv !== 0) return `RSV bits ${rsv} without an extension (5.2)`;
    if ((opcode > 2 && opcode < 8) || opcode > 10) return `reserved opcode ${opcode} (5.2)`;
    if (isMasked !== this.#expectsMask)
      return isMasked ? 'a masked frame from a server (5.1)' : 'an unmasked frame from a client (5.1)';
    if ((lengthBytes === 2 && length < 126) || (lengthBytes === 8 && length < 65_536))
      return `length ${length} in ${lengthBytes} bytes (5.2)`;
    if (length > maxPayloadBytes) return `a frame of ${length} bytes`;
    if (opcode >= 8 && length > 125) return `a control frame of ${length} bytes (5.5)`;
    if (opcode >= 8 && (first & 0x80) === 0) return 'a fragmented control frame (5.5)';
    if (opcode === 0 && this.#message === undefined) return 'a continuation without a message (5.4)';
    if ((opcode === 1 || opcode === 2) && this.#message !== undefined)
      return 'a new message inside a message (5.4)';
    return undefined;
  }

  #finishFrame() {
    const frame = this.#frame;
    if (frame === undefined) return;
    this.#frame = undefined;
    if (frame.key !== undefined) applyMask(frame.payload, frame.key);
    if (frame.opcode === Opcode.close) this.#onEvent({ kind: 'close', payload: frame.payload });
    else if (frame.opcode === Opcode.ping) this.#onEvent({ kind: 'ping', payload: frame.payload });
    else if (frame.opcode === Opcode.pong) this.#onEvent({ kind: 'pong', payload: frame.payload });
    else this.#continueMessage(frame);
  }

  /** @param {{ opcode: number, isFinal: boolean, isCompressed: boolean, payload: Buffer }} frame */
  #continueMessage(frame) {
    const message = this.#message ?? {
      kind: frame.opcode === Opcode.text ? 'text' : 'binary',
      isCompressed: frame.isCompressed,
      parts: [],
    };
    message.parts.push(frame.payload);
    if (!frame.isFinal) {
      this.#message = message;
      return;
    }
    this.#message = undefined;
    const { kind, isCompressed } = message;
    const bytes = message.parts.length === 1 ? frame.payload : Buffer.concat(message.parts);
    if (!isCompressed || this.#inflate === undefined) {
      this.#onEvent({ kind, payload: bytes, isCompressed: false });
      return;
    }
    try {
      this.#onEvent({ kind, payload: this.#inflate(bytes), isCompressed });
    } catch (error) {
      this.#break(`a compressed message with ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** @param {string} rule */
  #break(rule) {
    this.#isBroken = true;
    this.#onViolation(rule);
  }
}
