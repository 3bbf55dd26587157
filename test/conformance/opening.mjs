// The runner's own opening handshakes (RFC 6455 4.1 and 4.2), just enough to reach the frames: as a client against the
// server under test, as a server for the client under test. No subprotocol and no extension is ever agreed on.

import { createHash, randomBytes } from 'node:crypto';
import net from 'node:net';

const acceptGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const maxHeadBytes = 16 * 1024;

/**
 * @typedef {object} Opened A socket behind its handshake.
 * @property {net.Socket} socket
 * @property {Buffer} head the bytes that came with the peer's handshake
 * @property {string} [response] a server's response that is still to be written, together with its first frames
 */

/** @param {string} key */
function acceptFor(key) {
  return createHash('sha1')
    .update(key + acceptGuid)
    .digest('base64');
}

/**
 * Reads up to the empty line of an HTTP head.
 * @param {net.Socket} socket @param {number} deadlineMs @returns {Promise<{ lines: string[], head: Buffer }>}
 */
function readHead(socket, deadlineMs) {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const settle = (/** @type {() => void} */ outcome) => {
      clearTimeout(timer);
      socket.off('data', onData).off('end', onEnd).off('error', onError).pause();
      outcome();
    };
    const fail = (/** @type {string} */ message) => settle(() => reject(new Error(message)));
    const onEnd = () => fail('TCP ended inside the opening handshake');
    const onError = (/** @type {Error} */ error) => fail(`opening handshake: ${error.message}`);
    const onData = (/** @type {Buffer} */ chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf('\r\n\r\n');
      if (end >= 0)
        settle(() =>
          resolve({ lines: bytes.toString('latin1', 0, end).split('\r\n'), head: bytes.subarray(end + 4) }),
        );
      else if (bytes.length > maxHeadBytes) fail('endless head in the opening handshake');
    };
    const timer = setTimeout(() => fail(`no opening handshake within ${deadlineMs} ms`), deadlineMs);
    socket.on('data', onData).on('end', onEnd).on('error', onError);
  });
}

/** @param {readonly string[]} lines @param {string} name */
function headerOf(lines, name) {
  const line = lines.find((each) => each.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  return line?.slice(name.length + 1).trim();
}

/**
 * Connects to the server under test. The socket stays half-open on purpose: who ends TCP is part of the judgement.
 * @param {string} url @param {number} deadlineMs @returns {Promise<Opened>}
 */
export async function openAsClient(url, deadlineMs) {
  const { hostname, port, pathname, host } = new URL(url);
  const socket = net.connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true });
  const key = randomBytes(16).toString('base64');
  socket.write(
    `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  try {
    const { lines, head } = await readHead(socket, deadlineMs);
    if (!lines[0].startsWith('HTTP/1.1 101 ')) throw new Error(`expected status 101, got "${lines[0]}"`);
    if (headerOf(lines, 'Sec-WebSocket-Accept') !== acceptFor(key))
      throw new Error('wrong Sec-WebSocket-Accept');
    if (headerOf(lines, 'Sec-WebSocket-Extensions') !== undefined)
      throw new Error('an extension that was not offered');
    return { socket, head };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/**
 * Reads the request of the client under test. The response is left to be written with the first frames in one go, which is
 * allowed and happens on real networks, so that the client must deal with frames behind the 101 in every case alike.
 * @param {net.Socket} socket @param {number} deadlineMs @returns {Promise<Opened & { path: string, response: string }>}
 */
export async function openAsServer(socket, deadlineMs) {
  try {
    const { lines, head } = await readHead(socket, deadlineMs);
    const key = headerOf(lines, 'Sec-WebSocket-Key');
    if (key === undefined) throw new Error('no Sec-WebSocket-Key in the request');
    if (head.length > 0) throw new Error('the client sent frames before the handshake was answered (4.1)');
    const response =
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${acceptFor(key)}\r\n\r\n`;
    return { socket, head, response, path: lines[0].split(' ')[1] ?? '' };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
