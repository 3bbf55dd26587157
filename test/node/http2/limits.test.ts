// The limits of a server over HTTP/2: what counts for a connection of HTTP/1.1 counts for each stream, proxies are
// believed as there, and streams that nobody reads hold no more than the bounds say.

import { afterEach, expect, test } from 'vitest';
import { serve } from '../../../src/node/serve.ts';
import type { WebSocketServer } from '../../../src/node/web-socket-server.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';
import { selfSignedCertificate } from '../certificate.ts';
import { heldBytes } from '../held-memory.ts';
import { textFrame, until } from '../raw-client.ts';
import { RawSession } from './raw-session.ts';

const certificate = selfSignedCertificate();
const base = { port: 0, host: '127.0.0.1', tls: certificate };
const KiB = 1024;
const MiB = 1024 * KiB;
let server: WebSocketServer;

afterEach(async () => {
  await server.close({ timeoutMs: 0 });
});

test('each stream counts as a handshake, beside the connection that carries it', async () => {
  const clock = new FakeClock();
  server = await serve({ ...base, clock, handshakeRate: { perSecond: 1, burst: 3 } });
  await using session = await RawSession.open(server.port);
  const statuses: unknown[] = [];
  for (let count = 0; count < 3; count++) statuses.push((await session.open().response)[':status']);
  expect(statuses).toEqual([200, 200, 429]);
  clock.advance(1_000);
  expect((await session.open().response)[':status']).toBe(200);
});

test('streams count as connections of their address', async () => {
  server = await serve({ ...base, maxConnectionsPerAddress: 2 });
  await using session = await RawSession.open(server.port);
  const streams = [session.open(), session.open()];
  for (const stream of streams) expect((await stream.response)[':status']).toBe(200);
  expect((await session.open().response)[':status']).toBe(429);
  streams[0].reset();
  await until(() => server.connections.size === 1);
  expect((await session.open().response)[':status']).toBe(200);
});

test.each([
  ['a trusted proxy', ['loopback'], '203.0.113.7'],
  ['anybody else', ['192.0.2.1'], '127.0.0.1'],
])(
  'the address that a header names is that of the client when it comes from %s',
  async (_, trustedProxies, expected) => {
    const addresses: (string | undefined)[] = [];
    server = await serve({
      ...base,
      trustedProxies,
      upgrade: ({ remoteAddress }) => void addresses.push(remoteAddress),
    });
    await using session = await RawSession.open(server.port);
    expect(
      (await session.open('/', { 'x-forwarded-for': '198.51.100.1, 203.0.113.7' }).response)[':status'],
    ).toBe(200);
    expect(addresses).toEqual([expected]);
  },
);

test('thirty-two streams that are never read hold what the high-water mark allows, and another goes on', async () => {
  const message = new Uint8Array(16 * KiB);
  let sent = 0;
  server = await serve(
    { ...base, path: '/*' },
    {
      async open(connection) {
        if (connection.url.pathname !== '/endless') return;
        while (await connection.send(message)) sent++;
      },
      message: (connection, text) => void connection.send(text),
    },
  );
  await using session = await RawSession.open(server.port);
  const before = await heldBytes();
  const streams = Array.from({ length: 32 }, () => session.open('/endless'));
  for (const { stream } of streams) stream.pause();
  await Promise.all(streams.map(({ response }) => response));
  let last = -1;
  await until(() => {
    const isStill = sent === last;
    last = sent;
    return isStill && sent > 0;
  });
  // For each stream the mark and a message above it, a copy in Node's hands, and the window of 64 KiB on our client's side.
  expect((await heldBytes()) - before).toBeLessThan(32 * (64 + 16 + 80 + 64 + 64) * KiB + 2 * MiB);
  const healthy = session.open('/echo');
  await healthy.response;
  healthy.stream.write(textFrame('unharmed'));
  expect(await healthy.text()).toBe('unharmed');
});
