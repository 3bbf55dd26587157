// The peer that every ratio refers to: ws as its README writes an echo server and a broadcast, without deflate unless
// the workload asks for it; with bufferutil, or for comparison as an installation without it.
// Text stays a Buffer on its way through, which is the cheapest way that ws offers.
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createRequire } from 'node:module';
import { WebSocket, WebSocketServer } from 'ws';
import { announce, packageVersion, tls, workload } from './side-channel.mjs';

const bufferutil = process.env.WS_NO_BUFFER_UTIL ? undefined : packageVersion('bufferutil');
// ws falls back to JavaScript in silence; a ratio against that would flatter us.
const isNative =
  createRequire(import.meta.url)('bufferutil') !== createRequire(import.meta.url)('bufferutil/fallback');
if (bufferutil && !isNative) throw new Error('ws would run without the native bufferutil');

// All but level and threshold are the values of the example in its README, unless the workload says otherwise.
const { level, ...deflate } = workload.deflate ?? {};
const perMessageDeflate = workload.deflate && {
  threshold: 0,
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: 10,
  concurrencyLimit: 10,
  zlibDeflateOptions: { chunkSize: 1024, memLevel: 7, level },
  zlibInflateOptions: { chunkSize: 10 * 1024 },
  ...deflate,
};
const listener = tls ? createSecureServer(tls) : createServer();
const server = new WebSocketServer({ server: listener, perMessageDeflate: perMessageDeflate ?? false });
server.on('connection', (socket, request) => {
  // The generator cuts its connections when it ends.
  socket.on('error', () => {});
  if (request.url === '/publish') socket.on('message', broadcast);
  else socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});

/**
 * The publisher sends nothing to itself, and is the only one that publishes.
 * @this {WebSocket}
 * @param {import('ws').RawData} data
 * @param {boolean} isBinary
 */
function broadcast(data, isBinary) {
  for (const client of server.clients) {
    if (client !== this && client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
  }
}

listener.listen(0, '127.0.0.1', () => {
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('expected a TCP address');
  announce({
    name: 'ws',
    version: packageVersion('ws'),
    note: bufferutil ? `bufferutil ${bufferutil}` : 'without bufferutil',
    port: address.port,
  });
});
