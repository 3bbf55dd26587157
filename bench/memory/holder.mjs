// The other end of the memory bench: opens many connections, has each send one message when told to, answers pings
// and otherwise keeps still. It is not what is measured, so Node will do. Closing is a reset: 10,000 ports in TIME_WAIT
// would be in the way of whatever this machine measures next.
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { deflateRawSync } from 'node:zlib';

const OPENING_AT_ONCE = 64;
const GIVE_UP_AFTER_MS = 60_000;
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const MASK = Buffer.from([0x5a, 0x17, 0xc3, 0x88]);
const OPCODE_CLOSE = 0x8;
const OPCODE_PING = 0x9;
const RSV1 = 0x40;

const options = Object.fromEntries(process.argv.slice(2).map((argument) => argument.split(/=(.*)/s, 2)));
const isWebSocket = options.speaks !== 'bytes';
const offer = options.extensions ?? '';
const isCompressed = offer !== '';
const payload = Buffer.from('0123456789abcdef'.repeat(512).slice(0, Number(options.messageBytes)));

/** @param {object} answer */
const write = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  process.stdout.write(`${JSON.stringify({ error: message })}\n`, () => process.exit(1));
  throw new Error(message);
}
process.on('uncaughtException', (error) => {
  // fail() has said it, while its line is being written; anything else nobody has.
  write({ error: String(error) });
});

/**
 * @param {number} firstByte
 * @param {Buffer} content
 */
function clientFrame(firstByte, content) {
  const isShort = content.length < 126;
  const length = isShort ? [0x80 | content.length] : [0x80 | 126, content.length >> 8, content.length & 0xff];
  const masked = content.map((byte, index) => byte ^ MASK[index & 3]);
  return Buffer.concat([Buffer.from([firstByte, ...length]), MASK, masked]);
}

function messageFrame() {
  if (!isWebSocket) return payload;
  if (!isCompressed) return clientFrame(0x82, payload);
  // RFC 7692 7.2.1: a sync flush, of which the last four bytes are left out.
  const flushed = deflateRawSync(payload, { finishFlush: 2 }).subarray(0, -4);
  return clientFrame(0x80 | RSV1 | 0x1, flushed);
}

const frame = messageFrame();
let awaited = 0;
/** @type {() => void} */
let allArrived = () => {};

class HeldConnection {
  #socket;
  #number;
  #input = Buffer.alloc(0);
  #replyBytes = 0;

  /**
   * @param {number} number
   * @param {import('node:net').Socket} socket
   */
  constructor(number, socket) {
    this.#number = number;
    this.#socket = socket;
  }

  send() {
    this.#socket.write(frame);
  }

  close() {
    this.#socket.resetAndDestroy();
  }

  /** @param {Buffer} chunk */
  receive(chunk) {
    if (!isWebSocket) {
      this.#replyBytes += chunk.length;
      if (this.#replyBytes === frame.length) this.#replied();
      return;
    }
    this.#input = Buffer.concat([this.#input, chunk]);
    let length = this.#frameBytes();
    while (length > 0) {
      this.#take(this.#input.subarray(0, length));
      this.#input = this.#input.subarray(length);
      length = this.#frameBytes();
    }
    // A view would keep the whole read alive, for each of 10,000 connections.
    if (this.#input.length === 0) this.#input = Buffer.alloc(0);
  }

  /** The bytes of the first frame when all of it is there, otherwise 0. */
  #frameBytes() {
    const input = this.#input;
    if (input.length < 2) return 0;
    const header = input[1] < 126 ? 2 : 4;
    if (input[1] > 126) fail(`connection ${this.#number}: a frame of more than 64 KiB or a masked one`);
    if (input.length < header) return 0;
    const length = header + (header === 2 ? input[1] : input.readUInt16BE(2));
    return input.length >= length ? length : 0;
  }

  /** @param {Buffer} received one whole frame */
  #take(received) {
    const opcode = received[0] & 0x0f;
    const content = received.subarray(received[1] < 126 ? 2 : 4);
    if (opcode === OPCODE_PING) this.#socket.write(clientFrame(0x8a, content));
    else if (opcode === OPCODE_CLOSE) {
      fail(`connection ${this.#number}: closed with ${content.length < 2 ? 1005 : content.readUInt16BE(0)}`);
    } else if (opcode < OPCODE_CLOSE && payload.length > 0) {
      // Who sends nothing takes whatever comes.
      const wasCompressed = (received[0] & RSV1) !== 0;
      if (wasCompressed !== isCompressed)
        fail(`connection ${this.#number}: the reply is ${isCompressed ? 'not ' : ''}compressed`);
      if (!isCompressed && !content.equals(payload)) fail(`connection ${this.#number}: the reply differs`);
      this.#replied();
    }
  }

