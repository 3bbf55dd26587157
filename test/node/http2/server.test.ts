import { once } from 'node:events';
import { constants } from 'node:http2';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { ClosedInfo } from '../../../src/connection/end-reason.ts';
import { serve } from '../../../src/node/serve.ts';
import type { WebSocketServer } from '../../../src/node/web-socket-server.ts';
import type { ServerHandlers } from '../../../src/server/server-options.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';
import { selfSignedCertificate } from '../certificate.ts';
import { closeFrame, deferred, handshake, textFrame, until } from '../raw-client.ts';
import { RawSession, type ServerSettings } from './raw-session.ts';

const certificate = selfSignedCertificate();
const local = { port: 0, host: '127.0.0.1', tls: certificate };
const echo: ServerHandlers<unknown> = { message: (connection, message) => void connection.send(message) };
let server: WebSocketServer;

afterEach(async () => {
  await server.close({ timeoutMs: 0 });
});

async function listen(
  options: ServerSettings = {},
  handlers: ServerHandlers<unknown> = echo,
): Promise<RawSession> {
  server = await serve<unknown>({ ...local, ...options }, handlers);
  return RawSession.open(server.port);
}

/** Speaks HTTP/1.1 over TLS; gives all that the server answers until it ends the connection. */
async function askHttp1(text: string): Promise<string> {
  const socket: TLSSocket = connectTls({
    port: server.port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
  });
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  await once(socket, 'secureConnect');
  socket.write(text);
  await once(socket, 'end');
  socket.destroy();
  return received;
}

describe('one TLS port', () => {
  test('serves HTTP/1.1 upgrades and extended CONNECT together, from one table of endpoints', async () => {
    const versions: unknown[] = [];
    await using session = await listen(
      {
        path: '/rooms/:room',
        upgrade: ({ httpVersion, params, headers, url }) => {
          versions.push([httpVersion, params, headers.get('host') === url.host]);
          return { data: undefined };
        },
      },
      { ...echo, open: ({ httpVersion }) => void versions.push(httpVersion) },
    );
    const stream = session.open('/rooms/tea');
    expect((await stream.response)[':status']).toBe(200);
    stream.stream.write(textFrame('over 2'));
    expect(await stream.text()).toBe('over 2');

    const client = new WebSocket(`${server.url}/rooms/milk`, { rejectUnauthorized: false });
    await once(client, 'open');
    client.send('over 1.1');
    expect(String((await once(client, 'message'))[0])).toBe('over 1.1');
    client.terminate();
    expect(versions).toEqual([['2', { room: 'tea' }, true], '2', ['1.1', { room: 'milk' }, true], '1.1']);
  });

  test('says that extended CONNECT is allowed, and how many streams are', async () => {
    await using session = await listen({ maxStreamsPerSession: 7 });
    expect(session.session.remoteSettings).toMatchObject({
      enableConnectProtocol: true,
      maxConcurrentStreams: 7,
    });
  });

  test('carries many WebSockets in one connection', async () => {
    await using session = await listen();
    const streams = Array.from({ length: 100 }, (_, index) => session.open(`/${index}`));
    await Promise.all(
      streams.map(async (stream, index) => {
        await stream.response;
        stream.stream.write(textFrame(`message ${index}`));
        expect(await stream.text()).toBe(`message ${index}`);
      }),
    );
    expect(server.connections.size).toBe(100);
  });

  test('knows the URL, the address and the encryption of a connection over HTTP/2', async () => {
    const { promise, resolve } = deferred<unknown[]>();
    await using session = await listen(
      {},
      { open: ({ url, remoteAddress }) => resolve([url.href, remoteAddress]) },
    );
    session.open('/chat?room=1');
    expect(await promise).toEqual([`wss://127.0.0.1:${server.port}/chat?room=1`, '127.0.0.1']);
  });

  test('keeps the opening handshake when asked to, as fields', async () => {
    const { promise, resolve } = deferred<unknown>();
    await using session = await listen({ keepHandshake: true }, { open: (c) => resolve(c.handshake) });
    session.open('/chat', { 'user-agent': 'test' });
    expect(await promise).toEqual({
      request: expect.stringContaining(':protocol: websocket\r\n:scheme: https\r\n:path: /chat\r\n'),
      response: ':status: 200\r\n\r\n',
    });
  });

  test('agrees on a subprotocol and on permessage-deflate, and sends the headers of the application', async () => {
    await using session = await listen({
      protocols: ['chat'],
      perMessageDeflate: true,
      upgrade: () => ({ data: undefined, headers: { 'Set-Cookie': 'a=1' } }),
    });
    const stream = session.open('/', {
      'sec-websocket-protocol': 'other, chat',
      'sec-websocket-extensions': 'permessage-deflate',
    });
    expect(await stream.response).toMatchObject({
      ':status': 200,
      'sec-websocket-protocol': 'chat',
      'sec-websocket-extensions': expect.stringContaining('permessage-deflate'),
      'set-cookie': ['a=1'],
    });
    // "Hello" of RFC 7692 7.2.3.1, masked with zeros.
    stream.stream.write(Buffer.from([0xc1, 0x87, 0, 0, 0, 0, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]));
    // Too short for us to compress, but understood.
    expect(await stream.text()).toBe('Hello');
  });

  test('answers an ordinary request in either version', async () => {
    await using session = await listen();
    const get = session.session.request({ ':path': '/' });
    const [headers] = await once(get, 'response');
    expect(headers).toMatchObject({ ':status': 405, allow: 'CONNECT' });
    get.resume();
    expect(await askHttp1('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).toMatch(/^HTTP\/1\.1 426 /);
  });

  test('speaks HTTP/1.1 only with http2: false', async () => {
    server = await serve({ ...local, http2: false }, echo);
    const socket = connectTls({
      port: server.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    await once(socket, 'secureConnect');
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
  });

  test('keeps the bounds on the head of a request in HTTP/1.1', async () => {
    await (await listen({ maxHeaderBytes: 1_000, maxHeaderCount: 10 }))[Symbol.asyncDispose]();
    const many = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`X-${index}`, 'a']));
    expect(await askHttp1(handshake('/', many))).toMatch(/^HTTP\/1\.1 431 /);
    expect(await askHttp1(handshake('/', { 'X-Long': 'a'.repeat(2_000) }))).toMatch(/^HTTP\/1\.1 431 /);
  });

  test('refuses a wrong value of the option', async () => {
    // @ts-expect-error it is a boolean
    await expect(serve({ ...local, http2: 'yes' })).rejects.toThrow('option http2 is "yes"');
    await using _ = await listen();
  });
});

function manyFields(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, 'a']));
}

