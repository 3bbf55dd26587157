// What the roads of the client and the drain of the server are over HTTP/2: the same.

import { expect, test, vi } from 'vitest';
import { connect, type CookieJar, Http2Sessions, serve } from '../../../src/index.ts';
import { selfSignedCertificate } from '../certificate.ts';
import { connectProxy } from '../proxy/connect-proxy.ts';

const certificate = selfSignedCertificate();
const tls = { ca: certificate.cert };

test('a tunnel through a proxy is made once and carries all WebSockets of the session, and no password of it', async () => {
  const versions: string[] = [];
  await using server = await serve(
    { port: 0, host: '127.0.0.1', tls: certificate },
    {
      open: ({ httpVersion }) => void versions.push(httpVersion),
      message: (connection, message) => void connection.send(message),
    },
  );
  await using proxy = await connectProxy({ credentials: 'who:secret' });
  const http2 = new Http2Sessions();
  const options = { tls, http2, proxy: `http://who:secret@127.0.0.1:${proxy.port}` };
  const first = await connect(server.url, options);
  const second = await connect(server.url, options);
  first.send('through');
  for await (const message of first) {
    expect(message).toBe('through');
    break;
  }
  expect(versions).toEqual(['2', '2']);
  expect(proxy.heads).toHaveLength(1);
  await Promise.all([first.close(), second.close()]);
  http2.close();
});

test('cookies that come with the acceptance are kept, and sent the next time', async () => {
  const seen: (string | null)[] = [];
  await using server = await serve({
    port: 0,
    host: '127.0.0.1',
    tls: certificate,
    upgrade({ headers }) {
      seen.push(headers.get('cookie'));
      return { headers: { 'Set-Cookie': 'session=1' } };
    },
  });
  const kept: string[] = [];
  const cookieJar: CookieJar = {
    cookiesFor: () => kept.join('; ') || undefined,
    store: (_, setCookie) => void kept.push(...setCookie),
  };
  const http2 = new Http2Sessions();
  for (let count = 0; count < 2; count++) {
    const client = await connect(server.url, { tls, http2, cookieJar });
    await client.close();
  }
  expect(seen).toEqual([null, 'session=1']);
  http2.close();
});

test('a drain closes the streams of a session one by one, and the session ends with them', async () => {
  const server = await serve({ port: 0, host: '127.0.0.1', tls: certificate });
  const http2 = new Http2Sessions();
  const clients = await Promise.all([1, 2, 3].map(() => connect(server.url, { tls, http2 })));
  expect(http2.size).toBe(1);
  const report = await server.drain({ overMs: 0 });
  expect(report).toMatchObject({ closed: 3, clean: 3, cut: 0 });
  for (const client of clients) {
    expect(await client.closed).toMatchObject({ code: 1012, clean: true, by: 'remote' });
  }
  await vi.waitFor(() => expect(http2.size).toBe(0));
});
