// Who is let in, over real sockets: rates and caps of addresses, and what proxies say about clients. The rules stand in
// test/server/admission.test.ts and trusted-proxies.test.ts. All of 127.0.0.0/8 is this machine: each address a client.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/node/connect.ts';
import { serve } from '../../src/node/serve.ts';
import type { WebSocketServer } from '../../src/node/web-socket-server.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import { selfSignedCertificate } from './certificate.ts';
import { deferred, handshake, RawClient, type RawResponse, until } from './raw-client.ts';

const local = { port: 0, host: '127.0.0.1', pingIntervalMs: 0 };
const handshakeRate = { perSecond: 1, burst: 2 };
let clock: FakeClock;
let server: WebSocketServer;
let http: Server | undefined;
let decided: number;

function upgrade(): undefined {
  decided++;
}

beforeEach(() => {
  clock = new FakeClock();
  decided = 0;
});

afterEach(async () => {
  const closed = server.close({ timeoutMs: 1 });
  await until(() => clock.pendingTimers > 0 || server.connections.size === 0);
  clock.advance(20_000);
  await closed;
  http?.closeAllConnections();
  http?.close();
  http = undefined;
});

/** The status of a handshake from an address, and when to come back. */
async function shake(
  port: number,
  localAddress = '127.0.0.1',
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const [, { status, headers: answered }] = await RawClient.shake(
    { port, host: '127.0.0.1', localAddress },
    '/',
    headers,
  );
  return answered['retry-after'] === undefined ? `${status}` : `${status} ${answered['retry-after']}`;
}

describe('too many handshakes of an address', () => {
  test('are answered with 429 before anybody decides, until some time has passed; others get through', async () => {
    server = await serve({ ...local, clock, handshakeRate, upgrade });
    expect([await shake(server.port), await shake(server.port), await shake(server.port)]).toEqual([
      '101',
      '101',
      '429 1',
    ]);
    expect(decided).toBe(2);
    expect(await shake(server.port, '127.0.0.2')).toBe('101');
    clock.advance(1000);
    expect(await shake(server.port)).toBe('101');
  });

  test('count although nothing was ever said on their connections', async () => {
    server = await serve({ ...local, clock, handshakeRate });
    for (let index = 0; index < 2; index++) await RawClient.open(server.port);
    const client = await RawClient.open(server.port);
    const { status, body, headers } = await client.response();
    expect([status, headers['retry-after'], headers.connection]).toEqual([429, '1', 'close']);
    expect(body).toBe('too many handshakes from this address, try again later\n');
    expect(await client.rest()).toBe('');
  });

  test('are told so politely only as long as there are not very many', async () => {
    server = await serve({ ...local, clock, handshakeRate });
    const clients: RawClient[] = [];
    for (let index = 0; index < 300; index++) clients.push(await RawClient.open(server.port));
    // They never end their side.
    const answers = await Promise.all(clients.slice(2).map((client) => client.rest()));
    expect(answers.filter((answer) => answer.startsWith('HTTP/1.1 429 '))).toHaveLength(256);
    expect(answers.filter((answer) => answer === '')).toHaveLength(298 - 256);
    expect(await shake(server.port, '127.0.0.2')).toBe('101');
    // Two silent ones that were let in, and the one of the other address.
    clock.advance(2000);
    expect(clock.pendingTimers).toBe(1);
  });

  test('are cut on a server with TLS, before its handshake', async () => {
    const { key, cert } = selfSignedCertificate();
    server = await serve({ ...local, clock, handshakeRate, tls: { key, cert }, upgrade });
    const open = (localAddress: string): Promise<RawClient> => {
      const options = { port: server.port, host: '127.0.0.1', localAddress, ca: cert };
      return RawClient.openTls(options);
    };
    for (let index = 0; index < 2; index++) {
      const client = await open('127.0.0.1');
      client.write(handshake());
      expect((await client.response()).status).toBe(101);
    }
    await expect(open('127.0.0.1')).rejects.toMatchObject({ code: 'ECONNRESET' });
    await open('127.0.0.2');
    expect(decided).toBe(2);
  });

  test('are counted by their requests on a server of somebody else, whose other requests are not', async () => {
    http = createServer((_, response) => response.end('ordinary')).listen(0, '127.0.0.1');
    await once(http, 'listening');
    server = await serve({ server: http, clock, handshakeRate, upgrade, pingIntervalMs: 0 });
    const { port } = http.address() as AddressInfo;
    for (let index = 0; index < 10; index++) {
      const client = await RawClient.open(port);
      client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      expect((await client.response()).status).toBe(200);
    }
    const statuses = [await shake(port), await shake(port), await shake(port)];
    expect(statuses).toEqual(['101', '101', '429 1']);
    expect(decided).toBe(2);
  });

  test('are no matter of local addresses by default', async () => {
    server = await serve({ ...local, clock, upgrade });
    for (let index = 0; index < 250; index++) {
      const client = await RawClient.open(server.port);
      client.socket.destroy();
    }
    expect(await shake(server.port)).toBe('101');
  });

  test('tell a client when to come back', async () => {
    server = await serve({ ...local, clock, handshakeRate: { perSecond: 0.1, burst: 1 } });
    await (await connect(server.url)).close();
    await expect(connect(server.url)).rejects.toMatchObject({ code: 'WS_HANDSHAKE_REFUSED', status: 429 });
  });
});

