// WebSockets over HTTP/2 with the drop-in: a server of node:http2 that takes both versions, and the client's option http2.

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type Http2ServerResponse,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Agent } from 'node:https';
import { describe, expect, test, type TestContext } from 'vitest';
import { connect, Http2Sessions } from '../../src/index.ts';
import type { ClientOptions } from '../../src/ws.ts';
import { createWebSocketStream, WebSocket, WebSocketServer } from '../../src/ws.ts';
import { chromiumPath, launchChromium } from '../chromium.ts';
import { selfSignedCertificate } from '../node/certificate.ts';
import { afterwards, describeError, record, thrownBy, uncaughtBy, until } from './stage.ts';

const certificate = selfSignedCertificate();
const ca = certificate.cert;

function page(_request: unknown, response: Http2ServerResponse | ServerResponse): void {
  response.setHeader('Content-Type', 'text/html');
  response.end('<title>page</title>');
}

interface Site {
  readonly http: Http2SecureServer | Http2Server;
  readonly server: WebSocketServer;
  readonly url: string;
  /** How many connections of HTTP/2 there were. */
  readonly sessions: () => number;
}

async function startSite(
  options: object = {},
  http: Http2SecureServer | Http2Server = createSecureServer({ ...certificate, allowHTTP1: true }, page),
): Promise<Site> {
  let sessions = 0;
  http.on('session', () => void sessions++);
  const server = new WebSocketServer({ server: http, ...options });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  afterwards(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
    http.close();
  });
  const scheme = 'setSecureContext' in http ? 'wss' : 'ws';
  const { port } = http.address() as AddressInfo;
  return { http, server, url: `${scheme}://127.0.0.1:${port}`, sessions: () => sessions };
}

function sharing(options: { priorKnowledge?: boolean } = {}): Http2Sessions {
  const http2 = new Http2Sessions(options);
  afterwards(() => http2.close());
  return http2;
}

function open(url: string, options: ClientOptions = {}, protocols: string[] = []): WebSocket {
  const socket = new WebSocket(url, protocols, { ca, http2: sharing(), ...options });
  afterwards(() => {
    socket.on('error', () => undefined);
    socket.terminate();
  });
  return socket;
}

async function pair(site: Site, options: ClientOptions = {}, protocols: string[] = []) {
  const client = open(site.url, options, protocols);
  const connected: Promise<[WebSocket, IncomingMessage]> = new Promise((resolve) =>
    site.server.once('connection', (...both) => resolve(both)),
  );
  const [[peer, request]] = await Promise.all([connected, until(client, 'open')]);
  return { client, peer, request };
}