describe('a request over HTTP/2 is refused', () => {
  test.each([
    ['a path without an endpoint', '/elsewhere', {}, 404],
    ['a foreign origin', '/chat', { origin: 'https://example.com' }, 403],
    ['another version', '/chat', { 'sec-websocket-version': '8' }, 400],
    ['another protocol', '/chat', { ':protocol': 'connect-udp' }, 501],
    ['too many fields', '/chat', manyFields(19), 431],
    ['a Host that says something else', '/chat', { host: 'example.com' }, 400],
  ])('for %s', async (_name, path, fields, status) => {
    await using session = await listen({ path: '/chat', maxHeaderCount: 20 });
    const stream = session.open(path, fields);
    expect((await stream.response)[':status']).toBe(status);
    expect(await stream.body()).not.toBe('');
    // The response is whole; NO_ERROR asks to stop sending (RFC 9113 8.1).
    expect(await stream.closed).toBe(constants.NGHTTP2_NO_ERROR);
    expect(server.connections.size).toBe(0);
  });

  test('for a CONNECT without a protocol, which would be a tunnel, with 501', async () => {
    await using session = await listen();
    const stream = session.request({ ':method': 'CONNECT', ':authority': 'example.com:443' });
    expect((await stream.response)[':status']).toBe(501);
  });

  test('with exactly the Response that upgrade returns, but for what HTTP/2 does not know', async () => {
    await using session = await listen({
      async upgrade() {
        await Promise.resolve();
        return new Response('log in\n', {
          status: 401,
          headers: { 'WWW-Authenticate': 'Bearer', Connection: 'close', 'Keep-Alive': 'timeout=5' },
        });
      },
    });
    const stream = session.open();
    expect(await stream.response).toMatchObject({
      ':status': 401,
      'www-authenticate': 'Bearer',
      'content-length': '7',
    });
    expect(await stream.body()).toBe('log in\n');
  });

  test('with 500 when upgrade throws, which is reported', async () => {
    const errors: unknown[] = [];
    await using session = await listen({
      upgrade: () => {
        throw new Error('no');
      },
      onError: (error) => void errors.push(error),
    });
    expect((await session.open().response)[':status']).toBe(500);
    expect(errors).toEqual([new Error('no')]);
  });

  test('with 503 when upgrade takes too long, and its signal says so', async () => {
    const clock = new FakeClock();
    const { promise, resolve } = deferred<AbortSignal>();
    await using session = await listen({
      clock,
      handshakeTimeoutMs: 5_000,
      upgrade: ({ signal }) => {
        resolve(signal);
        return new Promise(() => undefined);
      },
    });
    const stream = session.open();
    const signal = await promise;
    clock.advance(5_000);
    expect((await stream.response)[':status']).toBe(503);
    expect(signal.reason).toMatchObject({ code: 'WS_HANDSHAKE_TIMEOUT' });
  });

  test('with 503 while the server is closing', async () => {
    const { promise, resolve } = deferred<void>();
    await using session = await listen({
      upgrade: () => {
        resolve();
        return new Promise(() => undefined);
      },
    });
    const stream = session.open();
    await promise;
    const closed = server.close();
    expect((await stream.response)[':status']).toBe(503);
    await closed;
  });

  test('a client that resets its request while upgrade decides is heard', async () => {
    const { promise, resolve } = deferred<AbortSignal>();
    await using session = await listen({
      upgrade: ({ signal }) => {
        resolve(signal);
        return new Promise(() => undefined);
      },
    });
    const stream = session.open();
    const signal = await promise;
    stream.reset();
    await until(() => signal.aborted);
    expect(signal.reason).toMatchObject({ code: 'WS_TRANSPORT_ENDED' });
  });

  test('what the client sends before the answer belongs to the connection', async () => {
    const { promise, resolve } = deferred<void>();
    await using session = await listen({ upgrade: () => promise.then(() => ({ data: undefined })) });
    const stream = session.open();
    stream.stream.write(textFrame('early'));
    stream.stream.write(textFrame('bird'));
    await until(() => stream.stream.bufferSize === 0);
    resolve();
    expect((await stream.response)[':status']).toBe(200);
    expect([await stream.text(), await stream.text()]).toEqual(['early', 'bird']);
  });
});

