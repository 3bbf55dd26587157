// The load generator for machines without a C compiler: an echo by the arguments, lines and checks of the C program,
// in Node. It expects each reply as one frame, since it compares and counts bytes instead of parsing; it answers no pings.
import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const CYCLE_TARGET_BYTES = 64 * 1024;
const STALLED_AFTER_MS = 15_000;

const options = Object.fromEntries(process.argv.slice(2).map((argument) => argument.split('=')));
const isWebSocket = options.speaks !== 'bytes';
const messageBytes = Number(options.messageBytes);
const depth = Number(options.depth);
const opcode = options.messageType === 'binary' ? 0x2 : 0x1;

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
process.on('uncaughtException', () => {}); // what fail() threw, while its line is being written

function payload() {
  const bytes = randomBytes(messageBytes);
  if (options.messageType === 'binary') return bytes;
  const isUnicode = options.messageType === 'unicode';
  const text = Array.from(bytes, (byte) =>
    isUnicode && byte & 1 ? String.fromCharCode(0x400 + byte) : String.fromCharCode(0x20 + (byte % 0x5f)),
  ).join('');
  const encoded = Buffer.from(text).subarray(0, messageBytes);
  // A character cut in half by the length gives way to a space.
  if (isUnicode && encoded.toString().endsWith('\ufffd')) encoded[messageBytes - 1] = 0x20;
  return encoded;
}

/** @param {number} firstLengthByte 0x80 when a mask follows */
function header(firstLengthByte) {
  const lengthBytes = messageBytes < 126 ? 0 : messageBytes < 65_536 ? 2 : 8;
  const bytes = Buffer.alloc(2 + lengthBytes);
  bytes[0] = 0x80 | opcode;
  bytes[1] = firstLengthByte | (lengthBytes === 0 ? messageBytes : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) bytes.writeUInt16BE(messageBytes, 2);
  if (lengthBytes === 8) bytes.writeBigUInt64BE(BigInt(messageBytes), 2);
  return bytes;
}

/** @param {Buffer} content */
function clientFrame(content) {
  const mask = randomBytes(4);
  return Buffer.concat([header(0x80), mask, content.map((byte, index) => byte ^ mask[index & 3])]);
}

/** @param {Buffer} content the bytes that must come back for it */
const replyTo = (content) => Buffer.concat([header(0), content]);

const firstFrame = clientFrame(payload());
const replyBytes = isWebSocket ? header(0).length + messageBytes : firstFrame.length;
const framesPerCycle = Math.max(1, Math.min(64, Math.floor(CYCLE_TARGET_BYTES / firstFrame.length)));
const cycle = Buffer.concat(Array.from({ length: framesPerCycle }, () => clientFrame(payload())));

let replies = 0;
let outstanding = 0;
let receivedBytes = 0;
let deadline = 0;
/** @type {(() => void) | undefined} */
let finished;

class LoadConnection {
  /** @type {Buffer | undefined} */
  expected;
  /** @type {import('node:net').Socket | undefined} */
  #socket;
  #number;
  #next = 0;
  #partial = 0;
  #expectedAt = 0;
  #outstanding = 0;

  /** @param {number} number */
  constructor(number) {
    this.#number = number;
  }

  /** @param {import('node:net').Socket} socket */
  sendOver(socket) {
    this.#socket = socket;
  }