describe('a server on node:http2', () => {
  test('takes WebSockets of HTTP/2 and of HTTP/1.1 alike', async () => {
    const site = await startSite();
    site.server.on('connection', (socket, request) =>
      socket.on('message', (data, binary) => socket.send(`${request.httpVersion} ${data}`, { binary })),
    );
    for (const [http2, version] of [
      [sharing(), '2.0'],
      [false, '1.1'],
    ] as const) {
      const client = open(site.url, { http2 });
      await until(client, 'open');
      client.send('hello');
      expect(String((await once(client, 'message'))[0])).toBe(`${version} hello`);
      client.close(4000, 'bye');
      expect((await until(client, 'close'))[0]).toBe(4000);
    }
    expect(site.sessions()).toBe(1);
  });

  test('shows a request that looks like one of HTTP/1.1', async () => {
    const site = await startSite({ path: '/chat' });
    const { request, peer } = await pair(
      { ...site, url: `${site.url}/chat?room=1` },
      { headers: { Cookie: 'a=b', 'X-Name': 'value' }, origin: 'https://a.example' },
    );
    expect([request.method, request.url]).toEqual(['GET', '/chat?room=1']);
    expect(request.headers).toEqual({
      host: new URL(site.url).host,
      'sec-websocket-version': '13',
      'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits',
      cookie: 'a=b',
      'x-name': 'value',
      origin: 'https://a.example',
    });
    expect(request.headersDistinct['x-name']).toEqual(['value']);
    expect(request.socket.remoteAddress).toBe('127.0.0.1');
    expect(request.socket.localPort).toBe(Number(new URL(site.url).port));
    expect(request.socket).toBe(peer._socket);
    expect('encrypted' in request.socket && request.socket.encrypted).toBe(true);
  });

  test('agrees on subprotocols and compression, with headers of the program', async () => {
    const site = await startSite({ perMessageDeflate: true });
    site.server.on('headers', (lines, request) => {
      expect(lines[0]).toBe(':status: 200');
      lines.push(`X-Path: ${request.url}`, 'Set-Cookie: a=b', 'Set-Cookie: c=d');
    });
    const client = open(site.url, {}, ['one', 'two']);
    const opened = until(client, 'open');
    const [response] = (await until(client, 'upgrade')) as [IncomingMessage];
    await opened;
    expect([response.statusCode, response.headers['x-path'], response.headers['set-cookie']]).toEqual([
      200,
      '/',
      ['a=b', 'c=d'],
    ]);
    expect([client.protocol, client.extensions]).toEqual(['one', 'permessage-deflate']);
    const [peer] = site.server.clients;
    const text = 'compressible '.repeat(10_000);
    peer.send(text);
    expect(String((await once(client, 'message'))[0])).toBe(text);
  });

  test.each<[string, object, number]>([
    ['verifyClient at once', { verifyClient: () => false }, 401],
    [
      'verifyClient later',
      {
        verifyClient: (
          _info: unknown,
          answer: (isVerified: boolean, code: number, text: string, headers: object) => void,
        ) =>
          setImmediate(answer, false, 403, 'not you', {
            'X-Reason': 'because',
            'Content-Type': 'text/special',
          }),
      },
      403,
    ],
    ['the path', { path: '/other' }, 400],
  ])('refuses by %s', async (_, options, status) => {
    const { url, server } = await startSite(options);
    server.on('wsClientError', () => expect.fail('its listeners speak HTTP/1.1'));
    const client = open(url);
    const events = record(client, ['open', 'error', 'close']);
    await until(client, 'close');
    expect(events).toEqual([
      ['error', { name: 'Error', code: undefined, message: `Unexpected server response: ${status}` }],
      ['close', 1006, 'Buffer '],
    ]);
    if (status === 403) {
      const error = await connect(url, { tls: { ca }, http2: sharing() }).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ status: 403, body: 'not you' });
      const { headers } = error as { headers: { get(name: string): unknown } };
      expect([headers.get('x-reason'), headers.get('content-type')]).toEqual(['because', 'text/special']);
    }
  });

  test('goes on with its pages, and with CONNECTs that are not for WebSockets', async () => {
    const site = await startSite();
    const { client } = await pair(site);
    const { connect: connectSession } = await import('node:http2');
    const session = connectSession(site.url.replace('wss:', 'https:'), { ca });
    afterwards(() => session.destroy());
    const get = session.request({ ':path': '/' });
    let body = '';
    for await (const part of get.setEncoding('utf8')) body += part;
    expect(body).toBe('<title>page</title>');
    const other = session.request({
      ':method': 'CONNECT',
      ':protocol': 'other',
      ':path': '/',
      ':scheme': 'https',
    });
    const [{ ':status': status }] = (await once(other, 'response')) as [Record<string, unknown>];
    expect(status).toBe(405);
    expect(client.readyState).toBe(WebSocket.OPEN);
  });

  test('lets go of a client that leaves while verifyClient takes its time', async () => {
    let decide: ((isVerified: boolean) => void) | undefined;
    const site = await startSite({
      verifyClient: (_info: unknown, answer: (isVerified: boolean) => void) => {
        decide = answer;
      },
    });
    site.server.on('connection', () => expect.fail('a connection'));
    const client = open(site.url);
    client.on('error', () => undefined);
    await expect.poll(() => decide).toBeDefined();
    client.terminate();
    await until(client, 'close');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(thrownBy(() => decide?.(true))).toBeUndefined();
    expect(site.server.clients.size).toBe(0);
  });

  test('takes no more once it is closed, and ends when its clients are gone', async () => {
    const site = await startSite();
    const http2 = sharing();
    const { client } = await pair(site, { http2 });
    const closed = once(site.server, 'close');
    site.server.close();
    const late = open(site.url, { http2 });
    // Nobody hears its CONNECT, nor its upgrade: what is left is the page.
    expect(describeError((await until(late, 'error'))[0]).message).toBe('Unexpected server response: 200');
    client.close();
    await closed;
  });

  test('ends one WebSocket and not the others of its connection', async () => {
    const site = await startSite();
    const http2 = sharing();
    const [one, two] = [await pair(site, { http2 }), await pair(site, { http2 })];
    expect(site.sessions()).toBe(1);
    one.peer.terminate();
    expect((await until(one.client, 'close'))[0]).toBe(1006);
    two.peer.send('still here');
    expect(String((await once(two.client, 'message'))[0])).toBe('still here');
    two.client._socket?.destroy();
    await until(two.peer, 'close');
  });

  test('pauses, goes on, and is a stream, each WebSocket by itself', async () => {
    const site = await startSite();
    const http2 = sharing();
    const [paused, other] = [await pair(site, { http2 }), await pair(site, { http2 })];
    const events = record(paused.peer, ['message']);
    paused.peer.pause();
    const piece = Buffer.alloc(100_000, 1);
    for (let count = 0; count < 10; count++) paused.client.send(piece);
    const [left, right] = [createWebSocketStream(other.client), createWebSocketStream(other.peer)];
    right.pipe(right);
    left.end(Buffer.alloc(300_000, 2));
    let length = 0;
    for await (const chunk of left) length += (chunk as Buffer).length;
    expect([length <= 300_000, events]).toEqual([true, []]);
    paused.peer.resume();
    await expect.poll(() => events.length).toBe(10);
  });

  test('has keep-alive and limits for each WebSocket', async () => {
    const site = await startSite({ pingIntervalMs: 10, maxPayload: 10 });
    const { client, peer } = await pair(site, { pingIntervalMs: 0 });
    await until(client, 'ping');
    client.send('more than ten bytes');
    expect(describeError((await until(peer, 'error'))[0]).message).toBe('Max payload size exceeded');
    expect((await until(client, 'close'))[0]).toBe(1009);
  });
});

