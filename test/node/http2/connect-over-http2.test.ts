import { once } from 'node:events';
import { constants, createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { connect } from '../../../src/node/connect.ts';
import type { ConnectOptions } from '../../../src/node/connect-options.ts';
import { Http2Sessions } from '../../../src/node/http2/http2-sessions.ts';
import { serve } from '../../../src/node/serve.ts';
import { WebSocket } from '../../../src/node/web-socket.ts';
import type { WebSocketServer } from '../../../src/node/web-socket-server.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';
import { selfSignedCertificate } from '../certificate.ts';
import { deferred, until } from '../raw-client.ts';
import { rejectionOf } from '../raw-server.ts';
import type { ServerSettings } from './raw-session.ts';

const certificate = selfSignedCertificate();
const tls = { ca: certificate.cert };
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

interface Seen {
  readonly server: WebSocketServer;
  readonly versions: string[];
}

async function echoServer(options: ServerSettings = {}, isSecure = true): Promise<Seen> {
  const versions: string[] = [];
  const server = await serve<unknown>(
    { port: 0, host: '127.0.0.1', ...(isSecure ? { tls: certificate } : {}), ...options },
    {
      open: ({ httpVersion }) => void versions.push(httpVersion),
      message: (connection, message) => void connection.send(message),
    },
  );
  ends.push(() => server.close({ timeoutMs: 0 }));
  return { server, versions };
}

/** A server of node:http2 that answers extended CONNECTs as a test wants. */
async function http2Server(
  answer: (stream: ServerHttp2Stream) => void,
  options: Parameters<typeof createSecureServer>[0] = {},
): Promise<{ url: string; http: Http2SecureServer; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const http = createSecureServer({
    ...certificate,
    allowHTTP1: true,
    settings: { enableConnectProtocol: true },
    ...options,
  });
  http.on('stream', (stream) => {
    stream.on('error', () => undefined);
    answer(stream);
  });
  http.on('secureConnection', (socket: Socket) => void sockets.push(socket));
  await once(http.listen(0, '127.0.0.1'), 'listening');
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    http.close();
  });
  return { url: `wss://127.0.0.1:${(http.address() as AddressInfo).port}`, http, sockets };
}

function sharedSessions(options: ConstructorParameters<typeof Http2Sessions>[0] = {}): Http2Sessions {
  const sessions = new Http2Sessions(options);
  ends.push(() => sessions.close());
  return sessions;
}

async function expectEcho(connection: Awaited<ReturnType<typeof connect>>, text: string): Promise<void> {
  connection.send(text);
  for await (const message of connection) {
    expect(message).toBe(text);
    return;
  }
}

