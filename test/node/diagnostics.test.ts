import { channel } from 'node:diagnostics_channel';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/node/connect.ts';
import { diagnosticsChannels } from '../../src/node/diagnostics.ts';
import { Http2Sessions } from '../../src/index.ts';
import { serve } from '../../src/node/serve.ts';
import type { WebSocketServer } from '../../src/node/web-socket-server.ts';
import { selfSignedCertificate } from './certificate.ts';
import { DiagnosticsEar } from './diagnostics-ear.ts';
import { handshake, RawClient, until } from './raw-client.ts';

type Name = `fullduplex:${keyof typeof diagnosticsChannels}`;

const local = { port: 0, host: '127.0.0.1' };
let server: WebSocketServer;
let ear: DiagnosticsEar;

/** Collects what comes over a channel, as plain records. */
function heard(name: Name): Record<string, unknown>[] {
  return ear.hear(name);
}

beforeEach(() => {
  ear = new DiagnosticsEar();
});

afterEach(async () => {
  ear.stop();
  await server?.close({ timeoutMs: 0 });
});

describe('fullduplex:upgrade', () => {
  test('tells what both sides have decided, without the query of the URL', async () => {
    const upgrades = heard('fullduplex:upgrade');
    server = await serve({ ...local, path: '/rooms/:room' });
    const connection = await connect(`${server.url}/rooms/tea?token=secret`);
    const [first, second] = upgrades;
    expect(first).toMatchObject({
      side: 'server',
      outcome: 'accepted',
      status: 101,
      code: undefined,
      path: '/rooms/tea',
      remoteAddress: '127.0.0.1',
      target: undefined,
    });
    expect(second).toMatchObject({
      side: 'client',
      outcome: 'accepted',
      status: 101,
      path: '/rooms/tea',
      target: `127.0.0.1:${server.port}`,
    });
    for (const { durationMs } of upgrades) expect(durationMs).toBeGreaterThanOrEqual(0);
    expect(JSON.stringify(upgrades)).not.toContain('secret');
    await connection.close();
  });

  test('tells refusals with their status and the code of the error: by us, by upgrade(), and of what is no handshake', async () => {
    const upgrades = heard('fullduplex:upgrade');
    server = await serve({
      ...local,
      path: '/a',
      upgrade: async ({ url }) => {
        if (url.search === '?throw') throw new Error('broken');
        return new Response('no', { status: 403 });
      },
      onError: () => undefined,
    });
    await expect(connect(`${server.url}/a`)).rejects.toMatchObject({ status: 403 });
    await expect(connect(`${server.url}/a?throw`)).rejects.toMatchObject({ status: 500 });
    await expect(connect(`${server.url}/b`)).rejects.toMatchObject({ status: 404 });
    const foreign = await RawClient.open(server.port);
    foreign.write(handshake('/a', { Origin: 'https://evil.example' }));
    expect((await foreign.response()).status).toBe(403);
    const garbage = await RawClient.open(server.port);
    garbage.write('GET / HTTP/1.1\nbroken\r\n\r\n');
    expect((await garbage.response()).status).toBe(400);
    const ours = upgrades.filter(({ side }) => side === 'server');
    expect(ours.map(({ outcome, status, code, path }) => [outcome, status, code, path])).toEqual([
      ['refused', 403, undefined, '/a'],
      ['refused', 500, 'WS_HANDSHAKE_REFUSED', '/a'],
      ['refused', 404, 'WS_HANDSHAKE_REFUSED', '/b'],
      ['refused', 403, 'WS_HANDSHAKE_REFUSED', '/a'],
      ['refused', 400, 'WS_HANDSHAKE_HEADER_INVALID', undefined],
    ]);
    const theirs = upgrades.filter(({ side }) => side === 'client');
    expect(theirs.map(({ outcome, status, code }) => [outcome, status, code])).toEqual([
      ['refused', 403, 'WS_HANDSHAKE_REFUSED'],
      ['refused', 500, 'WS_HANDSHAKE_REFUSED'],
      ['refused', 404, 'WS_HANDSHAKE_REFUSED'],
    ]);
  });

  test('tells the address of the client behind a trusted proxy, whatever was decided', async () => {
    const upgrades = heard('fullduplex:upgrade');
    server = await serve({
      ...local,
      trustedProxies: ['loopback'],
      path: '/a',
      upgrade: ({ url }) => (url.search === '' ? undefined : new Response('no', { status: 403 })),
    });
    const headers = { 'X-Forwarded-For': '203.0.113.7' };
    await (await connect(`${server.url}/a`, { headers })).close();
    for (const path of ['/a?no', '/b'])
      await expect(connect(`${server.url}${path}`, { headers })).rejects.toThrow();
    const ours = upgrades.filter(({ side }) => side === 'server');
    expect(ours.map(({ status, remoteAddress }) => [status, remoteAddress])).toEqual([
      [101, '203.0.113.7'],
      [403, '203.0.113.7'],
      [404, '203.0.113.7'],
    ]);
  });

  test('tells of handshakes over HTTP/2, which are accepted with 200, and of refusals there', async () => {
    const upgrades = heard('fullduplex:upgrade');
    const { key, cert } = selfSignedCertificate();
    server = await serve({ ...local, tls: { key, cert }, path: '/a' });
    using sessions = new Http2Sessions();
    const options = { tls: { ca: cert }, http2: sessions };
    const url = `wss://localhost:${server.port}`;
    const connection = await connect(`${url}/a`, options);
    expect([...server.connections].map(({ httpVersion }) => httpVersion)).toEqual(['2']);
    await connection.close();
    await expect(connect(`${url}/b`, options)).rejects.toMatchObject({ status: 404 });
    const decided = (side: string) =>
      upgrades.filter((upgrade) => upgrade.side === side).map(({ status, path }) => [status, path]);
    expect(decided('server')[0]).toEqual([200, '/a']);
    expect(decided('server')[1]).toEqual([404, '/b']);
    expect(decided('client')).toEqual([
      [200, '/a'],
      [404, '/b'],
    ]);
    expect(server.snapshot().handshakes).toMatchObject({
      accepted: 1,
      refusedByStatus: { 404: expect.any(Number) },
    });
  });

  test('tells of a redirect as a refusal, and of the server behind it', async () => {
    const upgrades = heard('fullduplex:upgrade');
    server = await serve({
      ...local,
      upgrade: ({ url }) =>
        url.pathname === '/old'
          ? new Response(null, { status: 307, headers: { Location: '/new' } })
          : undefined,
    });
    await (await connect(`${server.url}/old`, { maxRedirects: 1 })).close();
    const theirs = upgrades.filter(({ side }) => side === 'client');
    expect(theirs.map(({ outcome, status, path }) => [outcome, status, path])).toEqual([
      ['refused', 307, '/old'],
      ['accepted', 101, '/new'],
    ]);
  });

  test('tells of clients that go away first, and of servers that are not there', async () => {
    const upgrades = heard('fullduplex:upgrade');
    let asked = false;
    server = await serve({
      ...local,
      upgrade: () => {
        asked = true;
        return new Promise<undefined>(() => undefined);
      },
    });
    const client = await RawClient.open(server.port);
    client.write(handshake('/slow'));
    await until(() => asked);
    client.socket.destroy();
    await until(() => upgrades.length === 1);
    expect(upgrades[0]).toMatchObject({
      side: 'server',
      outcome: 'abandoned',
      status: undefined,
      code: 'WS_TRANSPORT_ENDED',
      path: '/slow',
    });
    const closed: Server = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const address = closed.address();
    closed.close();
    if (address === null || typeof address === 'string') throw new Error('no port');
    await expect(connect(`ws://127.0.0.1:${address.port}`)).rejects.toThrow('could not connect');
    expect(upgrades[1]).toMatchObject({ side: 'client', outcome: 'abandoned', code: 'WS_CONNECT_FAILED' });
  });
});

