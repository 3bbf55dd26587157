// A notice board on Hono whose own middleware decides who may connect: node examples/hono/main.mjs

import { readFileSync } from 'node:fs';
import { serve as serveHttp } from '@hono/node-server';
import { serve } from 'fullduplex';
import { Hono } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { createMiddleware } from 'hono/factory';

const page = readFileSync(new URL('index.html', import.meta.url), 'utf8');
const app = new Hono();

/** @type {import('hono').MiddlewareHandler<{ Variables: { name: string } }>} */
const login = createMiddleware(async (context, next) => {
  const name = getCookie(context, 'name');
  if (name === undefined) return context.text('log in first\n', 401);
  context.set('name', name);
  return next();
});

app.get('/', (context) => context.html(page));
app.post('/login', async (context) => {
  const name = (await context.req.text()).slice(0, 20);
  setCookie(context, 'name', name, { httpOnly: true, sameSite: 'Strict' });
  return context.text(`hello ${name}\n`);
});
app.get('/me', login, (context) => context.json({ name: context.get('name') }));
app.post('/notices', login, async (context) => {
  const notice = `${context.get('name')}: ${await context.req.text()}`;
  return context.json({ receivers: board.publish('notices', notice) });
});

const http = serveHttp({ fetch: app.fetch, port: Number(process.env.PORT ?? 8080), hostname: '127.0.0.1' });

const board = await serve(
  {
    server: http,
    path: '/board',
    // Asks the application itself, with the headers of the request: what Hono answers refuses, as it is.
    async upgrade({ headers }) {
      const answer = await app.request('/me', { headers });
      return answer.ok ? { data: await answer.json() } : answer;
    },
  },
  {
    open(connection) {
      connection.subscribe('notices');
      connection.send(`welcome ${connection.data.name}`);
    },
  },
);

if (!http.listening) await new Promise((resolve) => http.once('listening', resolve));
console.log(`http://127.0.0.1:${board.port}`);

process.once('SIGTERM', () => {
  http.close();
  void board.close().then(() => http.closeAllConnections());
});