describe('a client with the option http2', () => {
  test('shares one connection for all WebSockets of an origin, and closes each in order', async () => {
    const { server, versions } = await echoServer();
    const sessions = sharedSessions();
    const connections = await Promise.all(
      // Written anew for each: equal options share.
      Array.from({ length: 20 }, (_, index) =>
        connect(`${server.url}/${index}`, { tls: { ca: certificate.cert }, http2: sessions }),
      ),
    );
    expect(sessions.size).toBe(1);
    await Promise.all(connections.map((connection, index) => expectEcho(connection, `message ${index}`)));
    const ended = await Promise.all(connections.map((connection) => connection.close(4000, 'bye')));
    for (const info of ended) expect(info).toEqual({ code: 4000, reason: 'bye', clean: true, by: 'local' });
    expect(versions).toEqual(Array.from({ length: 20 }, () => '2'));
  });

  test('true shares the connections of the process', async () => {
    const { url, http, sockets } = await http2Server(() => undefined);
    const ours = await serve(
      { server: http },
      { message: (connection, message) => void connection.send(message) },
    );
    ends.push(() => ours.close({ timeoutMs: 0 }));
    const connection = await connect(url, { tls, http2: true });
    await expectEcho(connection, 'hello');
    const other = await connect(url, { tls, http2: true });
    expect(sockets.length).toBe(1);
    expect([...ours.connections].map(({ httpVersion }) => httpVersion)).toEqual(['2', '2']);
    await Promise.all([connection.close(), other.close()]);
  });

  test('does not share where the options differ', async () => {
    const { server } = await echoServer();
    const sessions = sharedSessions();
    const one = await connect(server.url, { tls, http2: sessions });
    const two = await connect(server.url, { tls: { ...tls, minVersion: 'TLSv1.3' }, http2: sessions });
    expect(sessions.size).toBe(2);
    await Promise.all([one.close(), two.close()]);
  });

  test('speaks HTTP/1.1 without it, and with ws:', async () => {
    const { server, versions } = await echoServer();
    const plain = await echoServer({}, false);
    const connections = [
      await connect(server.url, { tls }),
      await connect(plain.server.url, { http2: true }),
    ];
    await Promise.all(connections.map((connection) => connection.close()));
    expect([...versions, ...plain.versions]).toEqual(['1.1', '1.1']);
  });

  test('sends headers, cookies, credentials and subprotocols, and compresses', async () => {
    const { promise, resolve } = deferred<unknown>();
    const { server } = await echoServer({
      protocols: ['chat'],
      perMessageDeflate: true,
      upgrade: ({ headers, url }) => {
        const names = ['x-test', 'cookie', 'authorization', 'origin'];
        resolve([url.search, ...names.map((name) => headers.get(name))]);
        return { data: undefined };
      },
      allowedOrigins: 'any',
    });
    const connection = await connect(`${server.url.replace('wss://', 'wss://user:pass@')}/?a=b`, {
      tls,
      http2: sharedSessions(),
      headers: { 'X-Test': 'yes' },
      cookies: { a: '1', b: '2' },
      origin: 'https://example.com',
      protocols: ['other', 'chat'],
      perMessageDeflate: true,
    });
    expect(await promise).toEqual(['?a=b', 'yes', 'a=1; b=2', 'Basic dXNlcjpwYXNz', 'https://example.com']);
    expect(connection.protocol).toBe('chat');
    expect(connection.extensions).toContain('permessage-deflate');
    await expectEcho(connection, 'compressible '.repeat(1_000));
    await connection.close();
  });

  test('opens another connection when the streams of one are used up', async () => {
    const { server } = await echoServer({ maxStreamsPerSession: 2 });
    const sessions = sharedSessions();
    const connections = [];
    for (let count = 0; count < 5; count++)
      connections.push(await connect(server.url, { tls, http2: sessions }));
    expect(sessions.size).toBe(3);
    await Promise.all(connections.map((connection) => connection.close()));
  });

  test('lets go of a connection that was idle for a while', async () => {
    const clock = new FakeClock();
    const { server } = await echoServer();
    const sessions = sharedSessions({ idleTimeoutMs: 1_000, clock });
    const connection = await connect(server.url, { tls, http2: sessions });
    clock.advance(60_000);
    expect(sessions.size).toBe(1);
    await connection.close();
    await until(() => server.connections.size === 0);
    clock.advance(999);
    expect(sessions.size).toBe(1);
    clock.advance(1);
    expect(sessions.size).toBe(0);
  });

  test('an Http2Sessions that is closed takes nothing new, and what is open goes on', async () => {
    const { server } = await echoServer();
    const sessions = new Http2Sessions();
    const connection = await connect(server.url, { tls, http2: sessions });
    sessions.close();
    expect(sessions.size).toBe(0);
    expect(await rejectionOf(connect(server.url, { tls, http2: sessions }))).toMatchObject({
      code: 'WS_STATE_INVALID',
    });
    await expectEcho(connection, 'still here');
    await connection.close();
  });

  test('is told of a refusal as ever, with status, headers and body', async () => {
    const { server } = await echoServer({
      upgrade: () => new Response('log in\n', { status: 401, headers: { 'X-Why': 'because' } }),
    });
    const error = await rejectionOf(connect(server.url, { tls, http2: sharedSessions() }));
    expect(error).toMatchObject({ code: 'WS_HANDSHAKE_REFUSED', status: 401, body: 'log in\n' });
    expect(error).toHaveProperty('headers.size', expect.any(Number));
  });

  test('works for the WHATWG class', async () => {
    const { server, versions } = await echoServer();
    const socket = new WebSocket(server.url, [], { tls, http2: sharedSessions() });
    const message = new Promise((resolve) => socket.addEventListener('message', ({ data }) => resolve(data)));
    socket.addEventListener('open', () => socket.send('hello'));
    expect(await message).toBe('hello');
    const closed = new Promise((resolve) => socket.addEventListener('close', resolve));
    socket.close(1000);
    expect(await closed).toMatchObject({ code: 1000, wasClean: true });
    expect(versions).toEqual(['2']);
  });

  test.each([
    [{ http2: 'yes' }, 'option http2 is "yes", expected true, false or an Http2Sessions'],
    [{ http2: true, tls: { ALPNProtocols: ['h2'] } }, 'option tls.ALPNProtocols is given beside http2'],
  ])('refuses %j', async (options, message) => {
    await expect(connect('wss://localhost/', options as ConnectOptions)).rejects.toThrow(message);
  });

  test('checks the options of an Http2Sessions', () => {
    expect(() => new Http2Sessions({ idleTimeoutMs: -1 })).toThrow('option idleTimeoutMs is -1');
    // @ts-expect-error it is a boolean
    expect(() => new Http2Sessions({ priorKnowledge: 1 })).toThrow('option priorKnowledge is 1');
  });
});

