// A correct server that uses what RFC 6455 allows: each echo comes in two fragments with a ping between them, and
// a connection that answers no ping is closed with 1011.
import { WebSocketServer } from 'ws';
import { announce } from '../../../bench/servers/side-channel.mjs';

const UNANSWERED_LIMIT = 200;

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('connection', (socket) => {
  let unanswered = 0;
  socket.on('pong', () => {
    unanswered = 0;
  });
  socket.on('message', (data, isBinary) => {
    const middle = data.length >> 1;
    socket.send(data.subarray(0, middle), { binary: isBinary, fin: false });
    socket.ping('still there?');
    socket.send(data.subarray(middle), { binary: isBinary, fin: true });
    if (++unanswered > UNANSWERED_LIMIT) socket.close(1011, 'no pong');
  });
  socket.on('error', () => {});
});
server.on('listening', () => announce({ name: 'talkative', version: '1', port: server.address().port }));
