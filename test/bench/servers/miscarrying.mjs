// A server that errs: of 1000 subscribers the one with the number 700 gets every message with another first byte.
import { WebSocketServer } from 'ws';
import { announce } from '../../../bench/servers/side-channel.mjs';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
/** @type {import('ws').WebSocket[]} */
const subscribers = [];
server.on('connection', (socket, request) => {
  socket.on('error', () => {});
  if (request.url === '/subscribe') subscribers.push(socket);
  socket.on('message', (data, isBinary) => {
    const wrong = Buffer.from(data);
    wrong[0] ^= 1;
    for (const [index, subscriber] of subscribers.entries()) {
      subscriber.send(index === 700 ? wrong : data, { binary: isBinary });
    }
  });
});
server.on('listening', () => announce({ name: 'miscarrying', version: '1', port: server.address().port }));
