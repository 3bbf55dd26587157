// The runner's end of one connection: writes frames in the prescribed chops and keeps what the testee did, in order: its
// events, its Close, its end of TCP. It takes no decisions; waiting is always bounded by a number of milliseconds.

import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { DeflatePeer } from './deflate-peer.mjs';
import { encodeFrames, FrameReader, headerBytes, Opcode } from './frames.mjs';

/** @typedef {import('./frames.mjs').Frame} Frame */
/** @typedef {import('./frames.mjs').WireEvent} WireEvent */
/** Chops are sent with a pause between them up to this number of chops; beyond it that would take too long. */
const mostSpacedChops = 512;
const chopSpacingMs = 1;

/** The runner compresses fast: what it sends need not be small. */
const deflateLevel = 1;

/** So many writes and reads are kept of a connection, each with its first bytes. */
const keptLogLines = 24;
const keptLogBytes = 40;

/** @typedef {'server' | 'client'} Role The role of the testee; the runner plays the other one. */

/** @param {Buffer} bytes @param {number | undefined} chopBytes */
function chopped(bytes, chopBytes) {
  if (chopBytes === undefined) return [bytes];
  return Array.from({ length: Math.ceil(bytes.length / chopBytes) }, (_, index) =>
    bytes.subarray(index * chopBytes, (index + 1) * chopBytes),
  );
}

/** One connection to the testee, as the runner holds it. */
export class WirePeer {
  /** Messages and pongs of the testee that nobody has compared yet, in order. @type {WireEvent[]} */
  events = [];
  /** Payload of the testee's Close frame. @type {Buffer | undefined} */
  closePayload;
  /** The first rule that the testee's own frames broke. @type {string | undefined} */
  violation;
  /** The error that cut the connection, for example a TCP reset. @type {string | undefined} */
  cutBy;
  hasTesteeEnded = false;
  /** Whether the socket is closed in both directions. */
  isGone = false;
  /** What passed over the wire, in hex, shortened: `>` from the runner, `<` from the testee. @type {string[]} */
  log = [];
  hasSentClose = false;

  #socket;
  /** What the runner has to write before its first frame, as a server. @type {string | undefined} */
  #response;
  #isMasking;
  /** What was agreed on. @type {DeflatePeer | undefined} */
  compression;
  /** Answers to the testee's keep-alive, which go out with the next frames. @type {Frame[]} */
  #pongs = [];
  /** @type {WeakMap<Frame, Buffer>} */
  #partlySent = new WeakMap();
  /** @type {(() => void) | undefined} */
  #recheck;

  /** @param {import('./opening.mjs').Opened} opened @param {Role} testeeRole */
  constructor({ socket, head, response, agreed }, testeeRole) {
    this.#socket = socket;
    this.#response = response;
    this.#isMasking = testeeRole === 'server';
    const compression = agreed === undefined ? undefined : new DeflatePeer(agreed, testeeRole, deflateLevel);
    this.compression = compression;
    const reader = new FrameReader({
      expectsMask: testeeRole === 'client',
      inflate: compression === undefined ? undefined : (bytes) => compression.decompress(bytes),
      onEvent: (event) => this.#take(event),
      onViolation: (rule) => (this.violation ??= rule),
    });
    const receive = (/** @type {Buffer} */ chunk) => {
      this.#note('<', chunk);
      reader.push(chunk);
      this.#recheck?.();
    };
    socket.on('data', receive);
    socket.on('end', () => {
      this.hasTesteeEnded = true;
      this.#note('<', 'FIN');
      this.#recheck?.();
    });
    socket.on('error', (error) => {
      this.cutBy ??= error.message;
      this.#note('<', error.message);
      this.#recheck?.();
    });
    socket.on('close', () => {
      this.isGone = true;
      this.#recheck?.();
    });
    if (head.length > 0) receive(head);
    socket.resume();
  }