describe('a client with the option http2', () => {
  test('shares a connection with others, also with those of connect', async () => {
    const site = await startSite();
    const http2 = sharing();
    await pair(site, { http2 });
    await pair(site, { http2, perMessageDeflate: false });
    const connection = await connect(site.url, { http2, tls: { ca }, proxy: false });
    connection.terminate();
    expect([site.server.clients.size, site.sessions(), http2.size]).toEqual([3, 1, 1]);
  });

  test('speaks it without TLS to a server that is known to', async () => {
    const site = await startSite({}, createServer(page));
    const { request } = await pair(site, { http2: sharing({ priorKnowledge: true }) });
    expect([request.httpVersion, 'encrypted' in request.socket]).toEqual(['2.0', false]);
  });

  test('goes over HTTP/1.1 where there is nothing else', async () => {
    const https = createHttpsServer(certificate);
    const server = new WebSocketServer({ server: https });
    https.listen(0, '127.0.0.1');
    await once(https, 'listening');
    afterwards(() => {
      server.close();
      https.close();
    });
    const url = `wss://127.0.0.1:${(https.address() as AddressInfo).port}`;
    let connections = 0;
    https.on('secureConnection', () => void connections++);
    const http2 = sharing();
    for (let count = 0; count < 2; count++) {
      const connected = once(server, 'connection');
      const client = open(url, { http2 });
      await until(client, 'open');
      const [peer, request] = (await connected) as [WebSocket, IncomingMessage];
      expect(request.httpVersion).toBe('1.1');
      peer.send('hello');
      expect(String((await once(client, 'message'))[0])).toBe('hello');
    }
    expect(connections).toBe(2);
  });

  test('asks again over HTTP/1.1 when the program wants to see a refusal', async () => {
    const site = await startSite({ verifyClient: () => false });
    const client = open(site.url);
    const events = record(client, ['error']);
    const [request, response] = await until(client, 'unexpected-response');
    expect([(request as { path: string }).path, (response as IncomingMessage).statusCode]).toEqual([
      '/',
      401,
    ]);
    expect(events).toEqual([]);
  });

  test('tells what Node says of a certificate and of a port', async () => {
    const site = await startSite();
    const stranger = open(site.url, { ca: undefined });
    expect(describeError((await until(stranger, 'error'))[0]).code).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
    const nowhere = open('wss://127.0.0.1:1');
    const events = record(nowhere, ['error', 'close']);
    await until(nowhere, 'close');
    expect(events).toEqual([
      ['error', expect.objectContaining({ code: 'ECONNREFUSED' })],
      ['close', 1006, 'Buffer '],
    ]);
  });

  test('whose error nobody hears ends the process, as ever', async () => {
    let client: WebSocket | undefined;
    const error = await uncaughtBy(() => {
      client = new WebSocket('wss://127.0.0.1:1', { http2: true });
    });
    expect(describeError(error).code).toBe('ECONNREFUSED');
    expect(client?.readyState).toBe(WebSocket.CLOSING);
  });

  test.each(['close', 'terminate'] as const)('is ended by %s while it connects', async (method) => {
    const site = await startSite();
    const client = open(site.url);
    const events = record(client, ['open', 'error', 'close']);
    client[method]();
    await until(client, 'close');
    expect(events.map(([name]) => name)).toEqual(['error', 'close']);
    expect(site.server.clients.size).toBe(0);
  });

  test('may be closed in upgrade', async () => {
    const site = await startSite({ perMessageDeflate: true });
    const client = open(site.url);
    const events = record(client, ['open', 'error', 'close']);
    client.on('upgrade', () => client.close());
    await until(client, 'close');
    expect(events.map(([name]) => name)).toEqual(['error', 'close']);
    await expect.poll(() => site.server.clients.size).toBe(0);
  });

  test('gives up after handshakeTimeout', async () => {
    const site = await startSite({ verifyClient: (_info: unknown, _answer: unknown) => undefined });
    const client = open(site.url, { handshakeTimeout: 100 });
    expect(describeError((await until(client, 'error'))[0]).message).toBe('Opening handshake has timed out');
  });

  test('sends user and password of the URL', async () => {
    const site = await startSite();
    const { request } = await pair({ ...site, url: site.url.replace('//', '//user:pass%20word@') });
    expect(request.headers.authorization).toBe(`Basic ${Buffer.from('user:pass word').toString('base64')}`);
  });

  test.each<[string, object]>([
    ['agent', { agent: new Agent() }],
    ['createConnection', { createConnection: () => undefined }],
    ['finishRequest', { finishRequest: () => undefined }],
  ])('does not go with %s', (name, options) => {
    const error = thrownBy(() => new WebSocket('wss://127.0.0.1:1', { http2: true, ...options }));
    expect(describeError(error)).toMatchObject({ code: 'WS_OPTION_INVALID' });
    expect(describeError(error).message).toContain(name);
  });
});