  #replied() {
    if (--awaited === 0) allArrived();
  }
}

/**
 * @param {number} number
 * @returns {Promise<HeldConnection>}
 */
function open(number) {
  return new Promise((resolve) => {
    const socket = connect({ host: options.host, port: Number(options.port), noDelay: true });
    const connection = new HeldConnection(number, socket);
    let head = '';
    /** @param {Buffer} chunk */
    const receiveHead = (chunk) => {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n') + 4;
      if (end < 4) return;
      if (!head.startsWith('HTTP/1.1 101')) fail(`handshake refused: ${head.slice(0, 40)}`);
      if (!head.includes(ACCEPT)) fail('handshake: wrong Sec-WebSocket-Accept');
      if (isCompressed && !/^sec-websocket-extensions: *permessage-deflate/im.test(head))
        fail('handshake: permessage-deflate was not agreed');
      socket.off('data', receiveHead);
      socket.on('data', (bytes) => connection.receive(bytes));
      if (end < head.length) connection.receive(Buffer.from(head.slice(end), 'latin1'));
      resolve(connection);
    };
    if (isWebSocket) socket.on('data', receiveHead);
    else socket.on('data', (bytes) => connection.receive(bytes));
    socket.on('error', (error) => fail(`connection ${number}: ${error.message}`));
    socket.on('end', () => fail(`connection ${number}: the server ended the connection`));
    socket.on('connect', () => {
      if (!isWebSocket) return resolve(connection);
      socket.write(
        `GET / HTTP/1.1\r\nHost: ${options.host}:${options.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n${offer && `Sec-WebSocket-Extensions: ${offer}\r\n`}\r\n`,
      );
    });
  });
}

/** @type {HeldConnection[]} */
const connections = [];

/** @param {number} wanted */
async function openUpTo(wanted) {
  while (connections.length < wanted) {
    const first = connections.length;
    const count = Math.min(OPENING_AT_ONCE, wanted - first);
    connections.push(
      ...(await Promise.all(Array.from({ length: count }, (_, index) => open(first + index)))),
    );
  }
}

/** @param {readonly HeldConnection[]} senders */
async function sendEach(senders) {
  const timer = setTimeout(() => fail(`${awaited} replies are missing`), GIVE_UP_AFTER_MS);
  // In batches: a burst over all connections at once would make buffers grow that idle connections do not have.
  for (let first = 0; first < senders.length; first += OPENING_AT_ONCE) {
    const batch = senders.slice(first, first + OPENING_AT_ONCE);
    awaited = batch.length;
    await new Promise((resolve) => {
      allArrived = () => resolve(undefined);
      for (const sender of batch) sender.send();
    });
  }
  clearTimeout(timer);
}

let told = 0;
write({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument] = line.split(' ');
  if (command === 'open') await openUpTo(Number(argument));
  else if (command === 'message') {
    await sendEach(connections.slice(told));
    told = connections.length;
  } else if (command === 'close') {
    for (const connection of connections.splice(0)) connection.close();
    told = 0;
  } else fail(`unknown command ${line}`);
  write({ connections: connections.length });
}
process.exit(0);
