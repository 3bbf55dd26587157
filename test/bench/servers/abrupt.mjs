// A server that takes every connection and answers a close frame by ending the connection without one of its own.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { announce } from '../../../bench/servers/side-channel.mjs';

const server = createServer();
server.on('upgrade', (request, socket) => {
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.on('error', () => {});
  socket.on('data', () => socket.end());
});
server.listen(0, '127.0.0.1', () => announce({ name: 'abrupt', version: '1', port: server.address().port }));
