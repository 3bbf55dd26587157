// The runner's permessage-deflate on one connection (RFC 7692 7.2), over the public functions of node:zlib alone: an
// implementation that shares nothing with src/. What it sends uses all that was agreed on; what it receives may not use more.

import { createDeflateRaw, constants, inflateRawSync } from 'node:zlib';
import { auditDeflate } from './deflate-audit.mjs';

/** @typedef {import('./wire-peer.mjs').Role} Role */
/**
 * @typedef {object} Agreement What an answer to an offer of permessage-deflate makes binding.
 * @property {boolean} serverNoContextTakeover
 * @property {boolean} clientNoContextTakeover
 * @property {number} serverMaxWindowBits
 * @property {number} clientMaxWindowBits
 */

/** What a sender removes from the end of a message and a receiver puts back (7.2.1, 7.2.2). */
export const tail = Buffer.from([0x00, 0x00, 0xff, 0xff]);
/** An empty message (7.2.3.6). */
const emptyMessage = Buffer.from([0x00]);
/** Enough of everything that a testee may echo. */
const maxOutputBytes = 32 * 1024 * 1024;
/** With the largest window no reference can reach too far, and so many messages show whether blocks are whole. */
const mostAuditedMessages = 50;
const largestWindowBits = 15;

/** Both directions of one connection, as the runner sees them. */
export class DeflatePeer {
  /** The window that the runner may use. */
  sentWindowBits;
  /** Whether its messages may refer to earlier ones. */
  keepsContext;
  #deflater;
  /** @type {Buffer[]} */
  #deflated = [];
  #inflateWindowBits;
  #keepsHistory;
  /** The end of what the testee sent, as far as it may refer to it. */
  #history = Buffer.alloc(0);
  #audited = 0;

  /** @param {Agreement} agreed @param {Role} testeeRole @param {number} level */
  constructor(agreed, testeeRole, level) {
    const isServer = testeeRole === 'client';
    this.#inflateWindowBits = isServer ? agreed.clientMaxWindowBits : agreed.serverMaxWindowBits;
    this.#keepsHistory = !(isServer ? agreed.clientNoContextTakeover : agreed.serverNoContextTakeover);
    this.keepsContext = !(isServer ? agreed.serverNoContextTakeover : agreed.clientNoContextTakeover);
    this.sentWindowBits = isServer ? agreed.serverMaxWindowBits : agreed.clientMaxWindowBits;
    this.#deflater = createDeflateRaw({
      level,
      // zlib has no window of 8 bits for this; with 9 it refers back 250 bytes at most, which 8 allow.
      windowBits: Math.max(9, this.sentWindowBits),
      flush: constants.Z_SYNC_FLUSH,
    });
    this.#deflater.on('data', (chunk) => this.#deflated.push(chunk));
  }

  /** @param {Buffer} message @returns {Promise<Buffer>} */
  async compress(message) {
    if (message.length === 0) return emptyMessage;
    await new Promise((resolve, reject) => {
      this.#deflater.write(message, (error) => (error ? reject(error) : resolve(undefined)));
    });
    const bytes = Buffer.concat(this.#deflated);
    this.#deflated = [];
    if (!bytes.subarray(-tail.length).equals(tail)) throw new Error('zlib did not flush');
    if (!this.keepsContext) this.#deflater.reset();
    return bytes.subarray(0, -tail.length);
  }

  /**
   * @param {Buffer} bytes the payload of a whole message
   * @throws Error that says what is wrong with it
   */
  decompress(bytes) {
    const whole = Buffer.concat([bytes, tail]);
    const windowBytes = 1 << this.#inflateWindowBits;
    if (this.#inflateWindowBits < largestWindowBits || this.#audited < mostAuditedMessages) {
      this.#audited += 1;
      const { farthestBytes } = auditDeflate(whole);
      if (farthestBytes > windowBytes)
        throw new Error(`a reference ${farthestBytes} bytes back in a window of ${windowBytes}`);
    }
    const message = inflateRawSync(whole, {
      windowBits: this.#inflateWindowBits,
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: maxOutputBytes,
      // A message that may refer to nothing before it gets nothing to refer to.
      ...(this.#history.length > 0 ? { dictionary: this.#history } : {}),
    });
    if (this.#keepsHistory) this.#remember(message, windowBytes);
    return message;
  }

  /** @param {Buffer} message @param {number} windowBytes */
  #remember(message, windowBytes) {
    const kept = Math.max(0, windowBytes - message.length);
    this.#history = Buffer.concat([
      kept === 0 ? Buffer.alloc(0) : this.#history.subarray(-kept),
      message.subarray(-windowBytes),
    ]);
  }

  close() {
    this.#deflater.destroy();
  }
}
