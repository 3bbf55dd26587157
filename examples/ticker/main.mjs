// The smallest whole thing: a server that pushes a price every second, and a page that shows it.
// Run: node examples/ticker/main.mjs

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { serve } from 'fullduplex';

const page = await readFile(new URL('page.html', import.meta.url));
const http = createServer((_request, response) => {
  response.setHeader('Content-Type', 'text/html; charset=utf-8').end(page);
});

// Whoever reads slowly gets the newest price, not all that were missed.
const server = await serve(
  { server: http, path: '/prices' },
  { open: (connection) => connection.subscribe('prices', { whenSlow: 'latest' }) },
);

let price = 100;
setInterval(() => {
  price *= 1 + (Math.random() - 0.5) / 50;
  server.publish('prices', price.toFixed(2));
}, 1000);

http.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  console.log(`open http://127.0.0.1:${http.address().port}`);
});
