// express-ws: routes with middleware and parameters, and the clients of all of them.
import assert from 'node:assert/strict';
import express from 'express';
import expressWs from 'express-ws';
import { done, next, requireDropIn, WebSocket } from './stage.mjs';

requireDropIn('express-ws');
const { app, getWss } = expressWs(express());
app.use((request, _response, proceed) => {
  request.mark = 'seen';
  proceed();
});
app.ws('/rooms/:name', (socket, request) => {
  socket.on('message', (data) => {
    for (const client of getWss().clients) client.send(`${request.mark} ${request.params.name} ${data}`);
  });
});
app.get('/plain', (_request, response) => response.send('plain'));
const server = app.listen(0, '127.0.0.1');
await next(server, 'listening');
const { port } = server.address();
assert.equal(await (await fetch(`http://127.0.0.1:${port}/plain`)).text(), 'plain');
const clients = ['a', 'b'].map((name) => new WebSocket(`ws://127.0.0.1:${port}/rooms/${name}`));
await Promise.all(clients.map((client) => next(client, 'open')));
assert.equal(getWss().clients.size, 2);
const heard = clients.map((client) => next(client, 'message'));
clients[0].send('hello');
for (const [data] of await Promise.all(heard)) assert.equal(String(data), 'seen a hello');
const unknown = new WebSocket(`ws://127.0.0.1:${port}/nowhere`);
await next(unknown, 'close');
done();
