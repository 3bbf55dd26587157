// A tiny echo server and client for the test of the runner: sound as it is, and with one flaw on demand, which the runner
// must find. The flaw is named in the query of this module's URL: `broken.mjs?close-unanswered`.

import { isUtf8 } from 'node:buffer';
import { once } from 'node:events';
import net from 'node:net';
import { encodeFrames, Opcode } from '../frames.mjs';
import { openAsClient, openAsServer } from '../opening.mjs';

/** @typedef {import('../opening.mjs').Opened} Opened */

const flaw = new URL(import.meta.url).search.slice(1);
const openDeadlineMs = 2000;

/** Whether some further bytes would make this UTF-8. @param {Buffer} bytes */
function canBecomeUtf8(bytes) {
  return ['', '80', 'bf', '8080', 'bf80', '808080', 'bf8080'].some((rest) =>
    isUtf8(Buffer.concat([bytes, Buffer.from(rest, 'hex')])),
  );
}

/** One side of one connection that echoes; it keeps everything it received and starts over at each chunk. */
class TinyEcho {
  #socket;
  #isServer;
  #input = Buffer.alloc(0);
  /** @type {{ opcode: number, payload: Buffer } | undefined} */
  #message;
  #isClosed = false;

  #head;

  /** @param {Opened} opened @param {boolean} isServer */
  constructor({ socket, head }, isServer) {
    this.#socket = socket;
    this.#head = head;
    this.#isServer = isServer;
  }

  start() {
    const socket = this.#socket;
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
    socket.on('data', (chunk) => this.#receive(chunk));
    this.#receive(this.#head);
    socket.resume();
  }

  /** @param {Buffer} chunk */
  #receive(chunk) {
    this.#input = Buffer.concat([this.#input, chunk]);
    while (!this.#isClosed && this.#takeFrame());
  }

  /** Takes one whole frame off the input; false when there is none. */
  #takeFrame() {
    const input = this.#input;
    if (input.length < 2) return false;
    const short = input[1] & 0x7f;
    const keyAt = short < 126 ? 2 : short === 126 ? 4 : 10;
    const payloadAt = keyAt + (input[1] & 0x80 ? 4 : 0);
    if (input.length < payloadAt) return false;
    const length =
      short < 126 ? short : short === 126 ? input.readUInt16BE(2) : Number(input.readBigUInt64BE(2));
    const payload = Buffer.from(input.subarray(payloadAt, payloadAt + length));
    if (payloadAt > keyAt)
      payload.forEach((byte, index) => (payload[index] = byte ^ input[keyAt + (index & 3)]));
    const isWhole = payload.length === length;
    const opcode = input[0] & 0x0f;
    const isFinal = (input[0] & 0x80) !== 0;
    if ((input[0] & 0x70) !== 0 && flaw !== 'rsv-ignored') this.#close(1002);
    else if (opcode < Opcode.close) this.#takeData(opcode, payload, isFinal, isWhole);
    else if (isWhole) this.#takeControl(opcode, payload);
    if (isWhole) this.#input = input.subarray(payloadAt + length);
    return isWhole;
  }

  /** @param {number} opcode @param {Buffer} payload @param {boolean} isFinal @param {boolean} isWhole */
  #takeData(opcode, payload, isFinal, isWhole) {
    const message = {
      opcode: this.#message?.opcode ?? opcode,
      payload: Buffer.concat([this.#message?.payload ?? Buffer.alloc(0), payload]),
    };
    const isEnd = isFinal && isWhole;
    if (message.opcode === Opcode.text && flaw !== 'utf8-unchecked' && (isEnd || flaw !== 'utf8-late')) {
      const isGood = isEnd ? isUtf8(message.payload) : canBecomeUtf8(message.payload);
      if (!isGood) return this.#close(1007);
    }
    if (isWhole) this.#message = isEnd ? undefined : message;
    if (!isEnd) return;
    if (flaw === 'crash-on-binary' && message.opcode === Opcode.binary) process.exit(3);
    if (flaw === 'echo-altered' && message.payload.length > 0)
      message.payload[message.payload.length >> 1] ^= 1;
    this.#send(flaw === 'echo-as-binary' ? Opcode.binary : message.opcode, message.payload);
    if (flaw === 'echo-twice') this.#send(message.opcode, message.payload);
  }

  /** @param {number} opcode @param {Buffer} payload */
  #takeControl(opcode, payload) {
    if (opcode === Opcode.ping) this.#send(Opcode.pong, flaw === 'pong-empty' ? Buffer.alloc(0) : payload);
    else if (opcode === Opcode.close) this.#close(payload.length < 2 ? undefined : payload.readUInt16BE(0));
  }

  /** @param {number | undefined} code */
  #close(code) {
    this.#isClosed = true;
    if (flaw === 'close-unanswered') return;
    const body = Buffer.alloc(code === undefined ? 0 : 2);
    if (code !== undefined) body.writeUInt16BE(flaw === 'close-always-1000' ? 1000 : code);
    if (flaw !== 'close-dropped') this.#send(Opcode.close, body);
    if (flaw === 'send-after-close') this.#send(Opcode.text, Buffer.from('late'));
    if (flaw === 'reset') this.#socket.resetAndDestroy();
    else if (flaw !== 'tcp-left-open' && (this.#isServer || flaw === 'client-ends-first')) this.#socket.end();
  }

  /** @param {number} opcode @param {Buffer} payload */
  #send(opcode, payload) {
    this.#socket.write(encodeFrames([{ opcode, payload }], this.#isServer === (flaw === 'mask-reversed')));
  }
}

/** @param {net.Socket} socket */
async function accept(socket) {
  const opened = await openAsServer(socket, openDeadlineMs);
  socket.write(opened.response);
  new TinyEcho(opened, true).start();
}

/** @returns {Promise<string>} the address to connect to */
export async function serveEcho() {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => void accept(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `ws://127.0.0.1:${address.port}/`;
}

/** @param {string} url */
export async function dialEcho(url) {
  new TinyEcho(await openAsClient(url, openDeadlineMs), false).start();
}
