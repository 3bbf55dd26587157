import { once, setMaxListeners } from 'node:events';
import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Connection } from '../../src/connection/connection.ts';
import { reconnectBy } from '../../src/connection/reconnect.ts';
import { connect } from '../../src/node/connect.ts';
import { serve } from '../../src/node/serve.ts';
import type { WebSocketServer } from '../../src/node/web-socket-server.ts';
import { HandshakeError } from '../../src/protocol/handshake/handshake-error.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import { selfSignedCertificate } from './certificate.ts';
import { closeFrame, handshake, RawClient, until } from './raw-client.ts';

const local = { port: 0, host: '127.0.0.1' };
let clock: FakeClock;
let server: WebSocketServer;

beforeEach(() => {
  clock = new FakeClock();
});

afterEach(async () => {
  await server.close({ timeoutMs: 0 });
});

describe('drain()', () => {
  test('closes everyone over the time, refuses newcomers with 503 and Retry-After meanwhile, reports, and is then closed', async () => {
    server = await serve({ ...local, clock });
    const clients = await Promise.all(Array.from({ length: 10 }, () => connect(server.url)));
    await until(() => server.connections.size === 10);
    const { port } = server;
    const drained = server.drain({ overMs: 9_000, reconnectAfterMs: 2_500, reason: 'new version' });
    await until(() => server.connections.size === 9);
    expect(server.snapshot().state).toBe('draining');
    const late = await RawClient.open(port);
    late.write(handshake());
    const { status, headers } = await late.response();
    expect([status, headers['retry-after']]).toEqual([503, '3']);
    for (let left = 8; left >= 0; left--) {
      clock.advance(900);
      await until(() => server.connections.size === left);
    }
    expect(await drained).toMatchObject({
      closed: 10,
      clean: 10,
      cut: 0,
      lost: 0,
      refused: 1,
      durationMs: 8_100,
      perCode: { 1012: 10 },
      cutConnections: [],
    });
    for (const client of clients)
      expect(await client.closed).toMatchObject({ code: 1012, reason: 'new version; come back in 2500 ms' });
    expect(server.snapshot().state).toBe('closed');
    await expect(RawClient.open(port)).rejects.toThrow('ECONNREFUSED');
  });

  test('refuses handshakes that wait for a decision at once, with Retry-After', async () => {
    server = await serve({ ...local, clock, upgrade: () => new Promise<undefined>(() => undefined) });
    const client = await RawClient.open(server.port);
    client.write(handshake());
    await until(() => server.snapshot().handshakes.pending === 1);
    const drained = server.drain({ overMs: 60_000 });
    const { status, headers } = await client.response();
    expect([status, headers['retry-after']]).toEqual([503, '60']);
    client.socket.destroy();
    expect(await drained).toMatchObject({ closed: 0, refused: 1 });
  });

  test('with stopListening lets go of the port at once, so that the successor can have it', async () => {
    server = await serve({ ...local, clock });
    const { port } = server;
    const client = await connect(server.url);
    const drained = server.drain({ overMs: 0, stopListening: true, timeoutMs: 60_000 });
    await client.closed;
    await drained;
    const successor = await serve({ ...local, port });
    await successor.close();
  });

  test('over TLS refuses newcomers in the same way', async () => {
    const { key, cert } = selfSignedCertificate();
    server = await serve({ ...local, clock, tls: { key, cert } });
    const options = { tls: { ca: cert } };
    const url = `wss://localhost:${server.port}`;
    const [first, second] = [await connect(url, options), await connect(url, options)];
    await until(() => server.connections.size === 2);
    const drained = server.drain({ overMs: 20_000, reconnectAfterMs: 4_000 });
    await until(() => server.connections.size === 1);
    const late = await connect(url, options).catch((error: unknown) => error);
    expect(late).toBeInstanceOf(HandshakeError);
    if (late instanceof HandshakeError)
      expect([late.status, late.headers?.get('Retry-After')]).toEqual([503, '4']);
    clock.advance(10_000);
    expect(await drained).toMatchObject({ closed: 2, clean: 2, refused: 1 });
    for (const client of [first, second])
      expect(await client.closed).toMatchObject({ code: 1012, reason: 'come back in 4000 ms' });
  });

  test('on a server of somebody else refuses meanwhile, then leaves, and the server goes on', async () => {
    const http = createServer((_request, response) => response.end('ordinary'));
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const address = http.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const { port } = address;
    server = await serve({ server: http, clock });
    const [client] = await RawClient.shake(port);
    const drained = server.drain({ overMs: 0 });
    expect(await client.closeCode()).toBe(1012);
    const [late, refused] = await RawClient.shake(port);
    expect(refused.status).toBe(503);
    late.socket.end();
    const ordinary = await RawClient.open(port);
    ordinary.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    expect((await ordinary.response()).status).toBe(200);
    client.write(closeFrame(1012));
    client.socket.end();
    expect(await drained).toMatchObject({ closed: 1, clean: 1, refused: 1 });
    const [after, { status }] = await RawClient.shake(port);
    expect(status).toBe(200);
    await after[Symbol.asyncDispose]();
    http.close();
  });

  test('cuts a peer that does not even read, and says what it did not get', async () => {
    server = await serve({ ...local, clock });
    const [client] = await RawClient.shake(server.port);
    client.socket.pause();
    await until(() => server.connections.size === 1);
    const [connection] = server.connections;
    void connection.send(new Uint8Array(12_000_000));
    const drained = server.drain({ overMs: 0, timeoutMs: 20_000 });
    await until(() => connection.readyState === 'closing');
    // Longer than closeTimeoutMs: what is in flight has all the time that the drain gives.
    clock.advance(19_999);
    expect(connection.readyState).toBe('closing');
    clock.advance(1);
    const report = await drained;
    expect(report).toMatchObject({ closed: 1, clean: 0, cut: 1, perCode: { 1006: 1 } });
    expect(report.cutConnections[0]).toMatchObject({ id: connection.id, remoteAddress: '127.0.0.1' });
    expect(report.cutConnections[0].queuedBytes).toBeGreaterThan(1_000_000);
    await client[Symbol.asyncDispose]();
  });

  test('is the same drain for all who call it, also from a handler that hears of it', async () => {
    const reports: unknown[] = [];
    server = await serve(
      { ...local, clock },
      { closing: () => void server.drain({ code: 1013 }).then((report) => reports.push(report)) },
    );
    const client = await connect(server.url);
    const [first, second] = await Promise.all([server.drain({ overMs: 0 }), server.drain({ overMs: 9_999 })]);
    expect(second).toBe(first);
    expect(await client.closed).toMatchObject({ code: 1012 });
    await until(() => reports.length === 1);
    expect(reports[0]).toBe(first);
  });

  test('close() meanwhile ends the patience', async () => {
    server = await serve({ ...local, clock });
    const clients = await Promise.all([1, 2, 3].map(() => connect(server.url)));
    await until(() => server.connections.size === 3);
    const drained = server.drain({ overMs: 60_000 });
    await until(() => server.connections.size === 2);
    await server.close();
    expect(await drained).toMatchObject({ closed: 3, clean: 3 });
    for (const client of clients) expect(await client.closed).toMatchObject({ code: 1012 });
  });

  test('after close() waits for that, and reports it', async () => {
    server = await serve({ ...local, clock });
    const client = await connect(server.url);
    const closed = server.close();
    const report = await server.drain();
    await closed;
    expect(report).toMatchObject({ closed: 1, clean: 1 });
    expect(await client.closed).toMatchObject({ code: 1001 });
  });

  test('refuses wrong options, and goes on serving', async () => {
    server = await serve(local);
    await expect(server.drain({ overMs: -1 })).rejects.toMatchObject({ code: 'WS_OPTION_INVALID' });
    await expect(server.drain({ code: 1005 })).rejects.toMatchObject({ code: 'WS_ARGUMENT_INVALID' });
    await (await connect(server.url)).close();
  });
});