describe('a cap', () => {
  test('on all connections answers 503, until one is gone', async () => {
    server = await serve({ ...local, clock, maxConnections: 2 });
    const [first] = await RawClient.shake(server.port);
    expect([await shake(server.port, '127.0.0.2'), await shake(server.port, '127.0.0.3')]).toEqual([
      '101',
      '503 10',
    ]);
    first.socket.destroy();
    await until(() => server.connections.size === 1);
    expect(await shake(server.port)).toBe('101');
  });

  test('on those of an address answers 429, to this address only', async () => {
    server = await serve({ ...local, clock, maxConnectionsPerAddress: 1 });
    expect([
      await shake(server.port),
      await shake(server.port),
      await shake(server.port, '127.0.0.2'),
    ]).toEqual(['101', '429 10', '101']);
  });

  test('holds also when many decisions are made at the same moment', async () => {
    const decision = deferred<undefined>();
    server = await serve({ ...local, clock, maxConnections: 3, upgrade: () => decision.promise });
    const clients: RawClient[] = [];
    for (let index = 0; index < 8; index++) {
      const client = await RawClient.open(server.port);
      client.write(handshake());
      clients.push(client);
    }
    await until(() => clock.pendingTimers === 8);
    decision.resolve(undefined);
    const statuses = await Promise.all(clients.map(async (client) => (await client.response()).status));
    expect(statuses.filter((status) => status === 101)).toHaveLength(3);
    expect(statuses.filter((status) => status === 503)).toHaveLength(5);
    expect(server.connections.size).toBe(3);
    for (const { socket } of clients) socket.destroy();
    await until(() => server.connections.size === 0);
    expect(await shake(server.port)).toBe('101');
  });
});

describe('behind a proxy', () => {
  interface Seen {
    remoteAddress: string | undefined;
    peerAddress: string | undefined;
    isSecure: boolean;
    url: string;
  }
  let seen: Seen | undefined;
  let opened: unknown;

  async function start(options: object): Promise<void> {
    server = await serve(
      {
        ...local,
        clock,
        ...options,
        upgrade({ remoteAddress, peerAddress, isSecure, url }) {
          seen = { remoteAddress, peerAddress, isSecure, url: url.href };
        },
      },
      {
        open: ({ remoteAddress, peerAddress, url }) => {
          opened = [remoteAddress, peerAddress, url.href];
        },
      },
    );
  }

  beforeEach(() => {
    seen = undefined;
    opened = undefined;
  });

  const forwarded = {
    'X-Forwarded-For': '6.6.6.6, 203.0.113.7',
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Host': 'chat.example',
    Origin: 'https://chat.example',
  };

  test('that is trusted, the client is who it says, and its own origin may connect', async () => {
    await start({ trustedProxies: ['loopback'] });
    expect(await shake(server.port, '127.0.0.9', forwarded)).toBe('101');
    expect(seen).toEqual({
      remoteAddress: '203.0.113.7',
      peerAddress: '127.0.0.9',
      isSecure: true,
      url: 'wss://chat.example/',
    });
    expect(opened).toEqual(['203.0.113.7', '127.0.0.9', 'wss://chat.example/']);
    expect(await shake(server.port, '127.0.0.9', { ...forwarded, Origin: 'https://evil.example' })).toBe(
      '403',
    );
  });

  test('that is not, the peer is the client, and what it writes is nobody’s origin', async () => {
    await start({ trustedProxies: ['127.0.0.9'] });
    expect(await shake(server.port, '127.0.0.8', forwarded)).toBe('403');
    const { Origin: _, ...spoofed } = forwarded;
    expect(await shake(server.port, '127.0.0.8', spoofed)).toBe('101');
    expect(seen).toMatchObject({ remoteAddress: '127.0.0.8', peerAddress: '127.0.0.8', isSecure: false });
  });

  test('without the option every such header is ignored', async () => {
    await start({});
    const { Origin: _, ...spoofed } = forwarded;
    expect(await shake(server.port, '127.0.0.1', { ...spoofed, Forwarded: 'for=203.0.113.7' })).toBe('101');
    expect(seen).toMatchObject({ remoteAddress: '127.0.0.1', peerAddress: '127.0.0.1' });
  });

  test('over a unix socket', async () => {
    const socketPath = join(tmpdir(), `fullduplex-${process.pid}-limits.sock`);
    await start({ port: undefined, host: undefined, socketPath, trustedProxies: ['unix'] });
    const [, response]: [RawClient, RawResponse] = await RawClient.shake(
      { path: socketPath },
      '/',
      forwarded,
    );
    expect(response.status).toBe(101);
    expect(seen).toMatchObject({ remoteAddress: '203.0.113.7', peerAddress: undefined });
  });

  test('clients are counted, and not the proxy', async () => {
    await start({ trustedProxies: ['loopback'], handshakeRate });
    const from = (client: string): Promise<string> =>
      shake(server.port, '127.0.0.1', { 'X-Forwarded-For': client });
    expect([await from('203.0.113.1'), await from('203.0.113.1'), await from('203.0.113.1')]).toEqual([
      '101',
      '101',
      '429 1',
    ]);
    expect(await from('203.0.113.2')).toBe('101');
    // A client cannot get away by writing a header of its own: the proxy appends to it.
    expect(await from('203.0.113.9, 203.0.113.1')).toBe('429 1');
  });
});
