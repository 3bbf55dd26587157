// The readers of fuzz/pressure.mjs: `ws`, which shares no code with us. Each stops and goes on at random, and checks that
// nothing is missing, unless its way of being sent to leaves messages out: then that none comes twice or too late.

import { WebSocket } from 'ws';
import { faultOf } from '../../test/node/backpressure/numbered.mjs';

const [url, count, seed, ways] = process.argv.slice(2);
const names = ways.split(',');
let state = Number(seed) >>> 0;
const random = () => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
};

const faults = [];
const sockets = [];
let received = 0;
let stops = 0;
const fault = (claim) => {
  if (faults.length < 10) faults.push(claim);
};

function read(way, bytes, expected) {
  received++;
  if (way === 'stream') {
    // A message of pieces: the first tells enough, and its length says that all of them are there.
    const found = faultOf(bytes.subarray(0, 4), 0);
    if (found !== undefined) fault(`stream: ${found}`);
    return 0;
  }
  const seq = bytes.readUInt32BE();
  if (way === 'latest' || way === 'drop' ? seq < expected : seq !== expected) {
    fault(`${way}: message ${seq}, expected ${expected}`);
  } else {
    const found = faultOf(bytes, seq);
    if (found !== undefined) fault(`${way}: ${found}`);
  }
  return seq + 1;
}

for (let index = 0; index < Number(count); index++) {
  const way = names[index % names.length];
  const socket = new WebSocket(new URL(way, url), { perMessageDeflate: index % 2 === 0 });
  let expected = 0;
  socket.on('message', (bytes) => {
    expected = read(way, bytes, expected);
  });
  socket.on('error', (error) => fault(String(error)));
  sockets.push(socket);
}

setInterval(() => {
  for (const socket of sockets) {
    if (socket.readyState !== WebSocket.OPEN) continue;
    const roll = random();
    if (roll < 0.1 && !socket.isPaused) {
      stops++;
      socket.pause();
    } else if (roll > 0.97 && socket.isPaused) socket.resume();
  }
}, 100);

process.on('message', () => {
  for (const socket of sockets) socket.resume();
  // What was on its way comes in.
  setTimeout(() => {
    process.send({ faults, received, stops }, () => process.exit(0));
  }, 1500);
});
