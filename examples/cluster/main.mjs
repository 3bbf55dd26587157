// One process for each core behind one port, and a restart that refuses nobody: node examples/cluster/main.mjs
// SIGHUP replaces the processes one after another, SIGTERM ends them all.

import cluster from 'node:cluster';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { serve } from 'fullduplex';

if (cluster.isPrimary) await lead();
else await work();

async function lead() {
  let isStopping = false;

  async function start() {
    const [address] = await once(cluster.fork(), 'listening');
    return address.port;
  }

  // Topics belong to a process: what is said in one is passed on to the others.
  cluster.on('message', (sender, message) => {
    for (const worker of Object.values(cluster.workers)) if (worker !== sender) worker.send(message);
  });
  // A process that crashed is replaced; its clients come back to any of the others.
  cluster.on('exit', (_worker, code) => {
    if (code !== 0 && !isStopping) void start();
  });

  let port = 0;
  for (let count = Number(process.env.WORKERS ?? availableParallelism()); count > 0; count -= 1)
    port = await start();
  console.log(`http://127.0.0.1:${port}`);

  async function replaceAll() {
    for (const old of Object.values(cluster.workers)) {
      // The new one first: at every moment somebody listens.
      await start();
      old.process.kill('SIGTERM');
      await once(old, 'exit');
    }
    console.log('replaced');
  }

  process.on('SIGHUP', () => void replaceAll());
  process.once('SIGTERM', () => {
    isStopping = true;
    for (const worker of Object.values(cluster.workers)) worker.process.kill('SIGTERM');
  });
}

async function work() {
  const server = await serve(
    { port: Number(process.env.PORT ?? 8080), host: '127.0.0.1', path: '/chat' },
    {
      open(connection) {
        connection.subscribe('chat');
        connection.send(`process ${process.pid}`);
      },
      message(_connection, message) {
        if (typeof message !== 'string') return;
        server.publish('chat', message);
        process.send(message);
      },
    },
  );
  process.on('message', (message) => server.publish('chat', message));
  process.once('SIGTERM', () => {
    // New clients go to the other processes from now on; ours are told one by one that they find another.
    const overMs = Number(process.env.DRAIN_MS ?? 10_000);
    void server.drain({ reason: 'restarting', overMs, stopListening: true }).then(() => process.disconnect());
  });
}
