// The floor under everything: a node:net server that sends every byte back and knows nothing of frames. For a fan-out,
// where the publisher's frames are not what the subscribers get, it knows as little of them as the generator's need.
import { createServer } from 'node:net';
import { acceptUnread } from './net-handshake.mjs';
import { createServer as createSecureServer } from 'node:tls';
import { announce, tls, workload } from './side-channel.mjs';

const isEcho = workload.kind === 'echo' || workload.kind === 'latency';

/** @param {import('node:net').Socket} socket */
function serve(socket) {
  // The generator cuts its connections when it ends.
  socket.on('error', () => {});
  if (isEcho) socket.on('data', (chunk) => socket.write(chunk));
  else acceptUnread(socket);
}

const server = tls
  ? createSecureServer({ ...tls, noDelay: true }, serve)
  : createServer({ noDelay: true }, serve);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('expected a TCP address');
  const speaks = isEcho ? 'bytes' : 'websocket';
  announce({ name: tls ? 'node:tls' : 'node:net', version: process.version, port: address.port, speaks });
});