/** The messages of an error and its causes. */
function causes(error: unknown): string {
  return error instanceof Error ? `${error.message}: ${causes(error.cause)}` : '';
}

describe('a connection over HTTP/2 ends', () => {
  async function openOne(handlers: ServerHandlers<unknown> = {}) {
    const { promise, resolve } = deferred<ClosedInfo>();
    const session = await listen({}, { ...echo, ...handlers, close: (_connection, info) => resolve(info) });
    const stream = session.open();
    await stream.response;
    return { session, stream, closed: promise };
  }

  test('in order: close frames, then END_STREAM from both sides and no RST_STREAM', async () => {
    const { session, stream, closed } = await openOne();
    await using _ = session;
    stream.stream.write(closeFrame(1000));
    expect(await stream.closeCode()).toBe(1000);
    await until(() => stream.hasEnded);
    stream.stream.end();
    expect(await stream.closed).toBe(constants.NGHTTP2_NO_ERROR);
    expect(await closed).toMatchObject({ code: 1000, clean: true, by: 'remote' });
  });

  test('by END_STREAM without a close frame as by a FIN', async () => {
    const { session, stream, closed } = await openOne();
    await using _ = session;
    stream.stream.end();
    expect(await closed).toMatchObject({ code: 1006, clean: false, by: 'transport' });
    expect(await stream.closed).toBe(constants.NGHTTP2_NO_ERROR);
  });

  test('by RST_STREAM with its code in the reason', async () => {
    const { session, stream, closed } = await openOne();
    await using _ = session;
    stream.reset();
    const info = await closed;
    expect(info).toMatchObject({ code: 1006, clean: false, by: 'transport' });
    // Node's client ends its side in front of the reset; newer ones are told of that first.
    expect(causes(info.cause)).toMatch(/reset with CANCEL|ended the transport/);
  });

  test('by the end of the session, and says so', async () => {
    const { session, closed } = await openOne();
    session.session.destroy();
    const info = await closed;
    expect(info).toMatchObject({ code: 1006, clean: false, by: 'transport' });
    expect(causes(info.cause)).toMatch(/HTTP\/2/);
  });

  test('terminated by us with RST_STREAM and CANCEL, without harm to the others', async () => {
    const { session, stream } = await openOne();
    await using _ = session;
    const other = session.open();
    await other.response;
    const [first] = server.connections;
    first.terminate();
    expect(await stream.closed).toBe(constants.NGHTTP2_CANCEL);
    other.stream.write(textFrame('still here'));
    expect(await other.text()).toBe('still here');
  });

  test('with 1002 and END_STREAM when the client breaks the protocol', async () => {
    const { session, stream, closed } = await openOne();
    await using _ = session;
    stream.stream.write(Buffer.from([0x81, 0x01, 0x61]));
    expect(await stream.closeCode()).toBe(1002);
    await until(() => stream.hasEnded);
    stream.stream.end();
    expect(await closed).toMatchObject({ code: 1002, by: 'local' });
  });

  test('with 1001 when the server closes: GOAWAY, close frames, and the port is free', async () => {
    const { session, stream } = await openOne();
    await using _ = session;
    const closing = server.close();
    expect(await stream.closeCode()).toBe(1001);
    stream.stream.write(closeFrame(1001));
    await until(() => stream.hasEnded);
    stream.stream.end();
    await closing;
    expect(session.goawayCode).toBe(constants.NGHTTP2_NO_ERROR);
  });

  test('within the time of close(), also when the client answers nothing', async () => {
    const { session } = await openOne();
    await using _ = session;
    await server.close({ timeoutMs: 50 });
    expect(server.connections.size).toBe(0);
  });
});
