import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { connect, openConnection, planConnection } from '../../src/node/connect.ts';
import type { ConnectOptions } from '../../src/node/connect-options.ts';
import { WebSocket } from '../../src/node/web-socket.ts';
import { FakeClock } from '../../src/testing.ts';
import { selfSignedCertificate } from './certificate.ts';
import { connectProxy } from './proxy/connect-proxy.ts';
import { accepting, type RawServer, rawServer, rejectionOf, type Visit, untilClosed } from './raw-server.ts';

const certificate = selfSignedCertificate();

function redirecting(location: string, status = 302): string {
  return `HTTP/1.1 ${status} Over There\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`;
}

interface Site extends RawServer {
  readonly visits: readonly Visit[];
  /** The request targets, in order. */
  readonly paths: () => string[];
  /** Whether the client had a certificate, for each request. */
  readonly certified: () => boolean[];
}

/** A server that answers `/` as it is told, `/open...` by opening, and anything else by redirecting to /open. */
async function site(root: string | ((site: Site) => string) = '', isSecure = false): Promise<Site> {
  const visits: Visit[] = [];
  const certified: boolean[] = [];
  const server = await rawServer(
    (visit) => {
      visits.push(visit);
      if (isSecure) certified.push('subject' in (visit.socket as TLSSocket).getPeerCertificate());
      const path = pathOf(visit);
      if (path.startsWith('/open')) visit.socket.write(accepting(visit));
      else if (path.split('?')[0] === '/') visit.socket.write(typeof root === 'string' ? root : root(made));
      else visit.socket.write(redirecting('/open'));
    },
    undefined,
    isSecure ? { ...certificate, requestCert: true, rejectUnauthorized: false } : undefined,
  );
  const made: Site = { ...server, visits, paths: () => visits.map(pathOf), certified: () => certified };
  return made;
}

function pathOf({ head }: Visit): string {
  return head.split(' ', 2)[1] ?? '';
}

const secrets: ConnectOptions = {
  headers: { 'X-Trace': '1', Authorization: 'Digest hunter2', 'proxy-connection': 'keep-alive' },
  cookies: { session: 'hunter2' },
  origin: 'https://page.test',
};

