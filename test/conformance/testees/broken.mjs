// A tiny echo server and client for the test of the runner: sound as it is, and with one flaw on demand, which the runner
// must find. The flaw is named in the query of this module's URL: `broken.mjs?close-unanswered`. One is none: with
// `keeps-alive` it pings before every echo and insists on the pong before the next one.

import { isUtf8 } from 'node:buffer';
import { once } from 'node:events';
import net from 'node:net';
import { deflated } from '../cases/deflate-data.mjs';
import { fragments } from '../cases/vocabulary.mjs';
import { acceptableOffers } from '../deflate-header.mjs';
import { DeflatePeer } from '../deflate-peer.mjs';
import { encodeFrames, Opcode, rsv1 } from '../frames.mjs';
import { answerRequest, openAsClient, readRequest } from '../opening.mjs';

/** @typedef {import('../opening.mjs').Compression} Compression */
/** @typedef {import('../opening.mjs').Opened} Opened */
/** @typedef {import('../deflate-header.mjs').Parameters} Parameters */

const flaw = new URL(import.meta.url).search.slice(1);
const openDeadlineMs = 2000;
const largestWindowBits = 15;

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
  /** @type {{ opcode: number, isCompressed: boolean, payload: Buffer } | undefined} */
  #message;
  #isClosed = false;
  #head;
  /** Inflates what comes; what goes is compressed message by message. @type {DeflatePeer | undefined} */
  #inflater;
  #windowBits = largestWindowBits;
  #lastSent = Buffer.alloc(0);
  #hasOpenPing = false;

  /** @param {Opened} opened @param {boolean} isServer */
  constructor({ socket, head, agreed }, isServer) {
    this.#socket = socket;
    this.#head = head;
    this.#isServer = isServer;
    if (agreed === undefined) return;
    this.#inflater = new DeflatePeer(agreed, isServer ? 'client' : 'server', 1);
    if (flaw !== 'window-ignored') this.#windowBits = Math.max(9, this.#inflater.sentWindowBits);
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
    const rsv = (input[0] >> 4) & 7;
    const mayBeCompressed =
      this.#inflater !== undefined && (opcode === Opcode.text || opcode === Opcode.binary);
    if (rsv !== 0 && !(mayBeCompressed && rsv === rsv1) && flaw !== 'rsv-ignored') this.#close(1002);
    else if (opcode < Opcode.close) this.#takeData(opcode, payload, isFinal, isWhole, rsv === rsv1);
    else if (isWhole) this.#takeControl(opcode, payload);
    if (isWhole) this.#input = input.subarray(payloadAt + length);
    return isWhole;
  }

  /** @param {number} opcode @param {Buffer} payload @param {boolean} isFinal @param {boolean} isWhole @param {boolean} hasRsv1 */
  #takeData(opcode, payload, isFinal, isWhole, hasRsv1) {
    const message = {
      opcode: this.#message?.opcode ?? opcode,
      isCompressed: this.#message?.isCompressed ?? (hasRsv1 && this.#inflater !== undefined),
      payload: Buffer.concat([this.#message?.payload ?? Buffer.alloc(0), payload]),
    };
    const isEnd = isFinal && isWhole;
    if (message.isCompressed && !isEnd) {
      if (isWhole) this.#message = message;
      return;
    }
    if (message.isCompressed && !this.#inflate(message)) return this.#close(1007);
    if (message.opcode === Opcode.text && flaw !== 'utf8-unchecked' && (isEnd || flaw !== 'utf8-late')) {
      const isGood = isEnd ? isUtf8(message.payload) : canBecomeUtf8(message.payload);
      if (!isGood) return this.#close(1007);
    }
    if (isWhole) this.#message = isEnd ? undefined : message;
    if (!isEnd) return;
    if (flaw === 'crash-on-binary' && message.opcode === Opcode.binary) process.exit(3);
    if (flaw === 'echo-altered' && message.payload.length > 0)
      message.payload[message.payload.length >> 1] ^= 1;
    this.#echo(flaw === 'echo-as-binary' ? Opcode.binary : message.opcode, message.payload);
    if (flaw === 'echo-twice') this.#echo(message.opcode, message.payload);
  }

  /** @param {{ payload: Buffer }} message */
  #inflate(message) {
    try {
      message.payload = this.#inflater?.decompress(message.payload) ?? message.payload;
      return true;
    } catch {
      // Data that is not DEFLATE; unless flawed, it ends the connection.
      return flaw === 'corrupt-taken';
    }
  }

  /** @param {number} opcode @param {Buffer} payload */
  #echo(opcode, payload) {
    if (flaw === 'keeps-alive') {
      if (this.#hasOpenPing) return this.#close(1011);
      this.#hasOpenPing = true;
      this.#send(Opcode.ping, Buffer.from('alive?'));
    }
    if (this.#inflater === undefined || flaw === 'never-deflates') {
      this.#send(opcode, payload);
      return;
    }
    const bytes = deflated(payload, {
      windowBits: this.#windowBits,
      ...(flaw === 'takeover-kept' && this.#lastSent.length > 0 ? { dictionary: this.#lastSent } : {}),
    });
    this.#lastSent = payload;
    const body = flaw === 'deflate-cut' ? bytes.subarray(0, -1) : bytes;
    const frames = fragments(opcode === Opcode.text ? 'text' : 'binary', body, 100, rsv1);
    if (flaw === 'rsv-on-continuation') for (const frame of frames) frame.rsv = rsv1;
    this.#socket.write(encodeFrames(frames, !this.#isServer));
  }

  /** @param {number} opcode @param {Buffer} payload */
  #takeControl(opcode, payload) {
    if (opcode === Opcode.ping && flaw === 'rsv-on-pong')
      this.#socket.write(encodeFrames([{ opcode: Opcode.pong, payload, rsv: rsv1 }], !this.#isServer));
    else if (opcode === Opcode.pong && payload.toString() === 'alive?') this.#hasOpenPing = false;
    else if (opcode === Opcode.ping)
      this.#send(Opcode.pong, flaw === 'pong-empty' ? Buffer.alloc(0) : payload);
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

/** Answers the first offer that may be accepted. @param {readonly Parameters[]} offers */
function answerOf([offer]) {
  const bits = offer.get('server_max_window_bits');
  return [
    'permessage-deflate',
    ...(offer.has('server_no_context_takeover') ? ['server_no_context_takeover'] : []),
    ...(bits === undefined ? [] : [`server_max_window_bits=${bits}`]),
  ].join('; ');
}

/** @param {string} response */
function flawedResponse(response) {
  if (flaw === 'answer-incomplete') return response.replace('; server_no_context_takeover', '');
  if (flaw === 'answer-too-large') return response.replace(/window_bits=\d+/, 'window_bits=15');
  if (flaw === 'answer-unasked')
    return response.replace(/(permessage-deflate.*)/, '$1; client_max_window_bits=12');
  if (flaw === 'offer-unchecked' && !response.includes('permessage-deflate'))
    return response.replace(/\r\n$/, 'Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n');
  return response;
}

/** @param {net.Socket} socket @param {Compression} compression */
async function accept(socket, compression) {
  const request = await readRequest(socket, openDeadlineMs);
  const offers = compression === false ? [] : acceptableOffers(request.extensions ?? 'nothing');
  const opened = answerRequest(
    { ...request, ...(offers.length > 0 ? {} : { extensions: undefined }) },
    { answer: answerOf, outcome: offers.length > 0 ? 'agreed' : 'declined' },
  );
  socket.write(flawedResponse(opened.response ?? ''));
  new TinyEcho(opened, true).start();
}

/** @param {Compression} compression @returns {Promise<string>} the address to connect to */
export async function serveEcho(compression) {
  const server = net.createServer(
    { allowHalfOpen: true, noDelay: true },
    (socket) => void accept(socket, compression),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `ws://127.0.0.1:${address.port}/`;
}

/** Takes any answer for agreement. @param {string} url */
async function dialUnchecked(url) {
  const { hostname, port, pathname, host } = new URL(url);
  const socket = net.connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.write(
    `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: ${'A'.repeat(22)}==\r\nSec-WebSocket-Version: 13\r\n` +
      'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n',
  );
  const [answer] = await once(socket, 'data');
  return { socket, head: answer.subarray(answer.indexOf('\r\n\r\n') + 4) };
}

/** @param {string} url @param {Compression} compression */
export async function dialEcho(url, compression) {
  const offers =
    flaw === 'offer-wrong'
      ? 'permessage-deflate; server_max_window_bits'
      : 'permessage-deflate; client_max_window_bits';
  const opened =
    flaw === 'answer-unchecked'
      ? await dialUnchecked(url)
      : await openAsClient(url, openDeadlineMs, compression === false ? {} : { offers, outcome: 'agreed' });
  if (opened !== undefined) new TinyEcho(opened, false).start();
}
