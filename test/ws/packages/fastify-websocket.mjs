// @fastify/websocket: a route with hooks, its stream of a socket, its client for tests, and its end.
import assert from 'node:assert/strict';
import websocket from '@fastify/websocket';
import fastify from 'fastify';
import { done, next, requireDropIn, WebSocket } from './stage.mjs';

requireDropIn('@fastify/websocket');
const app = fastify();
await app.register(websocket, { options: { maxPayload: 1000 } });
app.addHook('preValidation', async (request, reply) => {
  if (request.query.token === 'wrong') await reply.code(401).send('no');
});
app.get('/echo', { websocket: true }, (socket, request) => {
  assert(socket instanceof WebSocket);
  socket.on('message', (data) => socket.send(`${request.query.token}: ${data}`));
});
app.get('/plain', () => 'plain');
await app.listen({ port: 0, host: '127.0.0.1' });
const { port } = app.server.address();
assert.equal(await (await fetch(`http://127.0.0.1:${port}/plain`)).text(), 'plain');

const client = new WebSocket(`ws://127.0.0.1:${port}/echo?token=right`);
await next(client, 'open');
client.send('hello');
assert.equal(String((await next(client, 'message'))[0]), 'right: hello');
const refused = new WebSocket(`ws://127.0.0.1:${port}/echo?token=wrong`);
const [error] = await new Promise((resolve) => refused.once('error', (...values) => resolve(values)));
assert.equal(error.message, 'Unexpected server response: 401');

const injected = await app.injectWS('/echo?token=injected');
injected.send('hello');
assert.equal(String((await next(injected, 'message'))[0]), 'injected: hello');
injected.terminate();

const closed = next(client, 'close');
await app.close();
assert.equal((await closed)[0], 1005);
done();
