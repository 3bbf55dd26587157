// A correct echo server that spends a quarter of a millisecond on every message.
import { WebSocketServer } from 'ws';
import { announce } from '../../../bench/servers/side-channel.mjs';

const WASTED_MS = 0.25;

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => {
    const end = performance.now() + WASTED_MS;
    while (performance.now() < end);
    socket.send(data, { binary: isBinary });
  });
  socket.on('error', () => {});
});
server.on('listening', () => announce({ name: 'slow', version: '1', port: server.address().port }));
