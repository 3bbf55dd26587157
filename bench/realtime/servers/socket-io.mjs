// Socket.IO with its defaults (ws, with bufferutil as its documentation recommends), and without the request of each connection, as its
// page about memory recommends.
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { announce, packageVersion } from '../../servers/side-channel.mjs';

const require = createRequire(import.meta.url);
if (require('bufferutil') === require('bufferutil/fallback')) {
  throw new Error('ws would run without the native bufferutil');
}
const listener = createServer();
const io = new Server(listener, { transports: ['websocket'] });
io.engine.on('connection', (connection) => {
  connection.request = null;
});
io.on('connection', (socket) => {
  void socket.join('chat:42');
  socket.on('message', (data) => {
    io.to('chat:42').emit('message', data);
  });
  socket.on('echo', (data, reply) => reply(data));
});
listener.listen(0, '127.0.0.1', () => {
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('expected a TCP address');
  announce({
    name: 'Socket.IO',
    version: packageVersion('socket.io'),
    note: `ws ${packageVersion('ws')}, bufferutil ${packageVersion('bufferutil')}`,
    port: address.port,
  });
});
