// The server program for ws and for what stands in its place: an echo server and a broadcast as its README writes them, without
// deflate unless the workload asks for it. Text stays a Buffer on its way through, which is the cheapest way that ws offers.
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { announce, tls, workload } from './side-channel.mjs';

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

/**
 * @param {typeof import('ws').WebSocketServer} WebSocketServer
 * @param {{ name: string, version: string | undefined, note?: string }} identity
 */
export function runServer(WebSocketServer, identity) {
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
   * @this {import('ws').WebSocket}
   * @param {import('ws').RawData} data
   * @param {boolean} isBinary
   */
  function broadcast(data, isBinary) {
    for (const client of server.clients) {
      if (client !== this && client.readyState === client.OPEN) client.send(data, { binary: isBinary });
    }
  }

  listener.listen(0, '127.0.0.1', () => {
    const address = listener.address();
    if (address === null || typeof address === 'string') throw new Error('expected a TCP address');
    announce({ ...identity, port: address.port });
  });
}