describe('fullduplex:open, fullduplex:close and fullduplex:error', () => {
  test('follow the life of a connection in order, on both sides', async () => {
    const life: string[] = [];
    const names: readonly Name[] = [
      'fullduplex:upgrade',
      'fullduplex:open',
      'fullduplex:error',
      'fullduplex:close',
    ];
    for (const name of names)
      ear.listen(name, (message) => void life.push(`${Object(message).side} ${name.slice(11)}`));
    server = await serve(
      { ...local, onError: () => void life.push('onError') },
      {
        open: () => void life.push('server handler open'),
        message: () => {
          throw new Error('broken');
        },
        close: () => void life.push('server handler close'),
      },
    );
    const connection = await connect(server.url);
    connection.send('break it');
    await connection.closed;
    await until(() => server.connections.size === 0);
    expect(life.filter((event) => event.startsWith('server') || event === 'onError')).toEqual([
      'server upgrade',
      'server open',
      'server handler open',
      'server error',
      'onError',
      'server close',
      'server handler close',
    ]);
    expect(life.filter((event) => event.startsWith('client'))).toEqual([
      'client upgrade',
      'client open',
      'client close',
    ]);
  });

  test('carry the connection, where it goes, why it ended and what was thrown', async () => {
    const [opens, closes, errors] = [
      heard('fullduplex:open'),
      heard('fullduplex:close'),
      heard('fullduplex:error'),
    ];
    const failure = new Error('broken');
    server = await serve(
      {
        ...local,
        onError: () => undefined,
        upgrade: ({ url }) => {
          if (url.pathname === '/throw') throw failure;
        },
      },
      { open: (connection) => void connection.close(4001, 'enough') },
    );
    const connection = await connect(`${server.url}/here?token=secret`);
    await connection.closed;
    await until(() => closes.length === 2);
    const [ours] = opens.filter(({ side }) => side === 'server');
    const [theirs] = opens.filter(({ side }) => side === 'client');
    expect(theirs.connection).toBe(connection);
    for (const { url } of opens) expect(url).toBe(`ws://127.0.0.1:${server.port}/here`);
    const byOurs = closes.find((message) => message.connection === ours.connection);
    expect(byOurs).toMatchObject({
      side: 'server',
      info: { code: 4001, reason: 'enough', clean: true, by: 'local' },
    });
    const byTheirs = closes.find((message) => message.connection === connection);
    expect(byTheirs).toMatchObject({ side: 'client', info: { code: 4001, by: 'remote' } });
    await expect(connect(`${server.url}/throw`)).rejects.toThrow();
    expect(errors).toEqual([{ side: 'server', connection: undefined, error: failure }]);
  });
});