describe('a client falls back to HTTP/1.1', () => {
  async function fallsBack(url: string, sessions = sharedSessions()): Promise<void> {
    const connection = await connect(url, { tls, http2: sessions });
    await expectEcho(connection, 'over 1.1');
    await connection.close();
  }

  /** Our endpoint behind HTTP/1.1 of a server whose HTTP/2 is the test's. */
  async function behind(http: Http2SecureServer): Promise<string[]> {
    const versions: string[] = [];
    const ours = await serve(
      { listen: false },
      {
        open: ({ httpVersion }) => void versions.push(httpVersion),
        message: (connection, message) => void connection.send(message),
      },
    );
    http.on('upgrade', (request, socket, head) => ours.handleUpgrade(request, socket, head));
    ends.push(() => ours.close({ timeoutMs: 0 }));
    return versions;
  }

  test('over the same connection where the server speaks nothing else, and asks for it once only', async () => {
    const { server, versions } = await echoServer({ http2: false });
    const sessions = sharedSessions();
    await fallsBack(server.url, sessions);
    await fallsBack(server.url, sessions);
    expect(versions).toEqual(['1.1', '1.1']);
    expect(sessions.size).toBe(0);
  });

  test('the connection that was made is used', async () => {
    let connections = 0;
    const https = createHttps({ ...certificate });
    https.on('secureConnection', () => void connections++);
    await once(https.listen(0, '127.0.0.1'), 'listening');
    const ours = await serve(
      { server: https },
      { message: (connection, message) => void connection.send(message) },
    );
    ends.push(
      () => https.close(),
      () => ours.close({ timeoutMs: 0 }),
    );
    await fallsBack(ours.url);
    expect(connections).toBe(1);
  });

  test('where the settings do not allow extended CONNECT, and remembers it', async () => {
    let streams = 0;
    const { url, http, sockets } = await http2Server(() => void streams++, { settings: {} });
    const versions = await behind(http);
    const sessions = sharedSessions();
    await fallsBack(url, sessions);
    expect(sockets.length).toBe(2);
    await fallsBack(url, sessions);
    expect(sockets.length).toBe(3);
    expect([versions, streams]).toEqual([['1.1', '1.1'], 0]);
  });

  test.each([
    ['REFUSED_STREAM', constants.NGHTTP2_REFUSED_STREAM, 2],
    ['HTTP_1_1_REQUIRED', constants.NGHTTP2_HTTP_1_1_REQUIRED, 1],
    ['INTERNAL_ERROR', constants.NGHTTP2_INTERNAL_ERROR, 2],
  ])('where the stream is reset with %s', async (_name, code, asked) => {
    let streams = 0;
    const { url, http } = await http2Server((stream) => {
      streams += 1;
      stream.close(code);
    });
    const versions = await behind(http);
    const sessions = sharedSessions();
    await fallsBack(url, sessions);
    await fallsBack(url, sessions);
    expect([versions, streams]).toEqual([['1.1', '1.1'], asked]);
  });

  test.each([405, 421, 501, 505])('where the answer is %i', async (status) => {
    const { url, http } = await http2Server((stream) => {
      stream.respond({ ':status': status });
      stream.end('not here');
    });
    const versions = await behind(http);
    await fallsBack(url);
    expect(versions).toEqual(['1.1']);
  });

  test('where the session ends before it answers', async () => {
    const { url, http } = await http2Server((stream) => stream.session?.destroy());
    const versions = await behind(http);
    await fallsBack(url);
    expect(versions).toEqual(['1.1']);
  });

  test('after a GOAWAY another connection is made', async () => {
    const { server, versions } = await echoServer();
    const sessions = sharedSessions();
    const before = await connect(server.url, { tls, http2: sessions });
    const port = server.port;
    const closing = server.close();
    expect(await before.closed).toMatchObject({ code: 1001, clean: true });
    await closing;
    await until(() => sessions.size === 0);
    const again = await serve(
      { port, host: '127.0.0.1', tls: certificate },
      { open: ({ httpVersion }) => void versions.push(httpVersion) },
    );
    ends.push(() => again.close({ timeoutMs: 0 }));
    const after = await connect(again.url, { tls, http2: sessions });
    await after.close();
    expect(versions).toEqual(['2', '2']);
  });
});

