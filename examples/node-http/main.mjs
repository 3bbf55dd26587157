// A chat beside a page on one plain node:http server: node examples/node-http/main.mjs

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { serve } from 'fullduplex';

const page = readFileSync(new URL('index.html', import.meta.url));
const http = createServer((request, response) => {
  if (request.url === '/') response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page);
  else response.writeHead(404).end('not found\n');
});

const chat = await serve(
  {
    server: http,
    path: '/chat/:name',
    upgrade: ({ params }) => {
      if (params.name.length > 20) return new Response('that name is too long\n', { status: 400 });
      return { data: { name: params.name } };
    },
  },
  {
    open(connection) {
      connection.subscribe('chat');
      chat.publish('chat', `${connection.data.name} is here`);
    },
    message(connection, message) {
      if (typeof message === 'string') chat.publish('chat', `${connection.data.name}: ${message}`);
    },
    close(connection) {
      chat.publish('chat', `${connection.data.name} has left`);
    },
  },
);

http.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${chat.port}`);
});

// Everyone is told goodbye before the process ends.
process.once('SIGTERM', () => {
  http.close();
  void chat.close({ reason: 'the server is stopping' }).then(() => http.closeAllConnections());
});