describe('fullduplex:frame', () => {
  test('tells every frame of both sides, unmasked, beside observers of the application', async () => {
    const frames = heard('fullduplex:frame');
    server = await serve(local, { message: (connection, message) => void connection.send(message) });
    const connection = await connect(server.url);
    let observed = 0;
    connection.observe({ header: () => observed++, payload: () => undefined });
    connection.send('hello');
    await until(() => frames.length === 4);
    const seen = frames.map(({ side, direction, header, payload }) => {
      const { opcode, payloadLength } = Object(header);
      const text = payload instanceof Uint8Array ? new TextDecoder().decode(payload) : undefined;
      return [side, direction, opcode, payloadLength, text];
    });
    expect(seen).toEqual([
      ['client', 'out', 1, 5, 'hello'],
      ['server', 'in', 1, 5, 'hello'],
      ['server', 'out', 1, 5, 'hello'],
      ['client', 'in', 1, 5, 'hello'],
    ]);
    expect(observed).toBe(2);
    await connection.close();
  });

  test('keeps the start of long payloads', async () => {
    const frames = heard('fullduplex:frame');
    server = await serve(local);
    const connection = await connect(server.url);
    connection.send(new Uint8Array(5_000));
    await until(() => frames.length === 2);
    for (const { header, payload } of frames) {
      expect(Object(header).payloadLength).toBe(5_000);
      expect(Object(payload).length).toBe(1_024);
    }
    await connection.close();
  });

  test('without subscribers nothing observes; those who come later see the connections that open from then on', async () => {
    server = await serve(local, { message: (connection, message) => void connection.send(message) });
    const before = await connect(server.url);
    const frames = heard('fullduplex:frame');
    const after = await connect(server.url);
    before.send('unseen');
    for await (const _ of before) break;
    expect(frames).toEqual([]);
    after.send('seen');
    for await (const _ of after) break;
    expect(new Set(frames.map(({ connection }) => connection)).size).toBe(2);
    ear.stop();
    const { length } = frames;
    after.send('unseen');
    for await (const _ of after) break;
    expect(frames).toHaveLength(length);
    await Promise.all([before.close(), after.close()]);
  });
});

describe('subscribers', () => {
  test('that throw do not harm the connection', async () => {
    const thrown: unknown[] = [];
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const listener = (error: unknown): void => void thrown.push(error);
    process.on('uncaughtException', listener);
    try {
      const broken = (): never => {
        throw new Error('broken subscriber');
      };
      for (const name of ['fullduplex:upgrade', 'fullduplex:open', 'fullduplex:frame', 'fullduplex:close'])
        ear.listen(name, broken);
      server = await serve(local, { message: (connection, message) => void connection.send(message) });
      const connection = await connect(server.url);
      connection.send('hello');
      for await (const message of connection) {
        expect(message).toBe('hello');
        break;
      }
      expect(await connection.close()).toMatchObject({ code: 1000, clean: true });
      await until(() => server.connections.size === 0);
      // Node reports each one in a turn of its own.
      await until(() => thrown.length >= 10);
    } finally {
      process.removeListener('uncaughtException', listener);
      for (const other of others) process.on('uncaughtException', other);
    }
  });

  test('are asked for by the documented names', () => {
    const names: readonly Name[] = [
      'fullduplex:upgrade',
      'fullduplex:open',
      'fullduplex:frame',
      'fullduplex:close',
      'fullduplex:error',
    ];
    for (const name of names) expect(channel(name).hasSubscribers).toBe(false);
  });

  test('can use the channels with their types', async () => {
    const codes: number[] = [];
    const listener = ({ info }: { info: { code: number } }): void => void codes.push(info.code);
    diagnosticsChannels.close.subscribe(listener);
    expect(channel('fullduplex:close').hasSubscribers).toBe(true);
    server = await serve(local);
    await (await connect(server.url)).close(4002);
    await until(() => codes.length === 2);
    expect(codes).toEqual([4002, 4002]);
    expect(diagnosticsChannels.close.unsubscribe(listener)).toBe(true);
    expect(channel('fullduplex:close').hasSubscribers).toBe(false);
  });
});
