// The floor under everything: a node:net server that sends every byte back and knows nothing of frames.
import { createServer } from 'node:net';
import { announce } from './side-channel.mjs';

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('data', (chunk) => socket.write(chunk));
  // The generator cuts its connections when it ends.
  socket.on('error', () => {});
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('expected a TCP address');
  announce({ name: 'node:net', version: process.version, port: address.port, speaks: 'bytes' });
});
