// engine.io: straight over WebSocket, and from polling up to it, with and without compression.
import assert from 'node:assert/strict';
import { Server } from 'engine.io';
import { Socket } from 'engine.io-client';
import { done, next, requireDropIn, startHttp, WebSocket } from './stage.mjs';

requireDropIn('engine.io', 'engine.io-client');
for (const perMessageDeflate of [false, { threshold: 0 }]) {
  const { server: http, port } = await startHttp();
  const server = new Server({ perMessageDeflate });
  assert(server.ws instanceof WebSocket.Server);
  server.attach(http);
  server.on('connection', (socket) => {
    assert.equal(socket.remoteAddress, '127.0.0.1');
    socket.on('message', (data) => socket.send(data));
  });
  for (const transports of [['websocket'], ['polling', 'websocket']]) {
    const client = new Socket(`ws://127.0.0.1:${port}`, { transports });
    await next(client, 'open');
    if (transports.length > 1) await next(client, 'upgrade');
    assert.equal(client.transport.name, 'websocket');
    assert.equal(client.transport.ws.constructor, WebSocket);
    const received = [];
    client.on('message', (data) => received.push(data));
    client.send('text');
    client.send(Buffer.from('bytes'));
    client.send('last');
    while (received.length < 3) await next(client, 'message');
    assert.deepEqual(received.map(String), ['text', 'bytes', 'last']);
    assert(Buffer.isBuffer(received[1]));
    const closed = next(client, 'close');
    client.close();
    await closed;
  }
  server.close();
  http.close();
}
done();