describe('200 clients that reconnect to a second server', () => {
  test('arrive spread over the time, and none is lost', async () => {
    const count = 200;
    const overMs = 10_000;
    const reconnectAfterMs = 1_000;
    server = await serve({ ...local, clock });
    await using successor = await serve({ ...local, clock });
    const arrivedAtMs: number[] = [];
    const controller = new AbortController();
    setMaxListeners(0, controller.signal);
    // All of them know both servers, as behind a load balancer that takes the first out of service.
    let target = server.url;
    const clients = Array.from({ length: count }, async () => {
      let connections = 0;
      const dial = (signal: AbortSignal): Promise<Connection> => connect(target, { signal });
      const options = { signal: controller.signal, minDelayMs: 250 };
      for await (const connection of reconnectBy(dial, options, { clock })) {
        if (++connections === 2) arrivedAtMs.push(clock.now());
        await connection.closed;
      }
    });
    await until(() => server.connections.size === count);
    target = successor.url;
    const drained = server.drain({ overMs, reconnectAfterMs });
    // Real sockets need real time: the clock stands still until those who are due have come.
    while (clock.now() < overMs + 3_000) {
      await until(() => server.connections.size <= count - Math.min(count, Math.floor(clock.now() / 50)));
      await clock.advanceAsync(100);
    }
    await until(() => arrivedAtMs.length === count);
    expect(await drained).toMatchObject({ closed: count, clean: count, cut: 0, perCode: { 1012: count } });
    // 20 a second leave, wait for a second at least and up to another by chance: no second sees twice as many.
    const perSecond = new Map<number, number>();
    for (const atMs of arrivedAtMs) {
      const second = Math.floor(atMs / 1_000);
      perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
    }
    expect(Math.min(...arrivedAtMs)).toBeGreaterThanOrEqual(reconnectAfterMs + 250);
    expect(perSecond.size).toBeGreaterThanOrEqual(10);
    expect(Math.max(...perSecond.values())).toBeLessThanOrEqual(40);
    controller.abort();
    await Promise.all(clients);
  });
});
