// A server that keeps 25 KiB on the heap and 50 KiB outside it for every connection, and lets go of them at its end.
import { WebSocketServer } from 'ws';
import { announce } from '../../../bench/servers/side-channel.mjs';

class Hoard {
  // Holes would take no memory.
  onHeap = Array.from({ length: 3200 }, () => this);
  outside = new Uint8Array(50 * 1024).fill(1);
}

const hoards = new Map();
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('connection', (socket) => {
  hoards.set(socket, new Hoard());
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('error', () => {});
  socket.on('close', () => hoards.delete(socket));
});
server.on('listening', () => announce({ name: 'hoarding', version: '1', port: server.address().port }));
