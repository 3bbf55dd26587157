// WebSockets beside the routes of an Express application: node examples/express/main.mjs

import { fileURLToPath } from 'node:url';
import express from 'express';
import { serve } from 'fullduplex';

const app = express();
app.use(express.static(fileURLToPath(new URL('public', import.meta.url))));
app.get('/connections', (_request, response) => {
  response.json({ count: chat.connections.size });
});
app.post('/announce', express.text(), (request, response) => {
  response.json({ receivers: chat.publish('chat', `announcement: ${request.body}`) });
});

const http = app.listen(Number(process.env.PORT ?? 8080), '127.0.0.1');

const chat = await serve(
  { server: http, path: '/chat' },
  {
    open: (connection) => connection.subscribe('chat'),
    // The sender shows its own message by itself.
    message: (connection, message) => connection.publish('chat', message),
  },
);

if (!http.listening) await new Promise((resolve) => http.once('listening', resolve));
console.log(`http://127.0.0.1:${chat.port}`);
