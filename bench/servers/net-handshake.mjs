// What node:net needs to stand as a floor where bytes cannot simply be returned: it answers every request head with
// the same 101, made for the one key that the generator uses (the example of RFC 6455 1.3), every ping with the same
// pong, a close frame with the same close frame, and passes messages of one known length on. None of it is a WebSocket server.
import { workload } from './side-channel.mjs';

const RESPONSE = Buffer.from(
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
);
const PONG = Buffer.from([0x8a, 0]);
const CLOSE = Buffer.from([0x88, 2, 1000 >> 8, 1000 & 0xff]);
const MASK_BYTES = 4;

/** @type {import('node:net').Socket[]} */
const subscribers = [];

/** @param {import('node:net').Socket} socket */
export function acceptUnread(socket) {
  socket.once('data', (head) => {
    socket.write(RESPONSE);
    const [path] = /(?<=^GET )\S+/.exec(head.toString('latin1', 0, 20)) ?? [];
    if (path === '/publish') publishFrom(socket);
    else if (path === '/subscribe') subscribe(socket);
    else socket.on('data', () => socket.end(CLOSE));
  });
}

/** @param {import('node:net').Socket} socket */
function subscribe(socket) {
  subscribers.push(socket);
  // All that a subscriber sends is the ping with which the generator asks whether it is one.
  socket.on('data', () => socket.write(PONG));
}

/** @param {import('node:net').Socket} publisher */
function publishFrom(publisher) {
  const messageBytes = workload.messageBytes ?? 0;
  if (messageBytes > 125) throw new Error('the floor publishes frames with a header of two bytes');
  const frameBytes = 2 + MASK_BYTES + messageBytes;
  let input = Buffer.alloc(0);
  publisher.on('data', (chunk) => {
    input = Buffer.concat([input, chunk]);
    for (; input.length >= frameBytes; input = input.subarray(frameBytes)) {
      const frame = Buffer.allocUnsafe(2 + messageBytes);
      frame[0] = input[0];
      frame[1] = messageBytes;
      for (let index = 0; index < messageBytes; index++) {
        frame[2 + index] = input[2 + MASK_BYTES + index] ^ input[2 + (index & 3)];
      }
      for (const subscriber of subscribers) subscriber.write(frame);
    }
  });
}