test('Chromium opens WebSockets over HTTP/2 on the page of a server that has both', async (context: TestContext) => {
  if (!existsSync(chromiumPath)) {
    const hint = `${chromiumPath} is missing: apt-get install chromium`;
    if (process.env['CI'] !== undefined) expect.fail(hint);
    context.skip(hint);
  }
  const site = await startSite({ perMessageDeflate: true });
  const versions: string[] = [];
  site.server.on('connection', (socket, request) => {
    versions.push(request.httpVersion);
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  });
  const browser = await launchChromium();
  try {
    const tab = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
    await tab.goto(site.url.replace('wss:', 'https:'));
    const seen = await tab.evaluate(async (url) => {
      const echo = (text: string): Promise<unknown[]> =>
        new Promise((resolve, reject) => {
          const socket = new globalThis.WebSocket(url);
          socket.onopen = () => socket.send(text);
          socket.onerror = () => reject(new Error('no connection'));
          let length = 0;
          socket.onmessage = ({ data }: { data: string }) => {
            length = data.length;
            socket.close(4000, 'bye');
          };
          socket.onclose = ({ code, wasClean }: { code: number; wasClean: boolean }) =>
            resolve([length, code, wasClean, socket.extensions !== '']);
        });
      return [await echo('x'.repeat(100_000)), await echo('short')];
    }, site.url);
    expect(seen).toEqual([
      [100_000, 4000, true, true],
      [5, 4000, true, true],
    ]);
    expect([versions, site.sessions()]).toEqual([['2.0', '2.0'], 1]);
  } finally {
    await browser.close();
  }
}, 60_000);
