// The floor under everything: a node:net server that sends every byte back and knows nothing of frames. For a fan-out,
// where the publisher's frames are not what the subscribers get, it knows as little of them as the generator's need.
import { createServer } from 'node:net';
import { acceptUnread } from './net-handshake.mjs';
import { announce, workload } from './side-channel.mjs';

const isEcho = workload.kind === 'echo';
const server = createServer({ noDelay: true }, (socket) => {
  // The generator cuts its connections when it ends.
  socket.on('error', () => {});
  if (isEcho) socket.on('data', (chunk) => socket.write(chunk));
  else acceptUnread(socket);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('expected a TCP address');
  const speaks = isEcho ? 'bytes' : 'websocket';
  announce({ name: 'node:net', version: process.version, port: address.port, speaks });
});
