// Holds a server against many readers that stop and go on at random, over every way of sending: what it keeps in memory
// stays within the sum of the bounds of its connections (docs/guide.md, Backpressure), whatever happens, and every reader gets
// what it should, in order. Fails when either does not hold.
//   node fuzz/pressure.mjs [--minutes N] [--connections N] [--seed S] [--library PATH] [--unbounded]
// --unbounded keeps a copy of everything that is sent for a while, to show that it is noticed.

import { fork } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { numbered } from '../test/node/backpressure/numbered.mjs';
import { sampleMemory } from './soak/memory.mjs';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    connections: { type: 'string', default: '40' },
    seed: { type: 'string', default: String(Date.now() % 0x7fff_ffff) },
    library: { type: 'string', default: new URL('../dist/index.js', import.meta.url).pathname },
    unbounded: { type: 'boolean', default: false },
  },
});
const minutes = Number(options.minutes);
const connections = Number(options.connections);
if (!(minutes > 0) || !Number.isInteger(connections) || !Number.isInteger(Number(options.seed))) {
  console.error(
    `--minutes is ${options.minutes}, expected a number above 0; --connections is ${options.connections} and --seed is ${options.seed}, expected integers`,
  );
  process.exit(2);
}
const library = pathToFileURL(options.library).href;
const { serve } = await import(library);

const KiB = 1024;
const highWaterMarkBytes = 64 * KiB;
const messageBytes = 16 * KiB;
// What waits, twice, with its staging buffers (the guide's table), and what an open connection with its handlers keeps.
const boundBytes = 2 * (highWaterMarkBytes + 2 * messageBytes) + 128 * KiB + 32 * KiB;
const noiseBytes = 8 * 1024 * KiB;

const most = connections * boundBytes + noiseBytes;

const run = { isOver: false };
let sent = 0;
const failures = [];
const failed = (claim) => {
  if (failures.push(claim) < 10) console.error(`pressure: ${claim}`);
};
const kept = [];
const next = (seq) => {
  sent++;
  const bytes = numbered(seq, 4 + ((seq * 7919) % (messageBytes - 4)));
  if (options.unbounded) kept.push(bytes.slice());
  return bytes;
};

// Producers rest while memory is looked at: else most of it is what they have just made.
let rest = Promise.resolve();
let isResting = false;
async function sampleAtRest() {
  let goOn;
  rest = new Promise((resolve) => {
    goOn = resolve;
  });
  isResting = true;
  let retainedBytes = Infinity;
  // Threads of V8 give back what was collected; on a busy machine they take their time.
  for (let looks = 0; looks < 10 && retainedBytes > most; looks++) {
    if (looks > 0) await new Promise((resolve) => setTimeout(resolve, 100));
    const { heapUsed, external } = await sampleMemory();
    retainedBytes = heapUsed + external - baseline.heapUsed - baseline.external;
  }
  isResting = false;
  goOn();
  return retainedBytes;
}

/** Ways of sending, each until the connection ends. Readers know what to expect by the name. */
const producers = {
  async send(connection) {
    for (let seq = 0; !run.isOver && (await connection.send(next(seq))); seq++) await rest;
  },
  async stream(connection) {
    const pieces = async function* () {
      for (let seq = 0; !run.isOver && seq < 500; seq++) {
        await rest;
        yield next(seq);
      }
    };
    while (!run.isOver && (await connection.sendStream('binary', pieces())));
  },
  // Nobody waits: but who looks at what waits never has more there than that.
  async look(connection) {
    for (let seq = 0; !run.isOver && connection.readyState === 'open'; ) {
      while (connection.bufferedAmount < highWaterMarkBytes) void connection.send(next(seq++));
      await new Promise((resolve) => setImmediate(resolve));
      await rest;
    }
  },
  latest: (connection) => connection.subscribe('numbers', { whenSlow: 'latest' }),
  drop: (connection) => connection.subscribe('numbers', { whenSlow: 'drop' }),
};

const server = await serve(
  {
    port: 0,
    host: '127.0.0.1',
    path: '/:way',
    perMessageDeflate: true,
    pingIntervalMs: 0,
    upgrade: ({ params }) => ({ data: params.way }),
    onError: (error) => failed(String(error)),
  },
  {
    open: (connection) => producers[connection.data](connection),
    close: (_, info) => {
      if (!run.isOver && info.code !== 1000) failed(`a connection ended with ${info.code}: ${info.cause}`);
    },
  },
);

let published = 0;
const publishing = setInterval(() => {
  if (!isResting) server.publish('numbers', next(published++));
}, 5);
const baseline = await sampleMemory();
console.log(`pressure: ${minutes} minutes, ${connections} connections, seed ${options.seed}`);
const readers = fork(new URL('./pressure/readers.mjs', import.meta.url), [
  server.url,
  String(connections),
  options.seed,
  Object.keys(producers).join(','),
]);
let report;
readers.on('message', (message) => {
  report = message;
});

let peakBytes = 0;
const endMs = Date.now() + minutes * 60_000;
while (Date.now() < endMs) {
  await new Promise((resolve) => setTimeout(resolve, 500));
  const retainedBytes = await sampleAtRest();
  peakBytes = Math.max(peakBytes, retainedBytes);
  if (retainedBytes > most) failed(`${retainedBytes} bytes are kept, at most ${most}`);
  if (readers.exitCode !== null) failed(`the readers ended with ${readers.exitCode}`);
  if (failures.length > 0) break;
}
run.isOver = true;
clearInterval(publishing);
if (readers.exitCode === null) {
  readers.send('report');
  await new Promise((resolve) => readers.once('exit', resolve));
}
await server.close({ timeoutMs: 1000 });
if (report === undefined) failed('the readers said nothing');
for (const fault of report?.faults ?? []) failed(fault);
const MiB = (bytes) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
console.log(
  `pressure: ${sent} messages sent, ${report?.received ?? 0} received, ${report?.stops ?? 0} stops; kept ${MiB(peakBytes)} at most, ${MiB(most)} allowed`,
);
console.log(failures.length === 0 ? 'pressure: within the bounds' : `pressure: FAILED, seed ${options.seed}`);
process.exit(failures.length === 0 ? 0 : 1);
