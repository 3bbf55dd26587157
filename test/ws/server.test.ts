import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import type { ServerOptions } from 'ws';
import { describe, expect, test } from 'vitest';
import { expectedOf, implementations } from './implementations.ts';
import {
  afterwards,
  askRaw,
  connectPair,
  describeError,
  handshake,
  makeClient,
  portOf,
  record,
  startHttp,
  startServer,
  thrownBy,
  urlOf,
} from './stage.ts';

describe.each(implementations)('server of $name', (implementation) => {
  const { WebSocketServer: Server, WebSocket: Class } = implementation;

  test.each<[string, ServerOptions | undefined]>([
    ['nothing', undefined],
    ['no place', {}],
    ['a port and noServer', { port: 0, noServer: true }],
  ])('needs one place, not %s', (_, options) => {
    expect(describeError(thrownBy(() => new Server(options)))).toEqual({
      name: 'TypeError',
      code: undefined,
      message: 'One and only one of the "port", "server", or "noServer" options must be specified',
    });
  });

  test('tells its address, and in the mode noServer that it has none', async () => {
    const server = await startServer(implementation);
    expect(server.address()).toEqual({ address: '127.0.0.1', family: 'IPv4', port: expect.any(Number) });
    const handed = new Server({ noServer: true });
    expect(thrownBy(() => handed.address())).toMatchObject({
      message: 'The server is operating in "noServer" mode',
    });
    const http = await startHttp();
    const attached = new Server({ server: http });
    expect(attached.address()).toEqual(http.address());
    attached.close();
    expect(attached.address()).toBeNull();
  });

  test('calls back when it listens, and emits an error when it cannot', async () => {
    const server = await startServer(implementation);
    await new Promise<void>((resolve) => {
      const second = new Server({ port: 0, host: '127.0.0.1' }, resolve);
      afterwards(() => second.close());
    });
    const third = new Server({ port: portOf(server), host: '127.0.0.1' });
    const [error] = await once(third, 'error');
    expect(describeError(error)).toMatchObject({ code: 'EADDRINUSE' });
  });

  test('answers ordinary requests on its own port with 426', async () => {
    const server = await startServer(implementation);
    const response = await fetch(urlOf(server).replace('ws:', 'http:'));
    expect([response.status, await response.text()]).toEqual([426, 'Upgrade Required']);
  });

  test('gives connection the socket and the request', async () => {
    const server = await startServer(implementation);
    const client = makeClient(implementation, urlOf(server, '/a?b=c'), { headers: { 'x-name': 'value' } });
    const [socket, request] = await once(server, 'connection');
    expect(socket).toBeInstanceOf(Class);
    expect((socket as { readyState: number }).readyState).toBe(Class.OPEN);
    expect([(request as IncomingMessage).url, (request as IncomingMessage).headers['x-name']]).toEqual([
      '/a?b=c',
      'value',
    ]);
    await once(client, 'open');
    expect((socket as { url: unknown }).url ?? '').toBe('');
  });

  test.each<[string, (lines: string[]) => string[], number, string, object]>([
    ['another method', (lines) => ['POST / HTTP/1.1', ...lines.slice(1)], 405, 'Invalid HTTP method', {}],
    ['another protocol', (lines) => replaced(lines, 'Upgrade', 'foo'), 400, 'Invalid Upgrade header', {}],
    [
      'a key that is none',
      (lines) => replaced(lines, 'Sec-WebSocket-Key', 'short'),
      400,
      'Missing or invalid Sec-WebSocket-Key header',
      {},
    ],
    [
      'no key',
      (lines) => replaced(lines, 'Sec-WebSocket-Key', undefined),
      400,
      'Missing or invalid Sec-WebSocket-Key header',
      {},
    ],
    [
      'version 12',
      (lines) => replaced(lines, 'Sec-WebSocket-Version', '12'),
      400,
      'Missing or invalid Sec-WebSocket-Version header',
      { 'sec-websocket-version': expectedOf('supported versions', implementation) },
    ],
    [
      'subprotocols that make no list',
      (lines) => [...lines, 'Sec-WebSocket-Protocol: a b'],
      400,
      'Invalid Sec-WebSocket-Protocol header',
      {},
    ],
    [
      'a subprotocol twice',
      (lines) => [...lines, 'Sec-WebSocket-Protocol: a, a'],
      400,
      'Invalid Sec-WebSocket-Protocol header',
      {},
    ],
    [
      'extensions that make no list',
      (lines) => [...lines, 'Sec-WebSocket-Extensions: permessage-deflate; =x'],
      400,
      'Invalid or unacceptable Sec-WebSocket-Extensions header',
      {},
    ],
  ])(
    'refuses %s, and leaves it to wsClientError if somebody listens',
    async (_, change, status, message, headers) => {
      const server = await startServer(implementation, { perMessageDeflate: true });
      const lines = change([...handshake]);
      const answer = await askRaw(portOf(server), lines);
      expect([answer.status, answer.body]).toEqual([status, message]);
      expect(answer.headers).toMatchObject({
        connection: 'close',
        'content-type': 'text/html',
        'content-length': String(message.length),
        ...headers,
      });
      const heard: unknown[] = [];
      server.on('wsClientError', (error: Error, socket: Duplex, request: IncomingMessage) => {
        heard.push([error.message, request.url]);
        socket.end('HTTP/1.1 418 I am a teapot\r\n\r\n');
      });
      expect((await askRaw(portOf(server), lines)).status).toBe(418);
      expect(heard).toEqual([[message, '/']]);
    },
  );

  test('takes a request without the token Upgrade in Connection', async () => {
    const server = await startServer(implementation);
    // Node itself passes nothing on as an upgrade without it.
    const http = await startHttp();
    const answers: string[] = [];
    http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      request.headers.connection = 'keep-alive';
      for (const [index, name] of request.rawHeaders.entries())
        if (name === 'Connection') request.rawHeaders[index + 1] = 'keep-alive';
      const write = socket.end.bind(socket);
      socket.end = ((data: string) => {
        answers.push(data);
        return write(data);
      }) as typeof socket.end;
      server.handleUpgrade(request, socket, head, () => answers.push('HTTP/1.1 101'));
    });
    await askRaw(portOf(http), handshake);
    expect(Number(answers[0].split(' ')[1])).toBe(expectedOf('no Connection header', implementation));
  });

  test('takes only the versions of the protocol that it knows', async () => {
    const server = await startServer(implementation);
    const answer = await askRaw(portOf(server), replaced([...handshake], 'Sec-WebSocket-Version', '8'));
    expect(answer.status).toBe(expectedOf('version 8', implementation));
  });

  test('reads a list of subprotocols with an empty element', async () => {
    const server = await startServer(implementation);
    const answer = await askRaw(portOf(server), [...handshake, 'Sec-WebSocket-Protocol: a,']);
    expect(answer.status).toBe(expectedOf('empty element in a list', implementation));
  });

  test('answers an offer that cannot be met', async () => {
    const server = await startServer(implementation, { perMessageDeflate: true });
    const answer = await askRaw(portOf(server), [
      ...handshake,
      'Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=7',
    ]);
    expect(answer.status).toBe(expectedOf('extension that cannot be agreed', implementation));
  });

  test('serves one path only when that is asked for, whatever the query', async () => {
    const server = await startServer(implementation, { path: '/chat' });
    const at = (target: string): Promise<{ status: number; body: string }> =>
      askRaw(portOf(server), [`GET ${target} HTTP/1.1`, ...handshake.slice(1)]);
    expect((await at('/chat?a=b')).status).toBe(101);
    expect(await at('/')).toMatchObject({ status: 400, body: 'Bad Request' });
    server.shouldHandle = () => true;
    expect((await at('/other')).status).toBe(101);
  });

  test('takes null for options that are not given', async () => {
    const nothing = {
      server: null,
      verifyClient: null,
      handleProtocols: null,
      path: null,
      perMessageDeflate: null,
    };
    const server = await startServer(implementation, nothing as never);
    expect((await askRaw(portOf(server), handshake)).status).toBe(101);
  });

  test('lets a program put what it likes on a socket', async () => {
    const { client } = await connectPair(implementation);
    const names = ['connection', 'wasClean', 'id', 'isAlive', 'closed', 'data', 'options', 'server'];
    for (const name of names) expect(Reflect.set(client, name, 'mine')).toBe(true);
    for (const name of names) expect(Reflect.get(client, name)).toBe('mine');
  });

  test('serves what a shouldHandle says that knows no types', async () => {
    const server = await startServer(implementation);
    server.shouldHandle = () => undefined as never;
    expect((await askRaw(portOf(server), handshake)).status).toBe(400);
  });

  test('asks verifyClient, which answers at once', async () => {
    const asked: unknown[] = [];
    const server = await startServer(implementation, {
      verifyClient: (info: { origin: string; secure: boolean; req: IncomingMessage }) => {
        asked.push([info.origin, info.secure, info.req.url]);
        return info.origin === 'https://good.example';
      },
    });
    expect((await askRaw(portOf(server), [...handshake, 'Origin: https://good.example'])).status).toBe(101);
    expect(await askRaw(portOf(server), [...handshake, 'Origin: https://bad.example'])).toMatchObject({
      status: 401,
      body: 'Unauthorized',
    });
    await askRaw(portOf(server), handshake);
    expect(asked).toEqual([
      ['https://good.example', false, '/'],
      ['https://bad.example', false, '/'],
      [undefined, false, '/'],
    ]);
  });

  test('asks verifyClient, which answers later, with a response of its own', async () => {
    const server = await startServer(implementation, {
      verifyClient: ({ req }, callback) => {
        const path = req.url ?? '';
        setImmediate(() => {
          if (path === '/yes') callback(true);
          else if (path === '/no') callback(false);
          else callback(false, 403, 'not you', { 'X-Reason': 'because' });
        });
      },
    });
    const at = (target: string): ReturnType<typeof askRaw> =>
      askRaw(portOf(server), [`GET ${target} HTTP/1.1`, ...handshake.slice(1)]);
    expect((await at('/yes')).status).toBe(101);
    expect(await at('/no')).toMatchObject({ status: 401, body: 'Unauthorized' });
    expect(await at('/other')).toMatchObject({
      status: 403,
      body: 'not you',
      headers: { 'x-reason': 'because' },
    });
  });

  test.each<[string, ServerOptions, string | undefined]>([
    ['the first that is offered', {}, 'a'],
    ['what handleProtocols says', { handleProtocols: (protocols) => [...protocols][1] }, 'b'],
    ['none when handleProtocols says false', { handleProtocols: () => false }, undefined],
  ])('agrees on %s', async (_, options, expected) => {
    const server = await startServer(implementation, options);
    const connected = once(server, 'connection');
    const answer = await askRaw(portOf(server), [...handshake, 'Sec-WebSocket-Protocol: a, b']);
    const [socket] = await connected;
    expect([answer.headers['sec-websocket-protocol'], (socket as { protocol: string }).protocol]).toEqual([
      expected,
      expected ?? '',
    ]);
  });

  test('lets headers be added to the 101', async () => {
    const server = await startServer(implementation);
    server.on('headers', (headers, request) => {
      expect(headers[0]).toBe('HTTP/1.1 101 Switching Protocols');
      headers.push(`X-Path: ${request.url}`, 'Set-Cookie: a=b');
    });
    const answer = await askRaw(portOf(server), handshake);
    expect(answer.headers).toMatchObject({
      'x-path': '/',
      'set-cookie': 'a=b',
      'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
    });
  });

  test('emits headers before open and connection', async () => {
    const order: string[] = [];
    class Watched extends Class {
      constructor(...parameters: ConstructorParameters<typeof Class>) {
        super(...parameters);
        order.push(`constructed ${parameters[0]}`);
        this.on('open', () => order.push('open'));
      }
    }
    const server = await startServer(implementation, { WebSocket: Watched as never });
    server.on('headers', () => order.push('headers'));
    server.on('connection', (socket) => order.push(`connection ${socket instanceof Watched}`));
    await askRaw(portOf(server), handshake);
    expect(order).toEqual(['constructed null', 'headers', 'open', 'connection true']);
  });

  test('takes upgrades that are handed over, by path, on one HTTP server', async () => {
    const http = await startHttp();
    const servers = new Map(['/one', '/two'].map((path) => [path, new Server({ noServer: true })]));
    http.on('upgrade', (request, socket, head) => {
      const server = servers.get(request.url ?? '');
      if (server === undefined) socket.destroy();
      else
        server.handleUpgrade(request, socket, head, (client, sameRequest) => {
          expect(sameRequest).toBe(request);
          server.emit('connection', client, request);
        });
    });
    const seen: string[] = [];
    for (const [path, server] of servers) {
      server.on('connection', (socket, request) => {
        seen.push(`${path} ${request.url}`);
        socket.send(path);
      });
    }
    for (const path of servers.keys()) {
      const client = makeClient(implementation, urlOf(http, path));
      const [data] = await once(client, 'message');
      expect(String(data)).toBe(path);
    }
    expect(seen).toEqual(['/one /one', '/two /two']);
  });

  test('refuses to take over one socket twice', async () => {
    const http = await startHttp();
    const server = new Server({ noServer: true });
    const thrown = new Promise((resolve) => {
      http.on('upgrade', (request, socket, head) => {
        server.handleUpgrade(request, socket, head, () => undefined);
        resolve(thrownBy(() => server.handleUpgrade(request, socket, head, () => undefined)));
      });
    });
    void askRaw(portOf(http), handshake);
    expect(describeError(await thrown).message).toBe(
      'server.handleUpgrade() was called more than once with the same socket, possibly due to a misconfiguration',
    );
  });

  test('delivers frames that came with the request', async () => {
    const server = await startServer(implementation);
    const message = new Promise((resolve) => {
      server.on('connection', (socket) => socket.on('message', (data) => resolve(String(data))));
    });
    const { connect } = await import('node:net');
    const socket = connect(portOf(server), '127.0.0.1');
    afterwards(() => socket.destroy());
    socket.write(`${handshake.join('\r\n')}\r\n\r\n`);
    socket.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]));
    expect(await message).toBe('hi');
  });

  test('tracks its clients, unless that is off', async () => {
    const { server, client, peer } = await connectPair(implementation);
    expect([...server.clients]).toEqual([peer]);
    let sizeAtClose: number | undefined;
    peer.on('close', () => {
      sizeAtClose = server.clients.size;
    });
    client.close();
    await once(peer, 'close');
    expect(sizeAtClose).toBe(0);
    const untracked = await startServer(implementation, { clientTracking: false });
    expect(untracked.clients).toBeUndefined();
  });

  test('close on a port of its own waits for the connections, and takes no new ones', async () => {
    const { server, client } = await connectPair(implementation);
    const events = record(server, ['close']);
    const closed = new Promise((resolve) => server.close(resolve));
    expect(server.address()).toBeNull();
    const late = makeClient(implementation, client.url);
    const [error] = await once(late, 'error');
    expect(describeError(error)).toMatchObject({ code: 'ECONNREFUSED' });
    expect(events).toEqual([]);
    client.close();
    expect(await closed).toBeUndefined();
    expect(events).toEqual([['close']]);
    const again = await new Promise((resolve) => server.close(resolve));
    expect(describeError(again).message).toBe('The server is not running');
  });

  test('close on the HTTP server of somebody else waits for its clients and leaves that server alone', async () => {
    const http = await startHttp();
    const server = new Server({ server: http });
    const client = makeClient(implementation, urlOf(http));
    await Promise.all([once(server, 'connection'), once(client, 'open')]);
    const events = record(server, ['close']);
    server.close();
    await new Promise(setImmediate);
    expect(events).toEqual([]);
    client.close();
    await once(server, 'close');
    expect(http.listening).toBe(true);
    expect(http.listenerCount('upgrade')).toBe(0);
  });

  test('answers an upgrade with 503 once it is closing', async () => {
    const http = await startHttp();
    const server = new Server({ noServer: true });
    server.close();
    http.on('upgrade', (request, socket, head) =>
      server.handleUpgrade(request, socket, head, () => undefined),
    );
    expect(await askRaw(portOf(http), handshake)).toMatchObject({ status: 503, body: 'Service Unavailable' });
  });

  test('passes on listening and error of the HTTP server', async () => {
    const { createServer } = await import('node:http');
    const http = createServer();
    afterwards(() => void http.close());
    const server = new Server({ server: http });
    const events = record(server, ['listening', 'error']);
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    http.emit('error', new Error('of the server'));
    expect(events).toEqual([
      ['listening'],
      ['error', { name: 'Error', code: undefined, message: 'of the server' }],
    ]);
  });

  test('serves on a unix socket of an HTTP server, and clients reach it there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fullduplex-ws-'));
    afterwards(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'ws.sock');
    const { createServer } = await import('node:http');
    const http = createServer();
    const server = new Server({ server: http });
    afterwards(() => void http.close());
    http.listen(path);
    await once(http, 'listening');
    expect(existsSync(path)).toBe(true);
    server.on('connection', (socket, request) => socket.send(request.url ?? ''));
    const client = makeClient(implementation, `ws+unix:${path}:/path?query`);
    const [data] = await once(client, 'message');
    expect(String(data)).toBe('/path?query');
    expect(client.url).toBe(`ws+unix:${path}:/path?query`);
  });
});

function replaced(lines: string[], name: string, value: string | undefined): string[] {
  return lines.flatMap((line) =>
    line.startsWith(`${name}:`) ? (value === undefined ? [] : [`${name}: ${value}`]) : [line],
  );
}
