// Answers of an application that HTTP/2 cannot carry as HTTP/1.1 does: none of them becomes an acceptance, and none ends
// the process.

import { afterEach, describe, expect, test } from 'vitest';
import {
  connect,
  Http2Sessions,
  serve,
  type ServeOptions,
  type WebSocketServer,
} from '../../../src/index.ts';
import { selfSignedCertificate } from '../certificate.ts';
import { rejectionOf } from '../raw-server.ts';
import { RawSession } from './raw-session.ts';

const certificate = selfSignedCertificate();
const tls = { ca: certificate.cert };
let server: WebSocketServer;
const errors: unknown[] = [];

afterEach(async () => {
  errors.length = 0;
  await server.close({ timeoutMs: 0 });
});

async function listen(upgrade: ServeOptions['upgrade']): Promise<void> {
  server = await serve({
    port: 0,
    host: '127.0.0.1',
    tls: certificate,
    onError: (error) => void errors.push(error),
    ...(upgrade === undefined ? {} : { upgrade }),
  });
}

describe('a Response that would accept', () => {
  test.each([
    ['of status 200 with what looks like a frame', () => new Response(Uint8Array.of(0x81, 2, 0x68, 0x69))],
    ['of status 204', () => new Response(null, { status: 204 })],
    ['of a network error', () => Response.error()],
  ])('%s refuses with 500, and the application hears why', async (_, respond) => {
    await listen(respond);
    const http2 = new Http2Sessions();
    const error = await rejectionOf(connect(server.url, { tls, http2 }));
    expect(error).toMatchObject({ code: 'WS_HANDSHAKE_REFUSED', status: 500 });
    expect(errors).toMatchObject([{ code: 'WS_OPTION_INVALID' }]);
    expect(server.connections.size).toBe(0);
    http2.close();
  });
});

test('headers with the names of members of an object, and of HTTP/1.1, harm nobody', async () => {
  const headers = { constructor: 'a', TE: 'gzip', 'HTTP2-Settings': 'AAAA', 'X-Kept': 'b' };
  await listen(() => ({ headers }));
  await using session = await RawSession.open(server.port);
  const accepted = await session.open().response;
  expect([accepted[':status'], accepted['x-kept']]).toEqual([200, 'b']);
  await server.close({ timeoutMs: 0 });
  await listen(() => new Response('no', { status: 403, headers }));
  await using other = await RawSession.open(server.port);
  const refused = await other.open().response;
  expect([refused[':status'], refused['x-kept']]).toEqual([403, 'b']);
  const error = await rejectionOf(
    connect(server.url, { tls, http2: new Http2Sessions(), headers: { constructor: 'x' } }),
  );
  expect(error).toMatchObject({ code: 'WS_HANDSHAKE_REFUSED', status: 403 });
  expect(errors).toEqual([]);
});

test('an ordinary request whose answer is never read ends after two seconds, so that its session can', async () => {
  await listen(undefined);
  await using session = await RawSession.open(server.port);
  session.session.settings({ initialWindowSize: 0 });
  const request = session.request({ ':method': 'GET', ':path': '/', ':scheme': 'https', ':authority': 'a' });
  request.stream.pause();
  expect(await request.closed).toBe(8);
});
