import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { serve } from '../../src/node/serve.ts';
import type { WebSocketServer } from '../../src/node/web-socket-server.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import { selfSignedCertificate } from './certificate.ts';
import { deferred, handshake, RawClient, until } from './raw-client.ts';

const local = { port: 0, host: '127.0.0.1' };
let clock: FakeClock;
let server: WebSocketServer;
let http: Server | undefined;

beforeEach(() => {
  clock = new FakeClock();
});

afterEach(async () => {
  const closed = server.close();
  await until(() => clock.pendingTimers > 0 || server.connections.size === 0);
  clock.advance(20_000);
  await closed;
  http?.closeAllConnections();
  http?.close();
  http = undefined;
});

/** Starts an HTTP server of somebody else's that answers "ordinary", and attaches to it. */
async function attach(options: { upgrade?: () => Promise<undefined> } = {}): Promise<number> {
  http = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.end('ordinary'));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  server = await serve({ server: http, path: '/chat', clock, ...options });
  return (http.address() as AddressInfo).port;
}

/** Connects, and waits until the server has noticed. */
async function openWatched(port: number): Promise<RawClient> {
  const timers = clock.pendingTimers;
  const client = await RawClient.open(port);
  await until(() => clock.pendingTimers === timers + 1);
  return client;
}

