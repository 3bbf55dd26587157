// Holds a server under a steady load with permessage-deflate (contexts taken over and not), broadcasts, connections that
// come and go, and slow readers, and samples what server and clients keep in memory after garbage collection. It fails
// when the median of the last third of the samples is above that of the second third by more than 3 % and 1 MiB (resident
// memory: 5 % and 6 MiB, and it still grows; fuzz/soak/memory.mjs says why), or when any message is not what was sent.
//   node fuzz/soak.mjs [--minutes N] [--seed S] [--library PATH] [--hoard]
// --hoard makes the server keep what it receives, to show that it is noticed.

import { fork } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { judge, kinds, sampleMemory } from './soak/memory.mjs';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 0x7fff_ffff) },
    library: { type: 'string', default: new URL('../dist/index.js', import.meta.url).pathname },
    hoard: { type: 'boolean', default: false },
  },
});
const minutes = Number(options.minutes);
if (!(minutes > 0) || !Number.isInteger(Number(options.seed))) {
  console.error(
    `--minutes is ${options.minutes}, expected a number above 0; --seed is ${options.seed}, expected an integer`,
  );
  process.exit(2);
}
const library = pathToFileURL(options.library).href;
const { serve } = await import(library);

// A hundred samples or so.
const sampleSeconds = Math.max(0.25, Math.min(6, (minutes * 60) / 100));
const hoard = [];
let isOver = false;
const failures = [];
const failed = (claim) => {
  if (failures.push(claim) < 10) console.error(`soak: ${claim}`);
};

const perMessageDeflate = {
  thresholdBytes: 64,
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
};
const server = await serve(
  {
    port: 0,
    host: '127.0.0.1',
    perMessageDeflate,
    pingIntervalMs: 5000,
    onError: (error) => failed(String(error)),
  },
  {
    open: (connection) => {
      connection.subscribe('all', { whenSlow: connection.url.searchParams.get('slow') ?? 'close' });
    },
    message: (connection, message) => {
      if (options.hoard) hoard.push(message);
      void connection.send(message);
    },
  },
);

const words = 'a broadcast that every connection gets, compressed once for all that share parameters ';
let published = 0;
const publishing = setInterval(() => {
  published++;
  const length = published % 20 === 0 ? 16_384 : 100 + ((published * 37) % 1500);
  server.publish('all', `#${published} ${words.repeat(Math.ceil(length / words.length)).slice(0, length)}`);
}, 50);

console.log(`soak: ${minutes} minutes, a sample every ${sampleSeconds} s, seed ${options.seed}`);
const load = fork(new URL('./soak/load.mjs', import.meta.url), [
  library,
  server.url,
  String(sampleSeconds),
  options.seed,
]);
const samples = { server: [], clients: [] };
let counts = { opened: 0, closed: 0, echoes: 0, heard: 0 };
load.on('message', (told) => {
  if (told.failure !== undefined) failed(told.failure);
  if (told.memory === undefined) return;
  samples.clients.push(told.memory);
  counts = told.counts;
});
load.on('exit', (code) => {
  if (!isOver) failed(`the clients ended with ${code}`);
});

const inMiB = (bytes) => (bytes / 1024 / 1024).toFixed(1);
const startedAt = performance.now();
const startCpu = process.cpuUsage();
let tellAt = 0;
while (performance.now() - startedAt < minutes * 60_000 && failures.length === 0) {
  await new Promise((resolve) => setTimeout(resolve, sampleSeconds * 1000));
  samples.server.push(await sampleMemory());
  const elapsed = (performance.now() - startedAt) / 1000;
  if (elapsed < tellAt) continue;
  tellAt += 30;
  const told = Object.entries(samples).map(([who, list]) => {
    const last = list.at(-1);
    return last === undefined
      ? who
      : `${who} ${kinds.map((kind) => `${kind} ${inMiB(last[kind])}`).join(', ')}`;
  });
  console.log(
    `${elapsed.toFixed(0).padStart(5)} s: ${server.connections.size} connections, ${counts.opened} opened, ` +
      `${counts.echoes} echoes, ${counts.heard} heard; MiB: ${told.join('; ')}`,
  );
}

isOver = true;
clearInterval(publishing);
const { user, system } = process.cpuUsage(startCpu);
const cpuShare = (user + system) / 1000 / (performance.now() - startedAt);
load.kill();
await server.close({ timeoutMs: 1000 });

if (failures.length === 0) {
  for (const [who, list] of Object.entries(samples)) {
    for (const { kind, before, after, isFlat } of judge(list)) {
      const verdict = isFlat ? 'flat' : 'NOT FLAT';
      console.log(
        `${who.padEnd(7)} ${kind.padEnd(12)} median of the second third ${inMiB(before).padStart(6)} MiB, of the last ${inMiB(after).padStart(6)} MiB: ${verdict}`,
      );
      if (!isFlat) failures.push(`${kind} of the ${who}`);
    }
  }
}
const done = `${counts.opened} connections, ${counts.echoes} echoes, ${counts.heard} broadcasts heard, ${Math.round(cpuShare * 100)} % of a processor for the server, seed ${options.seed}`;
if (failures.length === 0) console.log(`soak: passed, ${done}`);
else {
  console.error(`soak: FAILED (${failures.slice(0, 5).join('; ')}), ${done}`);
  process.exitCode = 1;
}
