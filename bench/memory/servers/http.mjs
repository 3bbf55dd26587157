// What node:http leaves behind: an HTTP server that answers upgrades as RFC 6455 4.2.2 asks and keeps the socket, with
// just enough of frames to echo one small message. What a WebSocket server on node:http costs beyond this is its own.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { announce } from '../../servers/side-channel.mjs';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const HEADER_BYTES = 6;

const server = createServer();
server.on('upgrade', (request, socket) => {
  const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}${GUID}`).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.on('error', () => {});
  socket.on('data', (frame) => {
    // One unfragmented frame of at most 125 bytes in one read is all that the memory bench sends here.
    if ((frame[1] & 0x7f) + HEADER_BYTES !== frame.length) throw new Error('expected one small frame');
    const reply = Buffer.from(frame.subarray(HEADER_BYTES - 2));
    reply[0] = frame[0];
    reply[1] = frame[1] & 0x7f;
    for (let index = 2; index < reply.length; index++) {
      reply[index] = frame[HEADER_BYTES + index - 2] ^ frame[2 + ((index - 2) & 3)];
    }
    socket.write(reply);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('expected a TCP address');
  announce({
    name: 'node:http',
    version: process.version,
    note: 'upgraded sockets, no frames',
    port: address.port,
  });
});