  /** Whether the testee can send no further event. */
  get isOver() {
    return (
      this.closePayload !== undefined ||
      this.hasTesteeEnded ||
      this.cutBy !== undefined ||
      this.violation !== undefined
    );
  }

  /** @param {WireEvent} event */
  #take(event) {
    if (this.closePayload !== undefined) this.violation ??= `a ${event.kind} frame after its Close (5.5.1)`;
    else if (event.kind === 'close') this.closePayload = event.payload;
    else if (event.kind === 'ping') this.#pongs.push({ opcode: Opcode.pong, payload: event.payload });
    else this.events.push(event);
  }

  /**
   * Sends frames: all in one write, a write per frame, or in chops of so many bytes. Nagle's algorithm is off, so each
   * write leaves by itself; between few writes there is also a moment in which the testee can read each by itself.
   * @param {readonly Frame[]} frames @param {{ chopBytes?: number, isPerFrame?: boolean }} chopping
   */
  async send(frames, { chopBytes, isPerFrame = false }) {
    if (frames.some((frame) => frame.opcode === Opcode.close)) this.hasSentClose = true;
    const all = [...this.#pongs.splice(0), ...frames];
    const writes = isPerFrame
      ? all.map((frame) => encodeFrames([frame], this.#isMasking))
      : [encodeFrames(all, this.#isMasking)];
    const chops = writes.flatMap((bytes) => chopped(bytes, chopBytes));
    for (const [index, chop] of chops.entries()) {
      if (index > 0) await (chops.length <= mostSpacedChops ? sleep(chopSpacingMs) : nextTurn());
      this.#write(chop);
    }
  }

  /**
   * Sends the bytes of one frame that carry its payload from one offset to another; the header goes with the first.
   * @param {Frame} frame @param {number} fromByte @param {number} toByte
   */
  sendPart(frame, fromByte, toByte) {
    const bytes = this.#partlySent.get(frame) ?? encodeFrames([frame], this.#isMasking);
    this.#partlySent.set(frame, bytes);
    const header = headerBytes(frame, this.#isMasking);
    this.#write(bytes.subarray(fromByte === 0 ? 0 : header + fromByte, header + toByte));
  }

  /** @param {Buffer} bytes */
  #write(bytes) {
    // Once the testee has ended TCP it may be gone entirely; what is left of a script is then of no interest to anybody.
    if (this.hasTesteeEnded || !this.#socket.writable) return;
    const response = this.#response;
    this.#response = undefined;
    if (response !== undefined) this.#note('>', '101 Switching Protocols, and in the same write:');
    this.#note('>', bytes);
    this.#socket.write(response === undefined ? bytes : Buffer.concat([Buffer.from(response), bytes]));
  }

  /** @param {'<' | '>'} direction @param {Buffer | string} what */
  #note(direction, what) {
    if (this.log.length > keptLogLines) return;
    if (this.log.length === keptLogLines) this.log.push('..');
    else if (typeof what === 'string') this.log.push(`${direction} ${what}`);
    else
      this.log.push(
        `${direction} ${what.toString('hex', 0, keptLogBytes)}${what.length > keptLogBytes ? `.. (${what.length} B)` : ''}`,
      );
  }

  /**
   * Waits until the claim about this peer holds; false when the time is over first.
   * @param {() => boolean} claim @param {number} withinMs @returns {Promise<boolean>}
   */
  until(claim, withinMs) {
    if (claim()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (/** @type {boolean} */ holds) => {
        clearTimeout(timer);
        this.#recheck = undefined;
        resolve(holds);
      };
      const timer = setTimeout(() => settle(claim()), withinMs);
      this.#recheck = () => {
        if (claim()) settle(true);
      };
    });
  }

  /** Ends TCP from the runner's side (FIN). */
  end() {
    this.#note('>', 'FIN');
    this.#socket.end();
  }

  destroy() {
    this.compression?.close();
    this.#socket.destroy();
  }
}
