// An echo server that stands still for 100 ms out of every 200.
import { WebSocketServer } from 'ws';
import { announce } from '../../../bench/servers/side-channel.mjs';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('error', () => {});
});
setInterval(() => {
  const end = performance.now() + 100;
  while (performance.now() < end) continue;
}, 200);
server.on('listening', () => announce({ name: 'pausing', version: '1', port: server.address().port }));
