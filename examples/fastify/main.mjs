// A counter that all pages of a Fastify application share: node examples/fastify/main.mjs

import { readFileSync } from 'node:fs';
import Fastify from 'fastify';
import { serve } from 'fullduplex';

const page = readFileSync(new URL('index.html', import.meta.url), 'utf8');
const app = Fastify();
let count = 0;

app.get('/', (_request, reply) => reply.type('text/html; charset=utf-8').send(page));
app.get('/count', () => ({ count }));

const counter = await serve(
  { server: app.server, path: '/counter' },
  {
    open(connection) {
      // Somebody who reads slowly wants to know the newest count, not all of them.
      connection.subscribe('count', { whenSlow: 'latest' });
      connection.send(String(count));
    },
    message(_connection, message) {
      if (message !== '+1') return;
      count += 1;
      counter.publish('count', String(count));
    },
  },
);
// Fastify waits for connections before it closes; ours are told goodbye first.
app.addHook('preClose', () => counter.close());

await app.listen({ port: Number(process.env.PORT ?? 8080), host: '127.0.0.1' });
console.log(`http://127.0.0.1:${counter.port}`);

process.once('SIGTERM', () => void app.close());
