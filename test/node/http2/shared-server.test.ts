import { once } from 'node:events';
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { connect } from '../../../src/node/connect.ts';
import { Http2Sessions } from '../../../src/node/http2/http2-sessions.ts';
import { serve } from '../../../src/node/serve.ts';
import type { WebSocketServer } from '../../../src/node/web-socket-server.ts';
import type { ServerHandlers } from '../../../src/server/server-options.ts';
import { selfSignedCertificate } from '../certificate.ts';
import { textFrame } from '../raw-client.ts';
import { RawSession } from './raw-session.ts';

const certificate = selfSignedCertificate();
const echo: ServerHandlers<unknown> = { message: (connection, message) => void connection.send(message) };
const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

function answer(_request: Http2ServerRequest, response: Http2ServerResponse): void {
  response.end('a page');
}

async function listening(http: Http2SecureServer | Http2Server): Promise<number> {
  await once(http.listen(0, '127.0.0.1'), 'listening');
  ends.push(() => new Promise((resolve) => http.close(resolve)));
  return (http.address() as AddressInfo).port;
}

async function sharing(http: Http2SecureServer | Http2Server, path = '/chat'): Promise<WebSocketServer> {
  const server = await serve({ server: http, path }, echo);
  ends.unshift(() => server.close({ timeoutMs: 0 }));
  return server;
}

async function session(port: number, isSecure = true): Promise<RawSession> {
  const raw = await RawSession.open(port, isSecure);
  ends.unshift(() => raw[Symbol.asyncDispose]());
  return raw;
}

async function page(raw: RawSession): Promise<string> {
  const get = raw.session.request({ ':path': '/' });
  get.setEncoding('utf8');
  let body = '';
  for await (const part of get) body += part;
  return body;
}

test('a server of node:http2 that knows nothing of WebSockets takes them beside its pages', async () => {
  const http = createSecureServer({ ...certificate, allowHTTP1: true }, answer);
  const port = await listening(http);
  const server = await sharing(http);
  expect(server.url).toBe(`wss://127.0.0.1:${port}`);
  const raw = await session(port);
  const stream = raw.open('/chat');
  stream.stream.write(textFrame('hello'));
  expect(await stream.text()).toBe('hello');
  expect(await page(raw)).toBe('a page');

  const tls = { ca: certificate.cert };
  const older = await connect(`${server.url}/chat`, { tls });
  older.send('as ever');
  for await (const message of older) {
    expect(message).toBe('as ever');
    break;
  }
  older.terminate();
});

test('a server without TLS takes clients that know beforehand', async () => {
  const http = createServer(answer);
  await listening(http);
  const server = await sharing(http);
  using sessions = new Http2Sessions({ priorKnowledge: true });
  const connection = await connect(`${server.url}/chat`, { http2: sessions });
  connection.send('hello');
  for await (const message of connection) {
    expect(message).toBe('hello');
    break;
  }
  expect([...server.connections].map(({ httpVersion, url }) => [httpVersion, url.protocol])).toEqual([
    ['2', 'ws:'],
  ]);
  await connection.close();
});

test.each([
  ['without a protocol', { ':method': 'CONNECT', ':authority': 'example.com:443' }],
  [
    'with another protocol',
    {
      ':method': 'CONNECT',
      ':protocol': 'connect-udp',
      ':scheme': 'https',
      ':path': '/chat',
      ':authority': 'a',
    },
  ],
])('a CONNECT %s is answered with 501 and never reaches the request handler', async (_name, fields) => {
  let requests = 0;
  const http = createSecureServer({ ...certificate }, () => void requests++);
  const port = await listening(http);
  await sharing(http);
  const raw = await session(port);
  expect((await raw.request(fields).response)[':status']).toBe(501);
  expect(requests).toBe(0);
});

test('CONNECTs that are not for us go to a listener for them', async () => {
  const http = createSecureServer({ ...certificate }, answer);
  http.on('connect', (request: Http2ServerRequest, response: Http2ServerResponse) => {
    response.writeHead(200, { 'x-path': request.headers[':path'] ?? 'none' });
    response.end();
  });
  const port = await listening(http);
  await sharing(http);
  const raw = await session(port);
  expect(await raw.open('/other').response).toMatchObject({ ':status': 200, 'x-path': '/other' });
  const plain = raw.request({ ':method': 'CONNECT', ':authority': 'example.com:443' });
  expect(await plain.response).toMatchObject({ 'x-path': 'none' });
});

test("streams of ours do not reach a listener for 'stream', others do", async () => {
  const paths: unknown[] = [];
  const http = createSecureServer({ ...certificate });
  http.on('stream', (stream: ServerHttp2Stream, headers) => {
    paths.push(headers[':path']);
    stream.respond({ ':status': 200 });
    stream.end('a page');
  });
  const port = await listening(http);
  await sharing(http);
  const raw = await session(port);
  expect((await raw.open('/chat').response)[':status']).toBe(200);
  expect(await page(raw)).toBe('a page');
  expect(paths).toEqual(['/']);
});

test('two of our servers share one, and the pages stay when they go', async () => {
  const http = createSecureServer({ ...certificate }, answer);
  const port = await listening(http);
  const chat = await sharing(http, '/chat');
  const news = await sharing(http, '/news');
  const raw = await session(port);
  expect((await raw.open('/news').response)[':status']).toBe(200);
  expect((await raw.open('/nowhere').response)[':status']).toBe(404);
  await chat.close({ timeoutMs: 0 });
  expect((await raw.open('/chat').response)[':status']).toBe(404);
  await news.close({ timeoutMs: 0 });
  expect(await page(raw)).toBe('a page');
  // As node:http2 answers where nobody listens.
  expect((await raw.open('/news').response)[':status']).toBe(405);
});
