import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/node/connect.ts';
import { serve } from '../../src/node/serve.ts';
import type { WebSocketServer } from '../../src/node/web-socket-server.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import { selfSignedCertificate } from './certificate.ts';
import { closeFrame, deferred, handshake, RawClient, textFrame, until } from './raw-client.ts';

const local = { port: 0, host: '127.0.0.1' };
let clock: FakeClock;
let server: WebSocketServer;

beforeEach(() => {
  clock = new FakeClock();
});

afterEach(async () => {
  await server.close({ timeoutMs: 0 });
});

async function refusesConnections(port: number): Promise<boolean> {
  try {
    await (await RawClient.open(port))[Symbol.asyncDispose]();
    return false;
  } catch {
    // ECONNREFUSED: nobody listens.
    return true;
  }
}

describe('close()', () => {
  test('tells everyone 1001 with the reason, waits for their answers, and frees the port', async () => {
    server = await serve(local);
    const clients = [await connect(server.url), await connect(server.url)];
    const { port } = server;
    await server.close({ reason: 'restarting' });
    for (const client of clients) {
      expect(await client.closed).toEqual({ code: 1001, reason: 'restarting', clean: true, by: 'remote' });
    }
    expect(server.connections.size).toBe(0);
    expect(await refusesConnections(port)).toBe(true);
    expect(() => server.url).toThrow('the server does not listen');
  });

  test('delivers what was sent before, in both directions', async () => {
    const received: unknown[] = [];
    server = await serve(local, { message: (_connection, message) => received.push(message) });
    const client = await connect(server.url);
    const [connection] = server.connections;
    const last = 'y'.repeat(3_000_000);
    connection.send('first');
    connection.send(last);
    client.send('from the client');
    const closed = server.close();
    const messages: unknown[] = [];
    for await (const message of client) messages.push(message);
    await closed;
    expect(messages).toEqual(['first', last]);
    expect(received).toEqual(['from the client']);
  });

  test('cuts peers that do not answer when the time is over', async () => {
    server = await serve({ ...local, clock });
    const [stuck] = await RawClient.shake(server.port);
    const [reading] = await RawClient.shake(server.port);
    await until(() => server.connections.size === 2);
    const infos = [...server.connections].map(({ closed }) => closed);
    let isClosed = false;
    const closed = server.close({ timeoutMs: 1_000 }).then(() => {
      isClosed = true;
    });
    expect(await stuck.closeCode()).toBe(1001);
    expect(await reading.closeCode()).toBe(1001);
    reading.write(closeFrame(1001));
    expect(await reading.rest()).toBe('');
    reading.socket.end();
    await until(() => server.connections.size === 1);
    clock.advance(999);
    await until(() => server.connections.size === 1);
    expect(isClosed).toBe(false);
    clock.advance(1);
    stuck.socket.end();
    await closed;
    expect((await Promise.all(infos)).filter(({ clean }) => clean)).toHaveLength(1);
  });

  test('cuts a peer that does not even read', async () => {
    server = await serve({ ...local, clock });
    const [client] = await RawClient.shake(server.port);
    client.socket.pause();
    await until(() => server.connections.size === 1);
    const [connection] = server.connections;
    void connection.send(new Uint8Array(12_000_000));
    const closed = server.close({ timeoutMs: 1_000 });
    await until(() => connection.readyState === 'closing');
    clock.advance(1_000);
    await closed;
    expect(await connection.closed).toMatchObject({ code: 1006, clean: false, by: 'local' });
    await client[Symbol.asyncDispose]();
  });

  test('answers handshakes under way with 503: those that wait for a decision and those that are not complete', async () => {
    const aborted = deferred<unknown>();
    const asked = deferred<undefined>();
    let opened = 0;
    server = await serve(
      {
        ...local,
        clock,
        upgrade: async ({ signal }) => {
          asked.resolve(undefined);
          await new Promise((resolve) => {
            signal.addEventListener('abort', resolve);
          });
          aborted.resolve(signal.reason);
        },
      },
      { open: () => opened++ },
    );
    const silent = await RawClient.open(server.port);
    const begun = await RawClient.open(server.port);
    begun.write('GET / HTTP/1.1\r\n');
    await until(() => clock.pendingTimers === 1);
    const waiting = await RawClient.open(server.port);
    waiting.write(handshake());
    await asked.promise;
    const closed = server.close();
    expect((await waiting.response()).status).toBe(503);
    expect(await aborted.promise).toMatchObject({ code: 'WS_HANDSHAKE_REFUSED' });
    expect((await begun.response()).status).toBe(503);
    expect(await silent.rest()).toBe('');
    for (const client of [waiting, begun, silent]) client.socket.end();
    await closed;
    expect(opened).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test('does not wait for clients in their TLS handshake', async () => {
    const { key, cert } = selfSignedCertificate();
    server = await serve({ ...local, clock, tls: { key, cert } });
    const silent = await RawClient.open(server.port);
    const other = await RawClient.openTls({ port: server.port, host: '127.0.0.1', ca: cert });
    await until(() => clock.pendingTimers === 1);
    await server.close();
    expect([await silent.rest(), await other.rest()]).toEqual(['', '']);
  });

  test('does not wait longer than it was told for clients that keep a refused connection', async () => {
    server = await serve({ ...local, clock });
    const [refused, { status }] = await RawClient.shake(server.port, '/', { Origin: 'https://evil.example' });
    expect(status).toBe(403);
    const closed = server.close({ timeoutMs: 1_000 });
    await until(() => clock.pendingTimers === 2);
    clock.advance(1_000);
    await closed;
    await refused[Symbol.asyncDispose]();
  });

  test('is the same end for all who call it, also from a handler that hears of it', async () => {
    let again: Promise<void> | undefined;
    server = await serve(local, {
      close: () => {
        again = server.close();
      },
    });
    const client = await connect(server.url);
    await Promise.all([server.close(), server.close({ code: 4000 })]);
    expect(await client.closed).toMatchObject({ code: 1001 });
    await again;
    await server.close();
  });

  test('refuses a code or reason that may not be sent, and goes on serving', async () => {
    server = await serve(local);
    await expect(server.close({ code: 1005 })).rejects.toMatchObject({ code: 'WS_ARGUMENT_INVALID' });
    await expect(server.close({ reason: 'x'.repeat(124) })).rejects.toMatchObject({
      code: 'WS_ARGUMENT_INVALID',
    });
    await expect(server.close({ timeoutMs: -1 })).rejects.toMatchObject({ code: 'WS_OPTION_INVALID' });
    await (await connect(server.url)).close();
  });

  test('comes with `await using`', async () => {
    let port = 0;
    {
      await using scoped = await serve(local);
      ({ port } = scoped);
      server = scoped;
      await connect(scoped.url);
    }
    expect(await refusesConnections(port)).toBe(true);
  });

  test('on a server of somebody else refuses new handshakes with 503 while it waits, and then leaves', async () => {
    const http = createServer((_request, response) => response.end('ordinary'));
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const { port } = http.address() as AddressInfo;
    server = await serve({ server: http, clock });
    const [client] = await RawClient.shake(port);
    const closed = server.close({ timeoutMs: 1_000 });
    expect(await client.closeCode()).toBe(1001);
    const [late, { status }] = await RawClient.shake(port);
    expect(status).toBe(503);
    late.socket.end();
    client.write(closeFrame(1001));
    client.socket.end();
    await closed;
    const [after, ordinary] = await RawClient.shake(port);
    expect(ordinary.status).toBe(200);
    await after[Symbol.asyncDispose]();
    http.close();
  });
});

describe('connections and topics', () => {
  test('connections are those that are open or closing', async () => {
    server = await serve(local);
    const client = await connect(server.url);
    expect([...server.connections].map(({ readyState }) => readyState)).toEqual(['open']);
    await client.close();
    await until(() => server.connections.size === 0);
  });

  test('publish() reaches all subscribers of all endpoints, connection.publish() all but itself', async () => {
    server = await serve(
      { ...local, path: '/a' },
      {
        open: (connection) => connection.subscribe('news'),
        message: (connection, message) => connection.publish('news', message),
      },
    );
    server.endpoint('/b', {}, { open: (connection) => connection.subscribe('news') });
    const [first] = await RawClient.shake(server.port, '/a');
    const [second] = await RawClient.shake(server.port, '/b');
    await until(() => server.connections.size === 2);
    expect(server.publish('news', 'to all')).toBe(2);
    expect([await first.text(), await second.text()]).toEqual(['to all', 'to all']);
    first.write(textFrame('from the first'));
    expect(await second.text()).toBe('from the first');
    expect(server.publish('news', 'end')).toBe(2);
    expect(await first.text()).toBe('end');
    expect(server.publish('other', 'nobody')).toBe(0);
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    await until(() => server.connections.size === 0);
    expect(server.publish('news', 'nobody')).toBe(0);
  });

  test('all connections of a server share one budget for unfinished input', async () => {
    server = await serve({ ...local, maxRetainedBytesTotal: 100_000 });
    // The start of a frame of 90,000 bytes: its receiver makes room for it.
    const start = Buffer.concat([
      Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 1, 0x5f, 0x90, 0, 0, 0, 0]),
      Buffer.alloc(60_000),
    ]);
    const [first] = await RawClient.shake(server.port);
    first.write(start);
    const [second] = await RawClient.shake(server.port);
    second.write(start);
    const codes = await Promise.race([first.closeCode(), second.closeCode()]);
    expect(codes).toBe(1013);
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
  });
});
