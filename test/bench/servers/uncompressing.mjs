// A server that agrees on permessage-deflate and then spares itself the work.
import { WebSocketServer } from 'ws';
import { announce } from '../../../bench/servers/side-channel.mjs';

const perMessageDeflate = { threshold: 0 };
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate });
server.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary, compress: false }));
  socket.on('error', () => {});
});
server.on('listening', () => announce({ name: 'uncompressing', version: '1', port: server.address().port }));
