// The words in which the cases are written: frames, steps, and the three shapes that a case can have (the message comes
// back, the connection fails, the runner closes). A script is made only while it is played, so that the list stays small.

import { Opcode } from '../frames.mjs';

/** @typedef {import('../frames.mjs').Frame} Frame */
/** @typedef {import('../frames.mjs').WireEvent} WireEvent */
/** @typedef {import('../wire-peer.mjs').Role} Role */
/** @typedef {import('../opening.mjs').Opening} Opening */
/**
 * @typedef {{ send: readonly Frame[], chopBytes?: number, isPerFrame?: boolean }
 *   | { sendPartOf: Frame, fromByte: number, toByte: number }
 *   | { deflate: Buffer, kind: 'text' | 'binary', fragmentBytes?: number }
 *   | { expect: readonly WireEvent[] }
 *   | { quietMs: number }
 *   | { failureAfter: string }} Step
 * Bytes to send, a message to send compressed, events that must arrive before the script goes on, a while in which nothing
 * may arrive, or a failure of the connection that must be seen before the script goes on.
 */
/**
 * @typedef {object} Case
 * @property {string} id number in the Autobahn list, or in section 14, which is ours
 * @property {string} sends what the runner does
 * @property {string} expects what the testee must do
 * @property {Opening} [opening] what is agreed before the frames; without it no extension
 * @property {Role} [onlyFor] the role of the testee, where there is nothing to ask of the other one
 * @property {(windowBits?: number) => Iterable<Step>} script told the window of what the runner compresses, when that was agreed on
 * @property {{ code: number | undefined, isServerFirst?: boolean }} ending code of the testee's Close (undefined: none in it), and
 *   whether a client under test must leave the end of TCP to the server
 * @property {boolean} isHeavy played alone, with a longer deadline
 */
/** @typedef {string | Buffer} Payload */

/** @param {Payload} payload */
const toBytes = (payload) => (typeof payload === 'string' ? Buffer.from(payload) : payload);

/** @param {string} digits */
export const hex = (digits) => Buffer.from(digits.replaceAll(' ', ''), 'hex');

/** The option of a frame that is not the last of its message. */
export const more = Object.freeze({ fin: false });

/** @param {number} opcode @param {Payload} [payload] @param {{ fin?: boolean, rsv?: number }} [bits] @returns {Frame} */
export const frame = (opcode, payload = '', bits = {}) => ({ opcode, payload: toBytes(payload), ...bits });
/** @param {Payload} payload @param {{ fin?: boolean, rsv?: number }} [bits] */
export const text = (payload, bits) => frame(Opcode.text, payload, bits);
/** @param {Payload} payload @param {{ fin?: boolean, rsv?: number }} [bits] */
export const binary = (payload, bits) => frame(Opcode.binary, payload, bits);
/** @param {Payload} payload @param {{ fin?: boolean, rsv?: number }} [bits] */
export const continuation = (payload, bits) => frame(Opcode.continuation, payload, bits);
/** @param {Payload} [payload] @param {{ fin?: boolean, rsv?: number }} [bits] */
export const ping = (payload, bits) => frame(Opcode.ping, payload, bits);
/** @param {Payload} [payload] @param {{ fin?: boolean, rsv?: number }} [bits] */
export const pong = (payload, bits) => frame(Opcode.pong, payload, bits);

/** @param {number} code @param {Payload} [reason] */
export function close(code, reason = '') {
  const body = Buffer.alloc(2);
  body.writeUInt16BE(code);
  return frame(Opcode.close, Buffer.concat([body, toBytes(reason)]));
}

/**
 * A message in frames of so many bytes. As in the list, a message that fits in one frame is not fragmented, and one whose
 * length is a multiple of the frame length ends with an empty frame.
 * @param {'text' | 'binary'} kind @param {Buffer} payload @param {number} fragmentBytes @param {number} [rsv] of the first frame
 */
export function fragments(kind, payload, fragmentBytes, rsv = 0) {
  if (payload.length <= fragmentBytes) return [frame(Opcode[kind], payload, { rsv })];
  const frames = [];
  for (let at = 0; at <= payload.length; at += fragmentBytes) {
    const isFirst = at === 0;
    frames.push(
      frame(isFirst ? Opcode[kind] : Opcode.continuation, payload.subarray(at, at + fragmentBytes), {
        fin: at + fragmentBytes > payload.length,
        rsv: isFirst ? rsv : 0,
      }),
    );
  }
  return frames;
}

/**
 * @param {WireEvent['kind']} kind @param {Payload} [payload] @param {boolean} [isCompressed] whether it has to come so; without
 *   it both will do
 * @returns {WireEvent}
 */
export const event = (kind, payload = '', isCompressed) => ({
  kind,
  payload: toBytes(payload),
  ...(isCompressed === undefined ? {} : { isCompressed }),
});

/**
 * The testee does what the script expects; then the runner closes with 1000 and is answered with 1000.
 * @param {string} id @param {string} sends @param {string} expects @param {Case['script']} script @param {boolean} [isHeavy]
 * @returns {Case}
 */
export const answered = (id, sends, expects, script, isHeavy = false) => ({
  id,
  sends,
  expects: `${expects}; Close 1000 answered`,
  *script(windowBits) {
    yield* script(windowBits);
    yield { send: [close(1000)] };
  },
  ending: { code: 1000 },
  isHeavy,
});

/**
 * The testee fails the connection with a code (RFC 6455 7.1.7). What the script expects must come before the failure.
 * @param {string} id @param {string} sends @param {number} code @param {Case['script']} script @param {string} [before]
 * @returns {Case}
 */
export const failed = (id, sends, code, script, before) => ({
  id,
  sends,
  expects: `${before === undefined ? '' : `${before}, then `}fails with ${code}`,
  script,
  ending: { code },
  isHeavy: false,
});

/**
 * The script itself sends a Close, and the testee answers it with the code, or with none.
 * @param {string} id @param {string} sends @param {number | undefined} code @param {readonly Frame[]} frames
 * @param {{ before?: string, isServerFirst?: boolean }} [details]
 * @returns {Case}
 */
export const closed = (id, sends, code, frames, { before, isServerFirst = true } = {}) => ({
  id,
  sends,
  expects: closing(code, isServerFirst, before),
  script: () => [{ send: frames }],
  ending: { code, isServerFirst },
  isHeavy: false,
});

/** What the testee must do at the end, in words. @param {number | undefined} code @param {boolean} isServerFirst @param {string} [before] */
export const closing = (code, isServerFirst, before) =>
  `${before === undefined ? '' : `${before}; `}Close ${code ?? 'without a code'}${isServerFirst ? ', server ends TCP first' : ''}`;
