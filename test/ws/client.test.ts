import { once } from 'node:events';
import { Agent, type ClientRequest, type IncomingMessage } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { selfSignedCertificate } from '../node/certificate.ts';
import { implementations } from './implementations.ts';
import {
  afterwards,
  connectPair,
  describeError,
  handshake,
  makeClient,
  maskedFrame,
  plain,
  portOf,
  record,
  startHttp,
  startServer,
  startTcp,
  thrownBy,
  until,
  urlOf,
} from './stage.ts';

function error(message: string): unknown {
  return { name: 'Error', code: undefined, message };
}

describe.each(implementations)('client of $name', (implementation) => {
  const { WebSocket: Class, WebSocketServer: Server } = implementation;

  test.each<[string, unknown[], object]>([
    ['no URL', ['nonsense'], { name: 'SyntaxError', message: 'Invalid URL: nonsense' }],
    [
      'another scheme',
      ['ftp://127.0.0.1'],
      {
        name: 'SyntaxError',
        message: 'The URL\'s protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"',
      },
    ],
    [
      'a fragment',
      ['ws://127.0.0.1/#a'],
      { name: 'SyntaxError', message: 'The URL contains a fragment identifier' },
    ],
    [
      'a unix socket without a path',
      ['ws+unix:'],
      { name: 'SyntaxError', message: "The URL's pathname is empty" },
    ],
    [
      'a subprotocol that is no token',
      ['ws://127.0.0.1', 'a b'],
      { name: 'SyntaxError', message: 'An invalid or duplicated subprotocol was specified' },
    ],
    [
      'a subprotocol twice',
      ['ws://127.0.0.1', ['a', 'a']],
      { name: 'SyntaxError', message: 'An invalid or duplicated subprotocol was specified' },
    ],
    [
      'an empty subprotocol',
      ['ws://127.0.0.1', ''],
      { name: 'SyntaxError', message: 'An invalid or duplicated subprotocol was specified' },
    ],
    [
      'version 12',
      ['ws://127.0.0.1', { protocolVersion: 12 }],
      { name: 'RangeError', message: 'Unsupported protocol version: 12 (supported versions: 8, 13)' },
    ],
  ])('throws for %s', (_, parameters, expected) => {
    expect(describeError(thrownBy(() => Reflect.construct(Class, parameters)))).toMatchObject(expected);
  });

  test.each<[string, (url: string) => unknown[], string | undefined]>([
    ['a URL', (url) => [new URL(url)], undefined],
    ['http:', (url) => [url.replace('ws:', 'http:')], undefined],
    ['a subprotocol', (url) => [url, 'a'], 'a'],
    ['subprotocols', (url) => [url, ['a', 'b']], 'a,b'],
    ['options', (url) => [url, { origin: 'https://a.example' }], undefined],
    ['subprotocols in the options', (url) => [url, { protocols: ['a', 'b'] }], 'a,b'],
    ['null for the options', (url) => [url, [], null], undefined],
  ])('is constructed with %s', async (_, parameters, offered) => {
    const server = await startServer(implementation);
    const client = Reflect.construct(Class, parameters(urlOf(server))) as InstanceType<typeof Class>;
    afterwards(() => client.terminate());
    const [[, request]] = await Promise.all([once(server, 'connection'), once(client, 'open')]);
    expect((request as IncomingMessage).headers['sec-websocket-protocol']).toBe(offered);
    expect(client.url).toBe(`${urlOf(server)}/`);
    expect(client.protocol).toBe(offered === undefined ? '' : 'a');
  });

  test('sends the headers that it is given, and those of the handshake', async () => {
    const server = await startServer(implementation);
    makeClient(implementation, urlOf(server, '/path?query'), {
      headers: { 'X-Name': 'value', Cookie: 'a=b' },
      origin: 'https://a.example',
    });
    const [, request] = await once(server, 'connection');
    const { headers, url, method } = request as IncomingMessage;
    expect([method, url]).toEqual(['GET', '/path?query']);
    expect(headers).toMatchObject({
      host: `127.0.0.1:${portOf(server)}`,
      'x-name': 'value',
      cookie: 'a=b',
      origin: 'https://a.example',
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': expect.stringMatching(/^.{22}==$/),
    });
  });

  test('sends user and password of the URL', async () => {
    const server = await startServer(implementation);
    makeClient(implementation, urlOf(server).replace('//', '//user:pass%20word@'));
    const [, request] = await once(server, 'connection');
    expect((request as IncomingMessage).headers.authorization).toBe(
      `Basic ${Buffer.from('user:pass word').toString('base64')}`,
    );
  });

  test('emits upgrade with the response, then open, then messages', async () => {
    const server = await startServer(implementation);
    server.on('connection', (socket) => socket.send('hello'));
    const client = makeClient(implementation, urlOf(server));
    const order: unknown[] = [];
    client.on('upgrade', (response) => order.push(['upgrade', response.statusCode, client.readyState]));
    client.on('open', () => order.push(['open', client.readyState]));
    client.on('message', (data) => order.push(['message', String(data)]));
    await once(client, 'message');
    expect(order).toEqual([
      ['upgrade', 101, Class.CONNECTING],
      ['open', Class.OPEN],
      ['message', 'hello'],
    ]);
  });

  test('may be closed in upgrade', async () => {
    const server = await startServer(implementation);
    const client = makeClient(implementation, urlOf(server));
    const events = record(client, ['open', 'error', 'close']);
    client.on('upgrade', () => client.close());
    await until(client, 'close');
    expect(events).toEqual([
      ['error', error('WebSocket was closed before the connection was established')],
      ['close', 1006, 'Buffer '],
    ]);
  });

  test('emits an error for another status, then close', async () => {
    const http = await startHttp();
    http.on('upgrade', (_request, socket) =>
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n'),
    );
    const client = makeClient(implementation, urlOf(http));
    const events = record(client, ['open', 'error', 'close']);
    await until(client, 'close');
    expect(events).toEqual([
      ['error', error('Unexpected server response: 401')],
      ['close', 1006, 'Buffer '],
    ]);
  });

  test('leaves another status to unexpected-response', async () => {
    const http = await startHttp();
    http.on('upgrade', (_request, socket) =>
      socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nbody'),
    );
    const client = makeClient(implementation, urlOf(http));
    const events = record(client, ['error', 'close']);
    const [request, response] = (await until(client, 'unexpected-response')) as [
      ClientRequest,
      IncomingMessage,
    ];
    expect([request.path, response.statusCode, client.readyState]).toEqual(['/', 401, Class.CONNECTING]);
    response.setEncoding('utf8');
    expect(await once(response, 'data')).toEqual(['body']);
    expect(events).toEqual([]);
    client.close();
    await until(client, 'close');
    expect(events.map(([name]) => name)).toEqual(['error', 'close']);
  });

  test('emits an error when nobody listens there, then close', async () => {
    const http = await startHttp();
    const url = urlOf(http);
    await new Promise((resolve) => http.close(resolve));
    const client = makeClient(implementation, url);
    const events = record(client, ['error', 'close']);
    await until(client, 'close');
    expect(events).toEqual([
      ['error', expect.objectContaining({ code: 'ECONNREFUSED' })],
      ['close', 1006, 'Buffer '],
    ]);
  });

  const answers: [string, string, string, object][] = [
    [
      'another protocol in Upgrade',
      'Upgrade: foo\r\nSec-WebSocket-Accept: KEY',
      'Invalid Upgrade header',
      {},
    ],
    [
      'a wrong accept',
      'Upgrade: websocket\r\nSec-WebSocket-Accept: wrong',
      'Invalid Sec-WebSocket-Accept header',
      {},
    ],
    ['no accept', 'Upgrade: websocket', 'Invalid Sec-WebSocket-Accept header', {}],
    [
      'a subprotocol nobody asked for',
      'Upgrade: websocket\r\nSec-WebSocket-Accept: KEY\r\nSec-WebSocket-Protocol: a',
      'Server sent a subprotocol but none was requested',
      {},
    ],
    [
      'another subprotocol',
      'Upgrade: websocket\r\nSec-WebSocket-Accept: KEY\r\nSec-WebSocket-Protocol: b',
      'Server sent an invalid subprotocol',
      { protocols: 'a' },
    ],
    [
      'no subprotocol',
      'Upgrade: websocket\r\nSec-WebSocket-Accept: KEY',
      'Server sent no subprotocol',
      { protocols: 'a' },
    ],
    [
      'extensions nobody asked for',
      'Upgrade: websocket\r\nSec-WebSocket-Accept: KEY\r\nSec-WebSocket-Extensions: permessage-deflate',
      'Server sent a Sec-WebSocket-Extensions header but no extension was requested',
      { perMessageDeflate: false },
    ],
    [
      'another extension',
      'Upgrade: websocket\r\nSec-WebSocket-Accept: KEY\r\nSec-WebSocket-Extensions: foo',
      'Server indicated an extension that was not requested',
      {},
    ],
    [
      'extensions that make no list',
      'Upgrade: websocket\r\nSec-WebSocket-Accept: KEY\r\nSec-WebSocket-Extensions: foo;=bar',
      'Invalid Sec-WebSocket-Extensions header',
      {},
    ],
    [
      'a parameter that is none',
      'Upgrade: websocket\r\nSec-WebSocket-Accept: KEY\r\nSec-WebSocket-Extensions: permessage-deflate; foo=bar',
      'Invalid Sec-WebSocket-Extensions header',
      {},
    ],
  ];

  test.each(answers)(
    'emits an error for an answer with %s',
    async (_, lines, message, { protocols, ...options }: { protocols?: string }) => {
      const { createHash } = await import('node:crypto');
      const server = await startTcp((socket, request) => {
        const key = /Sec-WebSocket-Key: (.*)\r\n/i.exec(request)?.[1] ?? '';
        const accept = createHash('sha1')
          .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
          .digest('base64');
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n${lines.replace('KEY', accept)}\r\n\r\n`,
        );
      });
      const client = makeClient(implementation, urlOf(server), options, protocols);
      const events = record(client, ['open', 'error', 'close']);
      await until(client, 'close');
      expect(events).toEqual([
        ['error', error(message)],
        ['close', 1006, 'Buffer '],
      ]);
    },
  );

  test('gives up after handshakeTimeout', async () => {
    const server = await startTcp(() => undefined);
    const client = makeClient(implementation, urlOf(server), { handshakeTimeout: 30 });
    const events = record(client, ['error', 'close']);
    await until(client, 'close');
    expect(events).toEqual([
      ['error', error('Opening handshake has timed out')],
      ['close', 1006, 'Buffer '],
    ]);
  });

  test('lets finishRequest end the request', async () => {
    const server = await startServer(implementation);
    const client = makeClient(implementation, urlOf(server), {
      finishRequest: (request, websocket) => {
        expect(websocket.readyState).toBe(Class.CONNECTING);
        setImmediate(() => {
          request.setHeader('X-Late', 'value');
          request.end();
        });
      },
    });
    const [[, request]] = await Promise.all([once(server, 'connection'), once(client, 'open')]);
    expect((request as IncomingMessage).headers['x-late']).toBe('value');
  });

  test('connects with what createConnection gives', async () => {
    const server = await startServer(implementation);
    let asked: unknown;
    const client = makeClient(implementation, 'ws://example.invalid:81/', {
      createConnection: ((options: { host?: string; port?: unknown }) => {
        asked = [options.host, Number(options.port)];
        return connect(portOf(server), '127.0.0.1');
      }) as never,
    });
    await once(client, 'open');
    expect(asked).toEqual(['example.invalid', 81]);
  });

  test('connects through an agent', async () => {
    const server = await startServer(implementation);
    const agent = new Agent({ keepAlive: false });
    afterwards(() => agent.destroy());
    let sockets = 0;
    const original = agent.createConnection.bind(agent) as (...parameters: unknown[]) => unknown;
    Object.assign(agent, {
      createConnection: (...parameters: unknown[]) => {
        sockets++;
        return original(...parameters);
      },
    });
    const client = makeClient(implementation, urlOf(server), { agent });
    await once(client, 'open');
    client.send('x');
    expect(sockets).toBe(1);
  });

  test('offers no compression when that is undefined', async () => {
    const server = await startServer(implementation);
    makeClient(implementation, urlOf(server), { perMessageDeflate: undefined });
    const [, request] = await once(server, 'connection');
    expect((request as IncomingMessage).headers['sec-websocket-extensions']).toBeUndefined();
  });

  test("sends a draft's version and origin header when it is told to", async () => {
    const http = await startHttp();
    const seen = new Promise<IncomingMessage>((resolve) => {
      http.on('upgrade', (request, socket) => {
        socket.destroy();
        resolve(request);
      });
    });
    makeClient(implementation, urlOf(http), { protocolVersion: 8, origin: 'https://a.example' }).on(
      'error',
      () => undefined,
    );
    const { headers } = await seen;
    expect([headers['sec-websocket-version'], headers['sec-websocket-origin'], headers.origin]).toEqual([
      '8',
      'https://a.example',
      undefined,
    ]);
  });

  test('makes its masking keys with generateMask', async () => {
    const { peer, client } = await connectPair(
      implementation,
      {},
      {
        generateMask: (mask: Buffer) => mask.fill(7),
      },
    );
    client.send('hello');
    const [data] = await once(peer, 'message');
    expect(plain(data)).toBe('Buffer hello');
  });

  test('follows redirects when it is told to, and says so', async () => {
    const server = await startServer(implementation);
    const http = await startHttp();
    http.on('upgrade', (_request, socket) =>
      socket.end(`HTTP/1.1 302 Found\r\nLocation: ${urlOf(server, '/target')}\r\nConnection: close\r\n\r\n`),
    );
    const client = makeClient(implementation, urlOf(http), { followRedirects: true });
    const redirects: unknown[] = [];
    client.on('redirect', (url, request) => redirects.push([url, request.path]));
    const [[, request]] = await Promise.all([once(server, 'connection'), once(client, 'open')]);
    expect((request as IncomingMessage).url).toBe('/target');
    expect(redirects).toEqual([[urlOf(server, '/target'), '/target']]);
    expect(client.url).toBe(urlOf(server, '/target'));
  });

  test('follows a relative redirect with its credentials, and to another host without', async () => {
    const target = await startServer(implementation);
    const http = await startHttp();
    http.on('upgrade', (request, socket) => {
      const location = request.url === '/' ? '/next' : urlOf(target);
      seen.push([request.url, request.headers.authorization, request.headers.cookie]);
      socket.end(`HTTP/1.1 307 Temporary Redirect\r\nLocation: ${location}\r\nConnection: close\r\n\r\n`);
    });
    const seen: unknown[] = [];
    const client = makeClient(implementation, urlOf(http).replace('//', '//user:pass@'), {
      followRedirects: true,
      headers: { Cookie: 'a=b', 'X-Other': 'kept' },
    });
    const [[, request]] = await Promise.all([once(target, 'connection'), once(client, 'open')]);
    const { headers } = request as IncomingMessage;
    const basic = `Basic ${Buffer.from('user:pass').toString('base64')}`;
    expect(seen).toEqual([
      ['/', basic, 'a=b'],
      ['/next', basic, 'a=b'],
    ]);
    expect([headers.authorization, headers.cookie, headers['x-other']]).toEqual([
      undefined,
      undefined,
      'kept',
    ]);
  });

  test('follows no redirect unless it is told to, and not too many', async () => {
    const http = await startHttp();
    http.on('upgrade', (_request, socket) =>
      socket.end('HTTP/1.1 302 Found\r\nLocation: /again\r\nConnection: close\r\n\r\n'),
    );
    const [plainError] = await once(makeClient(implementation, urlOf(http)), 'error');
    expect(describeError(plainError).message).toBe('Unexpected server response: 302');
    const many = makeClient(implementation, urlOf(http), { followRedirects: true, maxRedirects: 2 });
    const [tooMany] = await once(many, 'error');
    expect(describeError(tooMany).message).toBe('Maximum redirects exceeded');
  });

  test('emits an error for a redirect that leads nowhere', async () => {
    const http = await startHttp();
    http.on('upgrade', (_request, socket) =>
      socket.end('HTTP/1.1 302 Found\r\nLocation: ftp://127.0.0.1/\r\nConnection: close\r\n\r\n'),
    );
    const client = makeClient(implementation, urlOf(http), { followRedirects: true });
    const events = record(client, ['error', 'close']);
    await until(client, 'close');
    expect(events.map(([name]) => name)).toEqual(['error', 'close']);
    expect(events[0][1]).toMatchObject({ name: 'SyntaxError' });
  });

  test("takes over a stream by setSocket, as the server's end", async () => {
    const http = await startHttp();
    const handed = new Promise<unknown>((resolve) => {
      http.on('upgrade', (_request, socket, head) => {
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
        );
        const peer = Reflect.construct(Class, [null, undefined, {}]) as InstanceType<typeof Class> & {
          setSocket(stream: unknown, head: Buffer, options: object): void;
        };
        peer.setSocket(socket, head, { maxPayload: 0 });
        peer.once('message', (data) => resolve([plain(data), peer.readyState, peer.url ?? '']));
      });
    });
    const raw = connect(portOf(http), '127.0.0.1');
    afterwards(() => raw.destroy());
    raw.write(`${handshake.join('\r\n')}\r\n\r\n`);
    await once(raw, 'data');
    raw.write(maskedFrame(0x81, 'hi'));
    expect(await handed).toEqual(['Buffer hi', Class.OPEN, '']);
  });

  test('shows the socket under it', async () => {
    const { client, peer } = await connectPair(implementation);
    const sockets = [client, peer].map(
      (socket) => (socket as unknown as { _socket: { remoteAddress: string } })._socket,
    );
    expect(sockets.map(({ remoteAddress }) => remoteAddress)).toEqual(['127.0.0.1', '127.0.0.1']);
  });

  test('works over TLS with a certificate of its own', async () => {
    const https = createSecureServer(selfSignedCertificate());
    afterwards(() => void https.close());
    https.listen(0, '127.0.0.1');
    await once(https, 'listening');
    const server = new Server({ server: https });
    server.on('connection', (socket) => socket.send('safe'));
    const client = makeClient(implementation, urlOf(https).replace('ws:', 'wss:'), {
      rejectUnauthorized: false,
    });
    const [data] = await once(client, 'message');
    expect(String(data)).toBe('safe');
    const strict = makeClient(implementation, urlOf(https).replace('ws:', 'wss:'));
    const [failure] = await once(strict, 'error');
    expect(String(describeError(failure).code)).toMatch(/SELF_SIGNED|UNABLE_TO_VERIFY/);
  });
});