/** Sends something, and waits until the server has received it. */
async function writeReceived(client: RawClient, text: string): Promise<void> {
  const received = deferred<undefined>();
  client.socket.write(text, () => received.resolve(undefined));
  await received.promise;
  for (let turn = 0; turn < 20; turn++) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

describe('on a server of ours', () => {
  test('a silent client is cut with 408 when its time is over, not before', async () => {
    server = await serve({ ...local, clock });
    const client = await openWatched(server.port);
    clock.advance(9_999);
    await writeReceived(client, '');
    expect(client.socket.destroyed).toBe(false);
    clock.advance(1);
    const { status, body, headers } = await client.response();
    expect(status).toBe(408);
    expect(body).toBe('the request was not complete within 10000 ms\n');
    expect(headers.connection).toBe('close');
    expect(await client.rest()).toBe('');
  });

  test('a client that sends a byte a second is cut with 408 all the same', async () => {
    server = await serve({ ...local, clock, handshakeTimeoutMs: 5_000 });
    const client = await openWatched(server.port);
    for (const byte of handshake().slice(0, 5)) {
      await writeReceived(client, byte);
      clock.advance(1_000);
    }
    expect((await client.response()).status).toBe(408);
    expect(await client.rest()).toBe('');
  });

  test('a connection that came about in time is left alone', async () => {
    server = await serve({ ...local, clock, pingIntervalMs: 0 });
    const client = await openWatched(server.port);
    client.write(handshake());
    expect((await client.response()).status).toBe(101);
    expect(clock.pendingTimers).toBe(0);
    clock.advance(60_000);
    expect(server.connections.size).toBe(1);
  });

  test('the time of upgrade counts: a decision that comes too late answers 503 and aborts the signal', async () => {
    const aborted = deferred<unknown>();
    let opened = 0;
    server = await serve(
      {
        ...local,
        clock,
        upgrade: ({ signal }) =>
          new Promise<undefined>((resolve) => {
            signal.addEventListener('abort', () => {
              aborted.resolve(signal.reason);
              resolve(undefined);
            });
          }),
      },
      { open: () => opened++ },
    );
    const client = await openWatched(server.port);
    clock.advance(6_000);
    client.write(handshake());
    await writeReceived(client, '');
    clock.advance(3_999);
    expect(opened).toBe(0);
    clock.advance(1);
    const { status, body } = await client.response();
    expect([status, body]).toEqual([503, 'the server did not decide within 10000 ms\n']);
    expect(await aborted.promise).toMatchObject({ code: 'WS_HANDSHAKE_TIMEOUT' });
    expect(await client.rest()).toBe('');
    expect(opened).toBe(0);
  });

  test('over TLS too, whether the client is silent before or after its TLS handshake', async () => {
    const { key, cert } = selfSignedCertificate();
    server = await serve({ ...local, clock, tls: { key, cert } });
    const client = await RawClient.openTls({ port: server.port, host: '127.0.0.1', ca: cert });
    await until(() => clock.pendingTimers === 1);
    clock.advance(10_000);
    expect((await client.response()).status).toBe(408);
    await client.rest();
    await server.close();

    // The TLS handshake itself is watched by node:tls, on real time.
    server = await serve({ ...local, handshakeTimeoutMs: 50, tls: { key, cert } });
    const silent = await RawClient.open(server.port);
    expect(await silent.rest()).toBe('');
  });
});

describe('on a server of somebody else', () => {
  test('a connection that is silent is none of our business', async () => {
    const port = await attach();
    const client = await openWatched(port);
    clock.advance(600_000);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.response()).body).toBe('ordinary');
  });

  test('a request head that does not get finished is cut with 408', async () => {
    const port = await attach();
    const client = await openWatched(port);
    clock.advance(30_000);
    await writeReceived(client, 'GET /chat HTTP/1.1\r\nHost:');
    clock.advance(10_000);
    await writeReceived(client, ' a\r\n');
    clock.advance(2_500);
    expect((await client.response()).status).toBe(408);
    expect(await client.rest()).toBe('');
  });

  test('an upload that takes its time and a pause between requests are left alone', async () => {
    const port = await attach();
    const client = await openWatched(port);
    await writeReceived(client, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe');
    expect(clock.pendingTimers).toBe(0);
    clock.advance(60_000);
    await writeReceived(client, 'llo');
    expect((await client.response()).body).toBe('ordinary');
    clock.advance(60_000);
    await writeReceived(client, 'GET / HTTP/1.1\r\n');
    clock.advance(60_000);
    await writeReceived(client, 'Host: a\r\n\r\n');
    expect((await client.response()).body).toBe('ordinary');
  });

  test('a decision that comes too late answers 503', async () => {
    const port = await attach({ upgrade: () => new Promise(() => undefined) });
    const client = await openWatched(port);
    await writeReceived(client, handshake('/chat'));
    clock.advance(10_000);
    expect((await client.response()).status).toBe(503);
  });

  test('what others made of a connection lives on: their WebSockets, another server of ours, a tunnel', async () => {
    const port = await attach();
    await using other = await serve({ server: http ?? createServer(), path: '/other' }, {});
    http?.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
      if (request.url === '/foreign') socket.write('HTTP/1.1 101 Yes\r\n\r\n');
    });
    const sockets: Socket[] = [];
    http?.on('connection', (socket: Socket) => sockets.push(socket));
    http?.on('connect', (_request: IncomingMessage, socket: Duplex) => {
      socket.write('HTTP/1.1 200 Yes\r\n\r\n');
    });
    const clients: RawClient[] = [];
    for (const head of [
      handshake('/foreign'),
      handshake('/other'),
      'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
    ]) {
      const client = await openWatched(port);
      await writeReceived(client, head);
      clients.push(client);
    }
    await until(() => other.connections.size === 1);
    clock.advance(2_500);
    clock.advance(10_000);
    for (const client of clients) expect((await client.response()).status).toBeLessThan(202);
    expect(sockets.map((socket) => socket.destroyed || socket.writableEnded)).toEqual([false, false, false]);
    expect(clock.pendingTimers).toBe(0);
    for (const client of clients) client.socket.destroy();
  });

  test('the same holds over TLS', async () => {
    const { key, cert } = selfSignedCertificate();
    const https = createTlsServer({ key, cert }, (_request, response) => response.end('ordinary'));
    https.listen(0, '127.0.0.1');
    await once(https, 'listening');
    server = await serve({ server: https, path: '/chat', clock });
    const tls = { port: server.port, host: '127.0.0.1', ca: cert };
    const silent = await RawClient.openTls(tls);
    await until(() => clock.pendingTimers === 1);
    clock.advance(60_000);
    silent.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await silent.response()).body).toBe('ordinary');
    const slow = await RawClient.openTls(tls);
    await until(() => clock.pendingTimers === 1);
    await writeReceived(slow, 'GET /chat');
    clock.advance(20_000);
    expect((await slow.response()).status).toBe(408);
    https.closeAllConnections();
    https.close();
  });

  test('nothing is watched once we have left', async () => {
    const port = await attach();
    const client = await openWatched(port);
    await server.close();
    expect(clock.pendingTimers).toBe(0);
    await writeReceived(client, 'GET / HT');
    clock.advance(60_000);
    await writeReceived(client, 'TP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.response()).body).toBe('ordinary');
  });
});