  /** @param {number} count */
  queue(count) {
    this.#outstanding += count;
    outstanding += count;
    for (let left = count; left > 0; ) {
      const frames = Math.min(left, framesPerCycle - this.#next);
      this.#socket?.write(
        cycle.subarray(this.#next * firstFrame.length, (this.#next + frames) * firstFrame.length),
      );
      this.#next = (this.#next + frames) % framesPerCycle;
      left -= frames;
    }
  }

  /** @param {Buffer[]} contents */
  verify(contents) {
    const frames = contents.map(clientFrame);
    this.expected = Buffer.concat(isWebSocket ? contents.map(replyTo) : frames);
    this.#expectedAt = 0;
    this.#outstanding += contents.length;
    outstanding += contents.length;
    this.#socket?.write(Buffer.concat(frames));
  }

  /** @param {Buffer} chunk */
  receive(chunk) {
    receivedBytes += chunk.length;
    if (this.expected) this.#compare(chunk, this.expected);
    const total = this.#partial + chunk.length;
    const count = Math.floor(total / replyBytes);
    this.#partial = total - count * replyBytes;
    if (count === 0) return;
    if (count > this.#outstanding) fail(`connection ${this.#number}: more replies than messages`);
    this.#outstanding -= count;
    outstanding -= count;
    replies += count;
    if (performance.now() < deadline) this.queue(count);
    else if (outstanding === 0) finished?.();
  }

  /**
   * @param {Buffer} chunk
   * @param {Buffer} expected
   */
  #compare(chunk, expected) {
    const wanted = expected.subarray(this.#expectedAt, this.#expectedAt + chunk.length);
    if (!wanted.equals(chunk)) {
      const at = this.#expectedAt + chunk.findIndex((byte, index) => byte !== wanted[index]);
      fail(
        `verification failed on connection ${this.#number}: byte ${at} of what arrived is not what was sent`,
      );
    }
    this.#expectedAt += chunk.length;
  }
}

/**
 * Resolves when every message has its reply.
 * @returns {Promise<void>}
 */
function settled() {
  return new Promise((resolve) => {
    let seen = -1;
    const watch = setInterval(() => {
      if (seen === receivedBytes)
        fail(`no byte for ${STALLED_AFTER_MS} ms while ${outstanding} replies are missing`);
      seen = receivedBytes;
    }, STALLED_AFTER_MS);
    finished = () => (clearInterval(watch), resolve());
  });
}

/**
 * @param {number} number
 * @returns {Promise<LoadConnection>}
 */
function open(number) {
  return new Promise((resolve) => {
    let head = isWebSocket ? '' : undefined;
    const connection = new LoadConnection(number);
    const socket = connect({
      host: options.host,
      port: Number(options.port),
      noDelay: true,
      onread: {
        buffer: Buffer.alloc(64 * 1024),
        callback: (bytes, buffer) => {
          const chunk = Buffer.from(buffer.buffer, buffer.byteOffset, bytes);
          if (head === undefined) return connection.receive(chunk), true;
          head += chunk.toString('latin1');
          if (!head.includes('\r\n\r\n')) return true;
          const accept = createHash('sha1')
            .update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
            .digest('base64');
          if (!head.startsWith('HTTP/1.1 101')) fail(`handshake refused: ${head.slice(0, 40)}`);
          if (!head.includes(accept)) fail('handshake: wrong Sec-WebSocket-Accept');
          head = undefined;
          resolve(connection);
          return true;
        },
      },
    });
    connection.sendOver(socket);
    socket.on('error', (error) => fail(`connection ${number}: ${error.message}`));
    socket.on('end', () => fail(`connection ${number}: the server ended the connection`));
    socket.on('connect', () => {
      if (!isWebSocket) return resolve(connection);
      socket.write(
        `GET / HTTP/1.1\r\nHost: ${options.host}:${options.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      );
    });
  });
}

const KEY = randomBytes(16).toString('base64');
/** @type {LoadConnection[]} */
const connections = [];
for (let number = 0; number < Number(options.connections); number++) connections.push(await open(number));
write({ ready: true, connections: connections.length });

for await (const line of createInterface({ input: process.stdin })) {
  const before = replies;
  if (line === 'verify') {
    const count = firstFrame.length <= CYCLE_TARGET_BYTES ? depth : Math.min(depth, 2);
    for (const connection of connections) {
      connection.verify(Array.from({ length: count }, payload));
      await settled();
      connection.expected = undefined;
    }
    write({ verifiedMessages: replies - before, verifiedBytes: (replies - before) * messageBytes });
  } else {
    const bytesBefore = receivedBytes;
    const cpu = process.cpuUsage();
    const start = performance.now();
    deadline = start + Number(line.split(' ')[1]) * 1000;
    for (const connection of connections) connection.queue(depth);
    await settled();
    const { user, system } = process.cpuUsage(cpu);
    const seconds = (performance.now() - start) / 1000;
    write({
      messages: replies - before,
      seconds,
      cpuMicros: user + system,
      receivedBytes: receivedBytes - bytesBefore,
    });
  }
}
process.exit(0);
