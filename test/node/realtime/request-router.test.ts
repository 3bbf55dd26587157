import {
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type Server,
  type ServerResponse,
} from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { takeRequests, type TakeRequest } from '../../../src/node/realtime/request-router.ts';

const open: Server[] = [];

afterEach(() => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function start(listener?: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(listener);
  open.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const get = async (path: string): Promise<string> =>
    (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  return { server, port, get };
}

const takeOurs =
  (name: string): TakeRequest =>
  ({ url }) =>
    url === `/${name}` ? (_, response) => void response.end(name) : undefined;

test('requests that are taken are heard of by no other listener, whenever it came', async () => {
  const heard: string[] = [];
  const { server, get } = await start((request, response) => {
    heard.push(`early ${request.url}`);
    response.end('theirs');
  });
  takeRequests(server, takeOurs('ours'));
  server.on('request', (request: IncomingMessage) => heard.push(`late ${request.url}`));
  expect(await get('/ours')).toBe('ours');
  expect(heard).toEqual([]);
  expect(await get('/theirs')).toBe('theirs');
  expect(heard).toEqual(['early /theirs', 'late /theirs']);
});

test('several take requests of one server, and one that ends to leaves the rest', async () => {
  const { server, get } = await start((_, response) => response.end('theirs'));
  const stop = takeRequests(server, takeOurs('a'));
  takeRequests(server, takeOurs('b'));
  expect([await get('/a'), await get('/b')]).toEqual(['a', 'b']);
  stop();
  expect([await get('/a'), await get('/b')]).toEqual(['theirs', 'b']);
});

test('a client that asks before it sends its body is told to go on', async () => {
  const { server, port } = await start();
  server.on('checkContinue', (_: IncomingMessage, response: ServerResponse) => response.end('theirs'));
  takeRequests(server, takeOurs('ours'));
  const headers = { Expect: '100-continue', 'Content-Length': '1' };
  const asking = httpRequest({ port, path: '/ours', method: 'POST', headers });
  const answered = new Promise<IncomingMessage>((resolve) => {
    asking.once('response', resolve);
  });
  asking.once('continue', () => asking.end('x'));
  asking.flushHeaders();
  let text = '';
  for await (const chunk of await answered) text += String(chunk);
  expect(text).toBe('ours');
  expect(asking.writableEnded).toBe(true);
});
