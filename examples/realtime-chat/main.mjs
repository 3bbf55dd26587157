// A chat with rooms, who is there, and what was said before: the hub is five lines, the rest hands out the page.
// Run: node examples/realtime-chat/main.mjs
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { Hub, serveRealtime } from 'fullduplex/realtime';
import { chat } from './contract.mjs';

const hub = new Hub(chat, {
  authenticate: ({ token }) => (token ? { user: token.slice(0, 20) } : undefined),
});
hub.channel('chat:{room}', {
  publish: ({ data }) => data.text.length <= 500,
  meta: { user: true, at: true },
});

// The page and the library, as any web server hands them out.
const library = new URL('.', import.meta.resolve('fullduplex/client'));
const files = new Map([
  ['/', ['text/html', new URL('page.html', import.meta.url)]],
  ['/contract.mjs', ['text/javascript', new URL('contract.mjs', import.meta.url)]],
]);
async function answer({ url = '/' }, response) {
  const [path] = url.split('?');
  const isLibrary = /^\/lib\/[\w./-]+\.js$/.test(path) && !path.includes('..');
  const [type, file] = isLibrary
    ? ['text/javascript', new URL(path.slice(5), library)]
    : (files.get(path) ?? []);
  const body = file && (await readFile(file).catch(() => undefined));
  response.writeHead(body ? 200 : 404, { 'Content-Type': `${type ?? 'text/plain'}; charset=utf-8` });
  response.end(body ?? 'not found\n');
}

const http = createServer((request, response) => void answer(request, response));
await serveRealtime(hub, { server: http, path: '/realtime' });
http.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${http.address().port}`);
});
