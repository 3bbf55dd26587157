// Socket.IO, server and client: acknowledgements, binary data, rooms (whose packets are encoded once and written as ready frames),
// namespaces, and the drop-in given as wsEngine.
import assert from 'node:assert/strict';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';
import { done, next, requireDropIn, startHttp, WebSocket } from './stage.mjs';

requireDropIn('socket.io', 'engine.io', 'engine.io-client', 'socket.io-adapter');
for (const options of [{}, { wsEngine: WebSocket.Server }, { perMessageDeflate: true }]) {
  const { server: http, port } = await startHttp();
  const server = new Server(http, options);
  assert(server.engine.ws instanceof WebSocket.Server);
  server.on('connection', (socket) => {
    void socket.join('room');
    socket.on('add', (left, right, reply) => reply(left + right));
    socket.on('binary', (bytes, reply) => reply(Buffer.concat([bytes, Buffer.from('!')])));
  });
  server.of('/admin').on('connection', (socket) => socket.emit('hello', socket.nsp.name));
  const clients = [1, 2, 3].map(() => io(`http://127.0.0.1:${port}`, { transports: ['websocket'] }));
  await Promise.all(clients.map((client) => next(client, 'connect')));
  const [first] = clients;
  assert.equal(await first.emitWithAck('add', 1, 2), 3);
  assert.equal(String(await first.emitWithAck('binary', Buffer.from('bytes'))), 'bytes!');
  const heard = clients.map((client) => next(client, 'news'));
  server.to('room').emit('news', 'for all', { nested: ['ünïcode'] });
  assert.deepEqual(await Promise.all(heard), Array(3).fill(['for all', { nested: ['ünïcode'] }]));
  const admin = io(`http://127.0.0.1:${port}/admin`, { transports: ['websocket'], forceNew: true });
  assert.deepEqual(await next(admin, 'hello'), ['/admin']);
  const gone = next([...server.sockets.sockets.values()][0], 'disconnect');
  first.disconnect();
  assert.equal((await gone)[0], 'client namespace disconnect');
  await server.close();
}
done();
