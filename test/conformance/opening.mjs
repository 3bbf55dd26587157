// The runner's own opening handshakes (RFC 6455 4.1 and 4.2), just enough to reach the frames: as a client against the
// server under test, as a server for the client under test. No subprotocol is ever agreed on, and no extension unless
// the case is about permessage-deflate.

import { createHash, randomBytes } from 'node:crypto';
import net from 'node:net';
import { acceptableOffers, agreementOf, readOffers } from './deflate-header.mjs';

const acceptGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const maxHeadBytes = 16 * 1024;
const extensionsHeader = 'Sec-WebSocket-Extensions';

/** @typedef {import('./deflate-header.mjs').Parameters} Parameters */
/** @typedef {import('./deflate-peer.mjs').Agreement} Agreement */
/**
 * @typedef {boolean | { serverNoContextTakeover?: boolean, clientNoContextTakeover?: boolean, serverMaxWindowBits?: number,
 *   clientMaxWindowBits?: number, thresholdBytes?: number }} Compression How the testee is set up, in its role.
 */
/**
 * @typedef {object} Opening
 * @property {Compression} [testee] false without
 * @property {string} [offers] what the runner offers as a client
 * @property {(offers: readonly Parameters[]) => string} [answer] what the runner answers to offers as a server
 * @property {'agreed' | 'declined' | 'refused'} [outcome] compression, none, or no WebSocket at all; without it 'declined'
 * @property {boolean} [keepsContext] whether the runner must be allowed, or forbidden, to refer to earlier messages; without it
 *   both will do
 */
/**
 * @typedef {object} Opened A socket behind its handshake.
 * @property {net.Socket} socket
 * @property {Buffer} head the bytes that came with the peer's handshake
 * @property {string} [response] a server's response that is still to be written, together with its first frames
 * @property {Agreement} [agreed] on compression
 */
/** @typedef {{ socket: net.Socket, head: Buffer, path: string, key: string, extensions: string | undefined }} Request */

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

/** The values of a header, joined as RFC 9110 5.3 allows. @param {readonly string[]} lines @param {string} name */
function headerOf(lines, name) {
  const prefix = `${name.toLowerCase()}:`;
  const values = lines.filter((each) => each.toLowerCase().startsWith(prefix));
  return values.length === 0 ? undefined : values.map((each) => each.slice(prefix.length).trim()).join(', ');
}

/**
 * Connects to the server under test. The socket stays half-open on purpose: who ends TCP is part of the judgement.
 * @param {string} url @param {number} deadlineMs @param {Opening} [opening]
 * @returns {Promise<Opened | undefined>} undefined when the server has refused as it had to
 */
export async function openAsClient(url, deadlineMs, { offers, outcome = 'declined' } = {}) {
  const { hostname, port, pathname, host } = new URL(url);
  const socket = net.connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true });
  const key = randomBytes(16).toString('base64');
  socket.write(
    `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n` +
      `${offers === undefined ? '' : `${extensionsHeader}: ${offers}\r\n`}\r\n`,
  );
  try {
    const { lines, head } = await readHead(socket, deadlineMs);
    const status = outcome === 'refused' ? '400' : '101';
    if (!lines[0].startsWith(`HTTP/1.1 ${status} `))
      throw new Error(`expected status ${status}, got "${lines[0]}"`);
    if (outcome === 'refused') {
      socket.destroy();
      return undefined;
    }
    if (headerOf(lines, 'Sec-WebSocket-Accept') !== acceptFor(key))
      throw new Error('wrong Sec-WebSocket-Accept');
    const answer = headerOf(lines, extensionsHeader);
    if (outcome === 'agreed') {
      if (answer === undefined) throw new Error(`the offer "${offers}" was declined`);
      return { socket, head, agreed: agreementOf(acceptableOffers(offers ?? ''), answer) };
    }
    if (answer !== undefined) throw new Error(`the extension "${answer}", which must not be agreed on`);
    return { socket, head };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/**
 * Reads the request of the client under test.
 * @param {net.Socket} socket @param {number} deadlineMs @returns {Promise<Request>}
 */
export async function readRequest(socket, deadlineMs) {
  try {
    const { lines, head } = await readHead(socket, deadlineMs);
    const key = headerOf(lines, 'Sec-WebSocket-Key');
    if (key === undefined) throw new Error('no Sec-WebSocket-Key in the request');
    if (head.length > 0) throw new Error('the client sent frames before the handshake was answered (4.1)');
    return {
      socket,
      head,
      path: lines[0].split(' ')[1] ?? '',
      key,
      extensions: headerOf(lines, extensionsHeader),
    };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/**
 * Makes the response. It is left to be written with the first frames in one go, which is allowed and happens on real
 * networks, so that the client must deal with frames behind the 101 in every case alike.
 * @param {Request} request @param {Opening} [opening] @returns {Opened}
 */
export function answerRequest({ socket, head, key, extensions }, { answer, outcome = 'declined' } = {}) {
  const offers = outcome === 'declined' || extensions === undefined ? [] : readOffers(extensions);
  const answered = outcome === 'declined' || answer === undefined ? undefined : answer(offers);
  const response =
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${acceptFor(key)}\r\n` +
    `${answered === undefined ? '' : `${extensionsHeader}: ${answered}\r\n`}\r\n`;
  const opened = { socket, head, response };
  return outcome === 'agreed' && answered !== undefined
    ? { ...opened, agreed: agreementOf(offers, answered) }
    : opened;
}