describe('a redirect', () => {
  test('is a refusal like any other unless maxRedirects says otherwise', async () => {
    await using server = await site(redirecting('/open'));
    expect(await rejectionOf(connect(`ws://127.0.0.1:${server.port}`))).toMatchObject({
      code: 'WS_HANDSHAKE_REFUSED',
      status: 302,
    });
  });

  test.each([301, 302, 303, 307, 308])('with status %i is followed with another GET', async (status) => {
    await using server = await site(redirecting('/open?x=1', status));
    const connection = await connect(`ws://127.0.0.1:${server.port}/?secret`, { maxRedirects: 1 });
    expect(connection.readyState).toBe('open');
  });

  test.each([
    ['open', '/open'],
    ['../open?a=b#fragment', '/open?a=b'],
    ['//127.0.0.1:%port/open', '/open'],
    ['http://127.0.0.1:%port/open', '/open'],
    ['ws://127.0.0.1:%port/open', '/open'],
  ])('may be relative or not: %s', async (location, path) => {
    await using server = await site((self) => redirecting(location.replace('%port', String(self.port))));
    await connect(`ws://127.0.0.1:${server.port}`, { maxRedirects: 1 });
    expect(server.paths()).toEqual(['/', path]);
  });

  test('is relative to where the last one led', async () => {
    await using server = await site(redirecting('/a/b/c'));
    await connect(`ws://127.0.0.1:${server.port}`, { maxRedirects: 2 });
    expect(server.paths()).toEqual(['/', '/a/b/c', '/open']);
  });

  test('is followed without waiting for its body', async () => {
    await using server = await site(
      'HTTP/1.1 302 Found\r\nLocation: /open\r\nContent-Length: 100\r\n\r\nsoon',
    );
    const connection = await connect(`ws://127.0.0.1:${server.port}`, { maxRedirects: 1 });
    expect(connection.readyState).toBe('open');
    const [first] = server.sockets;
    await untilClosed(first);
  });

  test.each([
    ['304 with a Location', 'HTTP/1.1 304 Not Modified\r\nLocation: /open\r\n\r\n', 304],
    ['300 with a Location', 'HTTP/1.1 300 Choose\r\nLocation: /open\r\nContent-Length: 0\r\n\r\n', 300],
    ['302 without a Location', 'HTTP/1.1 302 Found\r\nContent-Length: 4\r\n\r\nwhat', 302],
    ['403 with a Location', 'HTTP/1.1 403 No\r\nLocation: /open\r\nContent-Length: 0\r\n\r\n', 403],
  ])('is not what a %s is', async (_what, answer, status) => {
    await using server = await site(answer);
    const error = await rejectionOf(connect(`ws://127.0.0.1:${server.port}`, { maxRedirects: 5 }));
    expect(error).toMatchObject({ code: 'WS_HANDSHAKE_REFUSED', status });
    expect(server.visits.length).toBe(1);
  });

  test('to the same origin takes everything along, also what stands in the URL', async () => {
    await using server = await site(redirecting('/open'));
    await connect(`ws://a%2541:p%3Aw@127.0.0.1:${server.port}`, {
      maxRedirects: 1,
      cookies: 'a=b',
      protocols: [],
      headers: { 'X-Trace': '1' },
    });
    const [first, second] = server.visits.map(({ head }) =>
      head.split('\r\n').filter((line) => !/^(GET|Sec-)/.test(line)),
    );
    expect(second).toEqual(first);
    expect(second).toContain(`Authorization: Basic ${btoa('a%41:p:w')}`);
  });

  test.each([
    ['another port', (port: number) => `ws://127.0.0.1:${port}/open`],
    ['another host', (port: number) => `ws://localhost:${port}/open`],
  ])('to %s takes no secrets along', async (_what, location) => {
    await using other = await site();
    await using server = await site(redirecting(location(other.port)));
    await connect(`ws://127.0.0.1:${server.port}`, { ...secrets, maxRedirects: 1 });
    expect(server.visits[0]?.head.match(/hunter2/g)?.length).toBe(2);
    expect(other.visits[0]?.head.split('\r\n').slice(6)).toEqual(['X-Trace: 1', 'Origin: https://page.test']);
  });

  test.each<ConnectOptions>([
    { auth: { username: 'ann', password: 'hunter2' } },
    { auth: { token: 'hunter2' } },
    { cookies: 'session=hunter2' },
    { headers: [['COOKIE', 'session=hunter2']] },
  ])('to another origin takes no secret along, wherever it was given: %j', async (options) => {
    await using other = await site();
    await using server = await site(redirecting(`ws://127.0.0.1:${other.port}/open`));
    await connect(`ws://127.0.0.1:${server.port}`, { ...options, maxRedirects: 1 });
    const extra = (visit: Visit | undefined): number | undefined => visit?.head.split('\r\n').slice(6).length;
    expect([extra(server.visits[0]), extra(other.visits[0])]).toEqual([1, 0]);
  });

  test('from ws: to wss: of one host takes no secrets along either', async () => {
    await using secure = await site('', true);
    await using server = await site(redirecting(`wss://127.0.0.1:${secure.port}/open`));
    const tls = { ca: certificate.cert, ...certificate };
    await connect(`ws://a:hunter2@127.0.0.1:${server.port}`, { tls, maxRedirects: 1 });
    expect(server.visits[0]?.head).toContain(`Authorization: Basic ${btoa('a:hunter2')}`);
    expect(secure.visits[0]?.head).not.toMatch(/authorization/i);
  });

  test('takes a client certificate to the same origin, and not to another one', async () => {
    await using other = await site('', true);
    await using server = await site(redirecting('/again'), true);
    const tls = { ca: certificate.cert, ...certificate, servername: 'localhost' };
    await connect(`wss://127.0.0.1:${server.port}`, { tls, maxRedirects: 2 });
    expect(server.certified()).toEqual([true, true, true]);
    await using away = await site(redirecting(`wss://localhost:${other.port}/open`), true);
    await connect(`wss://127.0.0.1:${away.port}`, { tls, maxRedirects: 1 });
    expect([away.certified(), other.certified()]).toEqual([[true], [false]]);
  });

  test('goes through the proxy too, and the proxy alone gets its credentials', async () => {
    await using other = await site();
    await using server = await site(redirecting(`ws://b.test:${other.port}/open`));
    await using proxy = await connectProxy({ credentials: 'a:b' });
    await connect(`ws://a.test:${server.port}`, {
      proxy: `http://a:b@127.0.0.1:${proxy.port}`,
      maxRedirects: 1,
    });
    expect(proxy.heads.map((head) => head.split(' ', 2)[1])).toEqual([
      `a.test:${server.port}`,
      `b.test:${other.port}`,
    ]);
    expect(proxy.tunnelled()).not.toMatch(/proxy-/i);
  });

  test('is asked of createConnection as well', async () => {
    await using server = await site(redirecting('ws://b.test:9/open'));
    const asked: string[] = [];
    await connect('ws://a.test', {
      maxRedirects: 1,
      createConnection: ({ host, port }) => {
        asked.push(`${host}:${port}`);
        return connectSocket(server.port, '127.0.0.1');
      },
    });
    expect(asked).toEqual(['a.test:80', 'b.test:9']);
  });

  test('stays on a unix socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fullduplex-'));
    const path = join(folder, 'a:b %.sock');
    const paths: string[] = [];
    const server = await rawServer(
      (visit) => {
        paths.push(pathOf(visit));
        visit.socket.write(paths.length === 1 ? redirecting('/open?x') : accepting(visit));
      },
      { path },
    );
    try {
      await using _ = server;
      await connect(`ws+unix:${folder}/a%3Ab%20%25.sock:/`, { maxRedirects: 1 });
      expect(paths).toEqual(['/', '/open?x']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('a redirect is refused', () => {
  test('when it leaves TLS', async () => {
    await using server = await site(redirecting('ws://user.test/open?token=secret'), true);
    const error = await rejectionOf(
      connect(`wss://127.0.0.1:${server.port}/?key=secret`, {
        tls: { ca: certificate.cert },
        maxRedirects: 5,
      }),
    );
    expect(error).toMatchObject({
      code: 'WS_REDIRECT_REFUSED',
      message: `the redirect 302 from wss://127.0.0.1:${server.port}/ to ws://user.test/open is not followed: it leaves TLS, expected wss: or https:`,
      cause: { code: 'WS_HANDSHAKE_REFUSED', status: 302 },
    });
  });

  test('when there are too many, also in a circle', async () => {
    await using circle = await site((self) => redirecting(`ws://127.0.0.1:${self.port}/`));
    const at = `ws://127.0.0.1:${circle.port}/`;
    expect(await rejectionOf(connect(at, { maxRedirects: 2 }))).toMatchObject({
      code: 'WS_REDIRECT_REFUSED',
      message: `the redirect 302 from ${at} to ${at} is not followed: it is one more than maxRedirects, 2 (${at}, ${at}, ${at}, ${at})`,
    });
    expect(circle.visits.length).toBe(3);
  });

  test.each([
    ['http://[', 'another URL is not followed: its Location is no URL'],
    ['ftp://x.test/', 'ftp://x.test/ is not followed: expected ws:, wss:, http: or https:'],
    ['ws+unix:/run/docker.sock:/', 'ws+unix:///run/docker.sock:/ is not followed: expected ws:'],
    ['ws://a:hunter2@x.test/', 'ws://x.test/ is not followed: its Location has a user or password'],
    [`ftp://x.test/${'y'.repeat(500)}`, `ftp://x.test/${'y'.repeat(104)}... is not followed`],
  ])('to %s', async (location, message) => {
    await using server = await site(redirecting(location));
    const error = await rejectionOf(connect(`ws://127.0.0.1:${server.port}`, { maxRedirects: 5 }));
    expect(error).toMatchObject({
      code: 'WS_REDIRECT_REFUSED',
      message: expect.stringContaining(message),
    });
    expect(String(error)).not.toContain('hunter2');
  });

  test('by the deadline, which holds for all of them together', async () => {
    await using silent = await rawServer(() => undefined);
    await using server = await site(redirecting(`ws://127.0.0.1:${silent.port}/`));
    const clock = new FakeClock();
    const plan = planConnection(`ws://127.0.0.1:${server.port}`, { maxRedirects: 1 });
    const visit = silent.nextVisit();
    const connecting = rejectionOf(openConnection(plan, { clock }));
    await visit;
    clock.advance(10_000);
    expect(await connecting).toMatchObject({
      code: 'WS_HANDSHAKE_TIMEOUT',
      message: `no connection within 10000 ms: the answer of 127.0.0.1:${silent.port} to the opening handshake was not complete`,
    });
  });

  test('by the WHATWG class, whatever its options say', async () => {
    await using server = await site(redirecting('/open'));
    const options = { maxRedirects: 5 };
    const failure = await new Promise((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${server.port}`, [], { ...options, onFailure: resolve });
      socket.onopen = () => resolve('open');
    });
    expect(failure).toMatchObject({ code: 'WS_HANDSHAKE_REFUSED', status: 302 });
  });
});

test.each([-1, 21, 1.5, Number.NaN])('maxRedirects cannot be %d', async (maxRedirects) => {
  expect(await rejectionOf(connect('ws://x.test', { maxRedirects }))).toMatchObject({
    code: 'WS_OPTION_INVALID',
    message: expect.stringContaining('option maxRedirects is'),
  });
});