describe('deadline and signal', () => {
  test('a server that says nothing over HTTP/2 is given up, and not asked over that connection again', async () => {
    const { url, sockets } = await http2Server(() => undefined);
    const sessions = sharedSessions();
    const error = await rejectionOf(connect(url, { tls, http2: sessions, handshakeTimeoutMs: 1_000 }));
    expect(error).toMatchObject({
      code: 'WS_HANDSHAKE_TIMEOUT',
      message: expect.stringContaining('the answer of 127.0.0.1'),
    });
    expect(sessions.size).toBe(0);
    const abort = new AbortController();
    const second = rejectionOf(connect(url, { tls, http2: sessions, signal: abort.signal }));
    await until(() => sockets.length === 2);
    abort.abort();
    expect(await second).toMatchObject({ code: 'WS_ABORTED' });
  });

  test('one of several that wait for a connection can go; the others get theirs', async () => {
    const { server } = await echoServer();
    const sessions = sharedSessions();
    const abort = new AbortController();
    const gone = rejectionOf(connect(server.url, { tls, http2: sessions, signal: abort.signal }));
    const stays = connect(server.url, { tls, http2: sessions });
    abort.abort(new Error('enough'));
    expect(await gone).toMatchObject({ code: 'WS_ABORTED' });
    await (await stays).close();
  });

  test('when the last one goes the dial is given up', async () => {
    const { promise, resolve } = deferred<AbortSignal>();
    const abort = new AbortController();
    const gone = rejectionOf(
      connect('wss://localhost/', {
        http2: sharedSessions(),
        signal: abort.signal,
        createConnection: (_target, signal) => {
          resolve(signal);
          return new Promise(() => undefined);
        },
      }),
    );
    const signal = await promise;
    abort.abort();
    expect(await gone).toMatchObject({ code: 'WS_ABORTED' });
    expect(signal.aborted).toBe(true);
  });

  test('aborting while the answer is awaited resets the stream', async () => {
    const { promise, resolve } = deferred<ServerHttp2Stream>();
    const { url } = await http2Server(resolve);
    const abort = new AbortController();
    const gone = rejectionOf(connect(url, { tls, http2: sharedSessions(), signal: abort.signal }));
    const stream = await promise;
    abort.abort();
    expect(await gone).toMatchObject({ code: 'WS_ABORTED' });
    await once(stream, 'close');
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
  });

  test('errors of TLS are those of connect, for everyone who waits', async () => {
    const { server } = await echoServer();
    const sessions = sharedSessions();
    const errors = await Promise.all([1, 2].map(() => rejectionOf(connect(server.url, { http2: sessions }))));
    for (const error of errors) expect(error).toMatchObject({ code: 'WS_CERTIFICATE_INVALID' });
  });
});

test('a server without TLS that does not know HTTP/2 is spoken to in HTTP/1.1, with prior knowledge too', async () => {
  const { server, versions } = await echoServer({}, false);
  const connection = await connect(server.url, { http2: sharedSessions({ priorKnowledge: true }) });
  await expectEcho(connection, 'hello');
  await connection.close();
  expect(versions).toEqual(['1.1']);
});
