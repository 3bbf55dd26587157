// `npm run bench:http2`: an echo over HTTP/2, 64 WebSockets in one connection, beside one over TLS and HTTP/1.1, with our client
// at the other end; and what an idle connection over TLS costs the server. The C generator knows no HTTP/2, so throughput is
// bounded by our client; the CPU time of the server compares.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { connect, Http2Sessions } from 'fullduplex';
import { describeMachine } from '../command-line.mjs';
import { prepareCertificate } from '../process/certificate.mjs';

const roads = /** @type {const} */ (['HTTP/1.1', 'HTTP/2']);
const echoes = [
  { name: '20 B binary d32', messageBytes: 20, depth: 32 },
  { name: '1 KiB binary d16', messageBytes: 1024, depth: 16 },
];

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '1' },
    connections: { type: 'string', default: '64' },
    idle: { type: 'string', default: '2000' },
  },
});
const [rounds, seconds, connectionCount, idleCount] = [
  values.rounds,
  values.seconds,
  values.connections,
  values.idle,
].map(Number);

const certificate = prepareCertificate();
if ('problem' in certificate) throw new Error(certificate.problem);
const { certFile, keyFile } = certificate;

async function startServer() {
  const child = fork(fileURLToPath(new URL('server.mjs', import.meta.url)), [certFile, keyFile], {
    execArgv: ['--expose-gc'],
  });
  const answer = () => new Promise((resolve) => child.once('message', resolve));
  const { url } = await answer();
  return {
    url,
    /** @param {'cpu' | 'memory'} wanted */
    ask(wanted) {
      child.send(wanted);
      return answer();
    },
    stop: () => child.disconnect(),
  };
}

/** @param {string} url @param {string} road @param {number} count */
async function openOver(url, road, count) {
  const options = { tls: { rejectUnauthorized: false }, http2: road === 'HTTP/2' && new Http2Sessions() };
  const connections = [];
  while (connections.length < count) {
    const batch = Math.min(50, count - connections.length);
    connections.push(...(await Promise.all(Array.from({ length: batch }, () => connect(url, options)))));
  }
  return connections;
}

/** Keeps `depth` messages in flight on each connection for some time, until all are back. */
async function echo(connections, { messageBytes, depth }, durationMs) {
  const message = new Uint8Array(messageBytes).fill(0x61);
  const endsAt = performance.now() + durationMs;
  let messages = 0;
  await Promise.all(
    connections.map(
      (connection) =>
        new Promise((resolve) => {
          let inFlight = depth;
          connection.heard = () => {
            messages++;
            if (performance.now() < endsAt) connection.send(message);
            else if (--inFlight === 0) resolve(undefined);
          };
          for (let sent = 0; sent < depth; sent++) connection.send(message);
        }),
    ),
  );
  return messages;
}

/** @param {readonly number[]} figures @param {number} digits */
function spread(figures, digits) {
  const sorted = figures.toSorted((a, b) => a - b);
  const [low, median, high] = [sorted[0], sorted[sorted.length >> 1], sorted[sorted.length - 1]];
  return `${median.toFixed(digits)} (${low.toFixed(digits)}-${high.toFixed(digits)})`;
}

console.log(JSON.stringify(describeMachine()));
console.log(`${rounds} rounds of ${seconds} s, ${connectionCount} connections, in turns\n`);
console.log('| echo | over | server CPU us/message | messages/s | CPU, HTTP/1.1 = 1.00 |');
console.log('| --- | --- | ---: | ---: | ---: |');
for (const workload of echoes) {
  const contestants = [];
  for (const road of roads) {
    const server = await startServer();
    const connections = await openOver(server.url, road, connectionCount);
    for (const connection of connections) connection.attach({ message: () => connection.heard() });
    await echo(connections, workload, 500);
    contestants.push({ road, server, connections, micros: [], perSecond: [] });
  }
  for (let round = 0; round < rounds; round++) {
    for (const { server, connections, micros, perSecond } of contestants) {
      const before = await server.ask('cpu');
      const startedAt = performance.now();
      const messages = await echo(connections, workload, seconds * 1000);
      const tookSeconds = (performance.now() - startedAt) / 1000;
      const after = await server.ask('cpu');
      micros.push((after.cpuMicros - before.cpuMicros) / messages);
      perSecond.push(messages / tookSeconds);
    }
  }
  const [reference] = contestants;
  for (const { road, server, connections, micros, perSecond } of contestants) {
    const ratios = micros.map((value, round) => value / reference.micros[round]);
    console.log(
      `| ${workload.name} | ${road} | ${spread(micros, 2)} | ${spread(perSecond, 0)} | ${spread(ratios, 2)} |`,
    );
    for (const connection of connections) connection.terminate();
    server.stop();
  }
}

console.log(`\n| ${idleCount} idle connections over TLS | resident KiB each | held by V8 KiB each |`);
console.log('| --- | ---: | ---: |');
for (const road of roads) {
  const server = await startServer();
  const settled = await openOver(server.url, road, 200);
  const before = await server.ask('memory');
  const connections = await openOver(server.url, road, idleCount);
  const after = await server.ask('memory');
  const kib = (name) => ((after[name] - before[name]) / idleCount / 1024).toFixed(1);
  console.log(`| ${road} | ${kib('residentBytes')} | ${kib('heldBytes')} |`);
  for (const connection of [...settled, ...connections]) connection.terminate();
  server.stop();
}
process.exit();
