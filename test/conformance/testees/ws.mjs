// The npm package ws at its defaults, as echoes: a second opinion on the runner, and a look at where the two differ.

import { once } from 'node:events';
import { WebSocket, WebSocketServer } from 'ws';

/** @typedef {import('../opening.mjs').Compression} Compression */

/** @param {WebSocket} socket */
function echo(socket) {
  // The runner sees a failure on the wire; ws reports it here as well, and an unheard 'error' would end the process.
  socket.on('error', () => undefined);
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
}

/** For ws a restriction that is absent and one that is false are not the same. @param {Compression} compression */
function perMessageDeflateOf(compression) {
  if (typeof compression === 'boolean') return compression;
  const { thresholdBytes, serverNoContextTakeover, clientNoContextTakeover, ...windows } = compression;
  return {
    ...windows,
    ...(thresholdBytes === undefined ? {} : { threshold: thresholdBytes }),
    ...(serverNoContextTakeover === true ? { serverNoContextTakeover } : {}),
    ...(clientNoContextTakeover === true ? { clientNoContextTakeover } : {}),
  };
}

/** @param {Compression} compression @returns {Promise<string>} the address to connect to */
export async function serveEcho(compression) {
  const perMessageDeflate = perMessageDeflateOf(compression);
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate });
  server.on('connection', echo);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('ws listens on no port');
  return `ws://127.0.0.1:${address.port}/`;
}

/** @param {string} url @param {Compression} compression */
export async function dialEcho(url, compression) {
  const socket = new WebSocket(url, { perMessageDeflate: perMessageDeflateOf(compression) });
  echo(socket);
  await once(socket, 'open');
}
