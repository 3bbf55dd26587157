// One side of a very long message: it sends or receives it by pieces, as a server or as a client, and says what came and
// what it kept in memory meanwhile. A server prints its URL first; then each side prints one line of JSON.
//   node --expose-gc stream-stage.mjs server|client send|receive|sendWithWs BYTES deflate|plain [URL]

import { createHash } from 'node:crypto';
import { WebSocket as PeerWebSocket } from 'ws';
import { connect, serve } from '../../../dist/index.js';
import { numbered } from './numbered.mjs';

const [role, task, byteCount, compression, url] = process.argv.slice(2);
const totalBytes = Number(byteCount);
const pieceBytes = 64 * 1024;
const sampleEveryBytes = 32 * 1024 * 1024;
const options = {
  ...(compression === 'deflate' ? { perMessageDeflate: true } : {}),
  ...(task === 'receive' ? { receive: 'streamed' } : {}),
};

const hash = createHash('sha256');
let bytes = 0;
let messages = 0;
let sampledBytes = 0;
let baseline;
const peak = { retainedBytes: 0, residentBytes: 0 };

async function sample() {
  // Memory of array buffers that were collected is given back a turn later.
  for (let round = 0; round < 2; round++) {
    globalThis.gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  const now = { retainedBytes: heapUsed + external, residentBytes: rss };
  // The first one is the baseline: by then everything has been used once.
  baseline ??= now;
  for (const kind of Object.keys(peak)) peak[kind] = Math.max(peak[kind], now[kind] - baseline[kind]);
}

async function pass(piece) {
  hash.update(piece);
  bytes += piece.length;
  if (bytes - sampledBytes < sampleEveryBytes) return;
  sampledBytes = bytes;
  await sample();
}

// A piece differs from the one before, and pieces differ within the reach of a compressor.
async function* pieces() {
  const samples = Array.from({ length: 97 }, (_, index) => numbered(index, pieceBytes));
  for (let index = 0; bytes < totalBytes; index++) {
    const piece = samples[index % samples.length].subarray(0, Math.min(pieceBytes, totalBytes - bytes));
    await pass(piece);
    yield piece;
  }
}

function report() {
  console.log(JSON.stringify({ bytes, messages, hash: hash.digest('hex'), ...peak }));
}

async function work(connection) {
  if (task === 'send') {
    if (!(await connection.sendStream('binary', pieces()))) throw new Error('the stream was refused');
    messages = 1;
    // The receiver closes when it has all.
    await connection.closed;
  } else {
    for await (const message of connection.messageStreams()) {
      for await (const chunk of message.chunks) await pass(chunk);
      if (message.isComplete) messages++;
      break;
    }
    await connection.close();
  }
  report();
}

function failed(error) {
  console.error(error);
  process.exit(1);
}

if (role === 'server') {
  const server = await serve(
    { port: 0, host: '127.0.0.1', ...options },
    {
      open: (connection) => {
        work(connection)
          .then(() => server.close())
          .catch(failed);
      },
    },
  );
  console.log(server.url);
} else if (task === 'sendWithWs') {
  const socket = new PeerWebSocket(url, { perMessageDeflate: compression === 'deflate' });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const sent = (piece, fin) =>
    new Promise((resolve, reject) => {
      socket.send(piece, { fin, binary: true }, (error) => (error ? reject(error) : resolve()));
    });
  for await (const piece of pieces()) await sent(piece, false);
  await sent(new Uint8Array(0), true);
  messages = 1;
  await new Promise((resolve) => socket.once('close', resolve));
  report();
} else {
  await work(await connect(url, options)).catch(failed);
}
