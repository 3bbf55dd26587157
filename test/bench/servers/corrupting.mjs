// A server that lies: on its 41st connection the last byte of every echo is another one.
import { WebSocketServer } from 'ws';
import { announce, workload } from '../../../bench/servers/side-channel.mjs';

const perMessageDeflate = workload.deflate ? { threshold: 0 } : false;
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate });
let opened = 0;
server.on('connection', (socket) => {
  const isCorrupting = ++opened === 41;
  socket.on('message', (data, isBinary) => {
    if (isCorrupting) data[data.length - 1] ^= 1;
    socket.send(data, { binary: isBinary });
  });
  socket.on('error', () => {});
});
server.on('listening', () => announce({ name: 'corrupting', version: '1', port: server.address().port }));
