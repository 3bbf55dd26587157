import { afterEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/node/connect.ts';
import { serve } from '../../src/node/serve.ts';
import type { WebSocketServer } from '../../src/node/web-socket-server.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import { handshake, RawClient, until } from './raw-client.ts';

const local = { port: 0, host: '127.0.0.1' };
let server: WebSocketServer;

afterEach(async () => {
  await server.close({ timeoutMs: 0 });
});

describe('the snapshot of a server', () => {
  test('survives JSON unchanged, and has its bounds', async () => {
    server = await serve({ ...local, maxRetainedBytesTotal: 5_000_000, clock: new FakeClock() });
    const snapshot = server.snapshot();
    expect(JSON.parse(JSON.stringify(server))).toEqual(snapshot);
    expect(snapshot).toMatchObject({
      state: 'open',
      ageMs: 0,
      connections: { open: 0, closing: 0, paused: 0, total: 0, closedByCode: {} },
      handshakes: {
        accepted: 0,
        refused: 0,
        refusedByStatus: {},
        refusedByCode: {},
        abandoned: 0,
        pending: 0,
      },
      messages: { in: 0, out: 0 },
      topics: { count: 0, subscriptions: 0, largest: [] },
      memory: { retained: { bytes: 0, maxBytes: 5_000_000 }, buffered: { shedConnections: 0 } },
    });
    expect(snapshot.memory.compression?.maxBytes).toBeGreaterThan(0);
  });

  test('counts connections, what they carried, how they ended, and topics', async () => {
    const clock = new FakeClock();
    server = await serve(
      { ...local, clock },
      {
        open(connection) {
          connection.subscribe('all');
          if (connection.url.search === '?vip') connection.subscribe('vip');
        },
        message: (connection, message) => void connection.send(message),
      },
    );
    const [first, second] = [await connect(`${server.url}?vip`), await connect(server.url)];
    for (const client of [first, second]) {
      client.send('four');
      for await (const _ of client) break;
    }
    expect(server.snapshot()).toMatchObject({
      connections: { open: 2, closing: 0, total: 2 },
      handshakes: { accepted: 2 },
      messages: { in: 2, out: 2 },
      payloadBytes: { in: 8, out: 8 },
      wireBytes: { in: 20, out: 12 },
      topics: {
        count: 2,
        subscriptions: 3,
        largest: [
          { topic: 'all', subscribers: 2 },
          { topic: 'vip', subscribers: 1 },
        ],
      },
    });
    await first.close(4000);
    await until(() => server.connections.size === 1);
    await clock.advanceAsync(2_000);
    const after = server.snapshot();
    // What was carried by the one that is gone still counts, and so does its close frame.
    expect(after).toMatchObject({
      ageMs: 2_000,
      connections: { open: 1, total: 2, closedByCode: { 4000: 1 } },
      messages: { in: 2, out: 2 },
      payloadBytes: { in: 8, out: 8 },
      wireBytes: { in: 28, out: 16 },
      rates: { overMs: 2_000, messagesPerSecond: { in: 1, out: 1 } },
      topics: { count: 1, subscriptions: 1 },
    });
    const [rest] = server.connections;
    expect(rest.snapshot()).toMatchObject({
      url: `ws://127.0.0.1:${server.port}/`,
      remoteAddress: '127.0.0.1',
      topics: ['all'],
    });
    await second.close();
  });

  test('the URL of a connection has no query, where tokens travel', async () => {
    server = await serve(local);
    const client = await connect(`${server.url}/a/b?token=secret`);
    const [connection] = server.connections;
    expect(connection.snapshot().url).toBe(`ws://127.0.0.1:${server.port}/a/b`);
    expect(JSON.stringify(connection)).not.toContain('secret');
    await client.close();
  });

  test('counts what became of handshakes, and those that wait', async () => {
    server = await serve({
      ...local,
      path: '/a',
      upgrade: ({ url }) => {
        if (url.search === '?slow') return new Promise<undefined>(() => undefined);
        if (url.search === '?no') return new Response('no', { status: 401 });
        return undefined;
      },
    });
    await expect(connect(`${server.url}/nowhere`)).rejects.toMatchObject({ status: 404 });
    await expect(connect(`${server.url}/a?no`)).rejects.toMatchObject({ status: 401 });
    const client = await RawClient.open(server.port);
    client.write(handshake('/a?slow'));
    await until(() => server.snapshot().handshakes.pending === 1);
    client.socket.destroy();
    await until(() => server.snapshot().handshakes.pending === 0);
    await (await connect(`${server.url}/a`)).close();
    expect(server.snapshot().handshakes).toEqual({
      accepted: 1,
      refused: 2,
      refusedByStatus: { 404: 1, 401: 1 },
      refusedByCode: { WS_HANDSHAKE_REFUSED: 1, upgrade: 1 },
      abandoned: 1,
      pending: 0,
    });
  });

  test('says which ten topics have the most subscribers', async () => {
    server = await serve(local, {
      open: (connection) => {
        for (let index = 0; index < 20; index++)
          if (index < Number(connection.url.searchParams.get('count')))
            connection.subscribe(`topic ${index}`);
      },
    });
    const clients = await Promise.all([1, 5, 20].map((count) => connect(`${server.url}?count=${count}`)));
    await until(() => server.snapshot().topics.count === 20);
    const { subscriptions, largest } = server.snapshot().topics;
    expect(subscriptions).toBe(26);
    expect(largest.map(({ subscribers }) => subscribers)).toEqual([3, 2, 2, 2, 2, 1, 1, 1, 1, 1]);
    expect(largest[0].topic).toBe('topic 0');
    await Promise.all(clients.map((client) => client.close()));
  });

  test('follows the server to its end', async () => {
    server = await serve(local);
    const [client] = await RawClient.shake(server.port);
    await until(() => server.connections.size === 1);
    const closed = server.close({ timeoutMs: 10_000 });
    await until(() => server.snapshot().state === 'closing');
    expect(server.snapshot().connections).toMatchObject({ open: 0, closing: 1 });
    client.socket.destroy();
    await closed;
    expect(server.snapshot()).toMatchObject({ state: 'closed', connections: { closedByCode: { 1006: 1 } } });
  });
});
