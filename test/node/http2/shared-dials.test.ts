// Attempts that share one connection on its way: whoever gives up harms nobody else, and nothing is left over.

import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { connect, Http2Sessions, serve, type WebSocketServer } from '../../../src/index.ts';
import { selfSignedCertificate } from '../certificate.ts';
import { until } from '../raw-client.ts';
import { rejectionOf } from '../raw-server.ts';

const certificate = selfSignedCertificate();
const tls = { ca: certificate.cert };
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function listening(
  server: Server,
): Promise<{ url: string; sockets: Set<Socket>; accepted: () => number }> {
  const sockets = new Set<Socket>();
  let count = 0;
  server.on('secureConnection', (socket: Socket) => {
    count++;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `wss://127.0.0.1:${port}`, sockets, accepted: () => count };
}

async function echo(
  http: ReturnType<typeof createHttps> | ReturnType<typeof createSecureServer>,
): Promise<WebSocketServer> {
  const server = await serve({ server: http });
  ends.push(() => server.close({ timeoutMs: 0 }));
  return server;
}

test('a server that allows no streams is dialled once, and then spoken to in HTTP/1.1', async () => {
  const http = createSecureServer({
    ...certificate,
    allowHTTP1: true,
    settings: { maxConcurrentStreams: 0 },
  });
  await echo(http);
  const { url, accepted } = await listening(http);
  const http2 = new Http2Sessions();
  const client = await connect(url, { tls, http2 });
  expect(accepted()).toBe(2);
  expect(http2.size).toBe(0);
  await client.close();
  http2.close();
});

test('a connection of HTTP/1.1 whose first waiter has left is taken by the next, or ended', async () => {
  const http = createHttps(certificate);
  await echo(http);
  const { url, sockets, accepted } = await listening(http);
  const http2 = new Http2Sessions();
  const abort = new AbortController();
  const first = rejectionOf(connect(url, { tls, http2, signal: abort.signal }));
  const second = connect(url, { tls, http2 });
  abort.abort();
  expect(await first).toMatchObject({ code: 'WS_ABORTED' });
  const client = await second;
  expect([accepted(), sockets.size]).toEqual([1, 1]);
  await client.close();
  await until(() => sockets.size === 0);
  http2.close();
});

test('an attempt that follows an aborted one in the same turn dials anew', async () => {
  const http = createSecureServer({ ...certificate, allowHTTP1: true });
  await echo(http);
  const { url } = await listening(http);
  const http2 = new Http2Sessions();
  const abort = new AbortController();
  const first = rejectionOf(connect(url, { tls, http2, signal: abort.signal }));
  await Promise.resolve();
  abort.abort();
  const client = await connect(url, { tls, http2 });
  expect(await first).toMatchObject({ code: 'WS_ABORTED' });
  await client.close();
  http2.close();
});

test('more WebSockets at once than one connection takes get a second and a third, and none of them waits in vain', async () => {
  const versions: string[] = [];
  const server = await serve(
    { port: 0, host: '127.0.0.1', tls: certificate, maxStreamsPerSession: 4 },
    { open: ({ httpVersion }) => void versions.push(httpVersion) },
  );
  ends.push(() => server.close({ timeoutMs: 0 }));
  const http2 = new Http2Sessions();
  await connect(server.url, { tls, http2 });
  const clients = await Promise.all(Array.from({ length: 9 }, () => connect(server.url, { tls, http2 })));
  expect(versions).toEqual(Array.from({ length: 10 }, () => '2'));
  expect(http2.size).toBe(3);
  for (const client of clients) client.terminate();
  http2.close();
});
