// The npm package ws at its defaults, as echoes: a second opinion on the runner, and a look at where the two differ.

import { once } from 'node:events';
import { WebSocket, WebSocketServer } from 'ws';

/** @param {WebSocket} socket */
function echo(socket) {
  // The runner sees a failure on the wire; ws reports it here as well, and an unheard 'error' would end the process.
  socket.on('error', () => undefined);
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
}

/** @returns {Promise<string>} the address to connect to */
export async function serveEcho() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', echo);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('ws listens on no port');
  return `ws://127.0.0.1:${address.port}/`;
}

/** @param {string} url */
export async function dialEcho(url) {
  const socket = new WebSocket(url);
  echo(socket);
  await once(socket, 'open');
}
