import { once } from 'node:events';
import { connect as connectSocket, type LookupFunction } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { describe, expect, test, vi } from 'vitest';
import { isTransient } from '../../../src/connection/retry.ts';
import { connect, openConnection, planConnection } from '../../../src/node/connect.ts';
import type { ConnectOptions } from '../../../src/node/connect-options.ts';
import { reconnect } from '../../../src/node/reconnect.ts';
import { WebSocket } from '../../../src/node/web-socket.ts';
import { FakeClock, settle } from '../../../src/testing.ts';
import { selfSignedCertificate } from '../certificate.ts';
import { accepting, closedPort, rawServer, rejectionOf, type Visit, untilClosed } from '../raw-server.ts';
import { connectProxy } from './connect-proxy.ts';
import { latin1, socksProxy } from './socks-proxy.ts';

const certificate = selfSignedCertificate();
const helloFrame = Buffer.from([0x81, 5, ...Buffer.from('hello')]);

/** Accepts, says hello, and keeps the visits. */
async function helloServer(isSecure = false) {
  const visits: Visit[] = [];
  const server = await rawServer(
    (visit) => {
      visits.push(visit);
      visit.socket.write(Buffer.concat([Buffer.from(accepting(visit)), helloFrame]));
    },
    undefined,
    isSecure ? certificate : undefined,
  );
  return { server, visits, scheme: isSecure ? 'wss' : 'ws' };
}

/** Connects, hears hello, and ends the connection. */
async function hearHello(url: string, options: ConnectOptions): Promise<void> {
  const connection = await connect(url, { tls: { ca: certificate.cert }, ...options });
  try {
    for await (const message of connection) {
      expect(message).toBe('hello');
      return;
    }
    throw new Error(`ended: ${JSON.stringify(await connection.closed)}`);
  } finally {
    connection.terminate();
  }
}

function lookupOf(...addresses: { address: string; family: 4 | 6 }[]): LookupFunction {
  return (_host, options, callback) => {
    const [first] = addresses;
    if (options.all === true) callback(null, addresses);
    else callback(null, first?.address ?? '', first?.family);
  };
}

describe.each([
  ['ws', false],
  ['wss', true],
])('an HTTP proxy on the way to %s:', (_scheme, isSecure) => {
  test.each([
    ['in clear', false, false],
    ['in clear, byte by byte', false, true],
    ['with TLS', true, false],
    ['with TLS, byte by byte', true, true],
  ])('makes the tunnel, spoken to %s', async (_how, isProxySecure, isSlow) => {
    const { server, visits, scheme } = await helloServer(isSecure);
    await using _server = server;
    const tls = isProxySecure ? { tls: certificate } : {};
    await using proxy = await connectProxy({ leadsTo: server.port, isSlow, ...tls });
    await hearHello(`${scheme}://localhost:9/x`, {
      proxy: {
        url: `${isProxySecure ? 'https' : 'http'}://127.0.0.1:${proxy.port}`,
        ...(isProxySecure ? { tls: { ca: certificate.cert } } : {}),
      },
    });
    expect(proxy.heads).toEqual(['CONNECT localhost:9 HTTP/1.1\r\nHost: localhost:9']);
    await untilClosed(proxy.sockets[0]);
    expect(visits[0]?.head).toMatch(/^GET \/x HTTP\/1.1\r\nHost: localhost:9\r\n/);
  });

  test('gets its credentials, and the server its own, and neither the other ones', async () => {
    const { server, visits, scheme } = await helloServer(isSecure);
    await using _server = server;
    await using proxy = await connectProxy({ leadsTo: server.port, credentials: 'prö:xy:pa ss' });
    await hearHello(`${scheme}://ann:secret@localhost:9/`, {
      proxy: `http://pr%C3%B6:xy%3Apa%20ss@127.0.0.1:${proxy.port}`,
      cookies: 'a=b',
    });
    expect(proxy.heads[0]).not.toMatch(/\r\n(Authorization|Cookie):/i);
    expect(visits[0]?.head).toContain(`Authorization: Basic ${btoa('ann:secret')}`);
    expect(visits[0]?.head).not.toMatch(/proxy/i);
  });
});

describe('an HTTP proxy', () => {
  test('whose answer has the first bytes of the server behind it loses none of them', async () => {
    await using server = await rawServer(() => undefined);
    const visit = server.nextVisit();
    // The server's whole answer comes with that of the proxy: it does not wait for the request.
    await using proxy = await connectProxy({
      leadsTo: server.port,
      early: 'HTTP/1.1 503 Early\r\nContent-Length: 5\r\n\r\nsorry',
    });
    const error = await rejectionOf(connect('ws://x.test', { proxy: `http://127.0.0.1:${proxy.port}` }));
    expect(error).toMatchObject({ code: 'WS_HANDSHAKE_REFUSED', status: 503, body: 'sorry' });
    await visit;
  });

  test('may be given headers and a bearer token', async () => {
    const { server } = await helloServer();
    await using _server = server;
    await using proxy = await connectProxy({ leadsTo: server.port });
    const url = new URL(`http://127.0.0.1:${proxy.port}/`);
    await hearHello('ws://[2001:db8::1]/', {
      proxy: { url, headers: { 'User-Agent': 'me' }, auth: { token: 'abc' } },
    });
    expect(proxy.heads[0]?.split('\r\n')).toEqual([
      'CONNECT [2001:db8::1]:80 HTTP/1.1',
      'Host: [2001:db8::1]:80',
      'User-Agent: me',
      'Proxy-Authorization: Bearer abc',
    ]);
  });

  test('that wants credentials says so, with its whole answer in the error', async () => {
    await using proxy = await connectProxy({ credentials: 'a:b' });
    const at = `127.0.0.1:${proxy.port}`;
    const error = await rejectionOf(connect('ws://x.test/?token=secret', { proxy: `http://${at}` }));
    expect(error).toMatchObject({
      name: 'ProxyError',
      code: 'WS_PROXY_REFUSED',
      message: `the proxy ${at} refused a tunnel to x.test:80 with 407 "Proxy Authentication Required": it wants credentials (Proxy-Authenticate: "Basic realm=\\"test\\""), expected user and password in the proxy's URL, or the option proxy.auth`,
      status: 407,
      body: 'who?!?\n',
    });
    const wrong = await rejectionOf(connect('ws://x.test', { proxy: `http://a:hunter2@${at}` }));
    expect(wrong).toMatchObject({
      code: 'WS_PROXY_REFUSED',
      message: expect.stringContaining('it does not accept the credentials that it was given'),
    });
    expect(JSON.stringify(wrong) + String(wrong)).not.toContain('hunter2');
  });

  test('that cannot reach the server says so, and reconnecting tries again', async () => {
    await using proxy = await connectProxy({ leadsTo: await closedPort() });
    const controller = new AbortController();
    const errors: unknown[] = [];
    const connections = reconnect('ws://x.test', {
      proxy: `http://127.0.0.1:${proxy.port}`,
      minDelayMs: 1,
      maxDelayMs: 1,
      shouldRetry: (error) => {
        errors.push(error);
        if (errors.length === 2) controller.abort();
        return isTransient(error);
      },
      signal: controller.signal,
    });
    for await (const _ of connections) throw new Error('there is no server');
    expect(errors).toEqual([
      expect.objectContaining({ code: 'WS_PROXY_REFUSED', status: 502 }),
      expect.objectContaining({ code: 'WS_PROXY_REFUSED', status: 502 }),
    ]);
  });

  test.each([
    ['garbage', 'SSH-2.0-OpenSSH_9.9\r\n\r\n', 'WS_PROXY_INVALID'],
    ['a head without end', `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(20_000)}`, 'WS_PROXY_INVALID'],
    ['a 301', 'HTTP/1.1 301 Moved\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n', 'WS_PROXY_REFUSED'],
  ])('that answers with %s fails the attempt, and its connection is closed', async (_what, answer, code) => {
    await using proxy = await connectProxy({ answers: () => answer });
    const options = { proxy: `http://127.0.0.1:${proxy.port}`, maxRedirects: 5 };
    expect(await rejectionOf(connect('wss://x.test', options))).toMatchObject({ code });
    const [socket] = proxy.sockets;
    await untilClosed(socket);
  });

  test.each([
    ['says nothing', ''],
    ['has begun its answer', 'HTTP/1.1 200 OK\r\nVia'],
  ])('that hangs up when it %s is named', async (_when, answer) => {
    await using proxy = await connectProxy({
      answers: (_head, socket) => {
        socket.end(answer);
        return undefined;
      },
    });
    const at = `127.0.0.1:${proxy.port}`;
    expect(await rejectionOf(connect('ws://x.test', { proxy: `http://${at}` }))).toMatchObject({
      code: 'WS_CONNECT_FAILED',
      message: `could not connect to the proxy ${at}: the input ended after ${answer.length} bytes of the answer to CONNECT, expected an empty line (RFC 9112 8)`,
    });
  });

  test('that resets the connection is named', async () => {
    await using proxy = await connectProxy({
      answers: (_head, socket) => {
        socket.resetAndDestroy();
        return undefined;
      },
    });
    expect(
      await rejectionOf(connect('ws://x.test', { proxy: `http://127.0.0.1:${proxy.port}` })),
    ).toMatchObject({
      code: 'WS_CONNECT_FAILED',
      message: expect.stringMatching(/^could not connect to the proxy 127\.0\.0\.1:\d+: .*ECONNRESET/),
    });
  });

  test('that is not there is named', async () => {
    const port = await closedPort();
    const error = await rejectionOf(connect('ws://x.test', { proxy: `http://u:hunter2@127.0.0.1:${port}` }));
    expect(error).toMatchObject({
      code: 'WS_CONNECT_FAILED',
      message: `could not connect to the proxy 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}`,
    });
  });

  test('is not spoken to when its certificate is not trusted, whatever the one of the server', async () => {
    await using proxy = await connectProxy({ tls: certificate });
    const error = await rejectionOf(
      connect('wss://x.test', {
        proxy: `https://127.0.0.1:${proxy.port}`,
        tls: { ca: certificate.cert, rejectUnauthorized: false },
      }),
    );
    expect(error).toMatchObject({
      code: 'WS_CERTIFICATE_INVALID',
      message: expect.stringMatching(
        /^the certificate of 127\.0\.0\.1 is not accepted: self-signed certificate.* \(option proxy\.tls\.ca names authorities to trust\)$/,
      ),
    });
    expect(proxy.heads).toEqual([]);
  });

  test('does not vouch for the server: its certificate is checked for its own name', async () => {
    const { server } = await helloServer(true);
    await using _server = server;
    await using proxy = await connectProxy({ leadsTo: server.port });
    const options = { proxy: `http://127.0.0.1:${proxy.port}`, tls: { ca: certificate.cert } };
    expect(await rejectionOf(connect('wss://other.test', options))).toMatchObject({
      code: 'WS_CERTIFICATE_INVALID',
      cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    });
    await untilClosed(proxy.sockets[0]);
  });

  test('asks the client for a certificate of the option proxy.tls, and the server for one of tls', async () => {
    const other = selfSignedCertificate();
    const seen: string[] = [];
    const subjectOf = (socket: TLSSocket): string => socket.getPeerCertificate().fingerprint256;
    await using server = await rawServer(
      (visit) => {
        seen.push(subjectOf(visit.socket as TLSSocket));
        visit.socket.write(Buffer.concat([Buffer.from(accepting(visit)), helloFrame]));
      },
      undefined,
      { ...certificate, requestCert: true, ca: other.cert },
    );
    await using proxy = await connectProxy({
      leadsTo: server.port,
      tls: { ...certificate, requestCert: true, ca: certificate.cert },
    });
    await hearHello('wss://localhost/', {
      tls: { ca: certificate.cert, ...other },
      proxy: { url: `https://localhost:${proxy.port}`, tls: { ca: certificate.cert, ...certificate } },
    });
    seen.push(subjectOf(proxy.sockets[0] as TLSSocket));
    expect(new Set(seen).size).toBe(2);
    expect(seen).not.toContain(undefined);
  });

  test('is dialled by createConnection when both are given', async () => {
    const { server } = await helloServer();
    await using _server = server;
    await using proxy = await connectProxy({ leadsTo: server.port });
    const asked: unknown[] = [];
    await hearHello('ws://x.test/', {
      proxy: 'http://proxy.test:3128',
      createConnection: (target) => {
        asked.push(target);
        return connectSocket(proxy.port, '127.0.0.1');
      },
    });
    await using secure = await connectProxy({ leadsTo: server.port, tls: certificate });
    await hearHello('ws://x.test/', {
      proxy: { url: 'https://localhost', tls: { ca: certificate.cert } },
      createConnection: (target) => {
        asked.push(target);
        return connectSocket(secure.port, '127.0.0.1');
      },
    });
    expect(asked).toEqual([
      { host: 'proxy.test', port: 3128, socketPath: undefined, isSecure: false },
      { host: 'localhost', port: 443, socketPath: undefined, isSecure: true },
    ]);
  });

  test('is found with the lookup of the option socket', async () => {
    const { server } = await helloServer();
    await using _server = server;
    await using proxy = await connectProxy({ leadsTo: server.port });
    const lookup = lookupOf({ address: '::1', family: 6 }, { address: '127.0.0.1', family: 4 });
    await hearHello('ws://x.test/', { proxy: `http://proxy.test:${proxy.port}`, socket: { lookup } });
  });

  test('carries the WHATWG WebSocket too', async () => {
    const { server } = await helloServer();
    await using _server = server;
    await using proxy = await connectProxy({ leadsTo: server.port });
    const socket = new WebSocket('ws://x.test/', [], { proxy: `http://127.0.0.1:${proxy.port}` });
    const data = await new Promise((resolve, reject) => {
      socket.onmessage = (event) => resolve(event.data);
      socket.onerror = () => reject(new Error('failed'));
    });
    expect(data).toBe('hello');
  });
});

describe('a SOCKS proxy', () => {
  test.each([
    ['ws', false, false],
    ['ws', false, true],
    ['wss', true, false],
    ['wss', true, true],
  ])('leads to %s:, byte by byte or not (%j, %j)', async (scheme, isSecure, isSlow) => {
    const { server } = await helloServer(isSecure);
    await using _server = server;
    await using proxy = await socksProxy({ leadsTo: server.port, isSlow });
    await hearHello(`${scheme}://localhost:9/`, { proxy: `socks5h://127.0.0.1:${proxy.port}` });
    expect(proxy.requests).toEqual(['name localhost:9']);
  });

  test.each([
    ['an IPv6 address', latin1(4, ...Array.from({ length: 16 }, () => 9))],
    ['a name', latin1(3, 3, 1, 2, 3)],
  ])('may name itself by %s', async (_kind, boundAddress) => {
    const { server } = await helloServer();
    await using _server = server;
    await using proxy = await socksProxy({ leadsTo: server.port, boundAddress, isSlow: true });
    await hearHello('ws://x.test/', { proxy: `socks5h://127.0.0.1:${proxy.port}` });
  });

  test('gets user and password when it asks for them, and the server does not', async () => {
    const { server } = await helloServer();
    await using _server = server;
    await using proxy = await socksProxy({ leadsTo: server.port, credentials: 'ann:pa:ss' });
    const at = `127.0.0.1:${proxy.port}`;
    await hearHello('ws://x.test/', { proxy: `socks5h://ann:pa%3Ass@${at}` });
    await hearHello('ws://x.test/', {
      proxy: { url: `socks5h://${at}`, auth: { username: 'ann', password: 'pa:ss' } },
    });
    expect(proxy.credentials).toEqual(['ann:pa:ss', 'ann:pa:ss']);
    expect(proxy.tunnelled()).not.toContain('ann');
    expect(await rejectionOf(connect('ws://x.test/', { proxy: `socks5h://${at}` }))).toMatchObject({
      code: 'WS_PROXY_REFUSED',
      message: expect.stringContaining('it wants credentials'),
    });
    const wrong = await rejectionOf(connect('ws://x.test/', { proxy: `socks5h://ann:hunter2@${at}` }));
    expect(wrong).toMatchObject({
      code: 'WS_PROXY_REFUSED',
      message: expect.not.stringContaining('hunter2'),
    });
  });

  test('loses nothing of what comes behind its reply', async () => {
    await using server = await rawServer(() => undefined);
    await using proxy = await socksProxy({
      leadsTo: server.port,
      early: 'HTTP/1.1 503 Early\r\nContent-Length: 5\r\n\r\nsorry',
    });
    const error = await rejectionOf(connect('ws://x.test', { proxy: `socks5h://127.0.0.1:${proxy.port}` }));
    expect(error).toMatchObject({ code: 'WS_HANDSHAKE_REFUSED', status: 503, body: 'sorry' });
  });

  test('with socks5: gets the address that is looked up here, with socks5h: the name', async () => {
    const { server } = await helloServer();
    await using _server = server;
    await using proxy = await socksProxy({ leadsTo: server.port });
    const looked: string[] = [];
    const lookup: LookupFunction = (host, options, callback) => {
      looked.push(host);
      lookupOf({ address: '192.0.2.7', family: 4 })(host, options, callback);
    };
    for (const scheme of ['socks5', 'socks5h'])
      await hearHello('ws://x.test/', { proxy: `${scheme}://127.0.0.1:${proxy.port}`, socket: { lookup } });
    expect(proxy.requests).toEqual(['ipv4 192.0.2.7:80', 'name x.test:80']);
    expect(looked).toEqual(['x.test']);
  });

  test('gets the next address of the server when it cannot reach the first', async () => {
    const { server } = await helloServer();
    await using _server = server;
    const repliesTo = (host: string): number | undefined => (host === '192.0.2.8' ? undefined : 4);
    await using proxy = await socksProxy({ leadsTo: server.port, repliesTo });
    const lookup = lookupOf(
      { address: '2001:db8::7', family: 6 },
      { address: '192.0.2.7', family: 4 },
      { address: '192.0.2.8', family: 4 },
    );
    await hearHello('ws://x.test/', { proxy: `socks5://127.0.0.1:${proxy.port}`, socket: { lookup } });
    expect(proxy.requests).toEqual([
      'ipv6 20010db8000000000000000000000007:80',
      'ipv4 192.0.2.7:80',
      'ipv4 192.0.2.8:80',
    ]);
  });

  test('that reaches no address of the server is one error that names each', async () => {
    await using proxy = await socksProxy({ repliesTo: (host) => (host === '192.0.2.7' ? 5 : 4) });
    const at = `127.0.0.1:${proxy.port}`;
    const lookup = lookupOf({ address: '2001:db8::7', family: 6 }, { address: '192.0.2.7', family: 4 });
    const error = await rejectionOf(connect('ws://x.test/', { proxy: `socks5://${at}`, socket: { lookup } }));
    expect(error).toMatchObject({
      code: 'WS_PROXY_REFUSED',
      socksReply: 4,
      message:
        `the proxy ${at} refused a connection to [2001:db8::7]:80: host unreachable (SOCKS reply 4, RFC 1928 6), ` +
        `the proxy ${at} refused a connection to 192.0.2.7:80: connection refused (SOCKS reply 5, RFC 1928 6)`,
    });
  });

  test('that does not allow the connection is not asked for the next address', async () => {
    await using proxy = await socksProxy({ repliesTo: () => 2 });
    const lookup = lookupOf({ address: '192.0.2.7', family: 4 }, { address: '192.0.2.8', family: 4 });
    const options = { proxy: `socks5://127.0.0.1:${proxy.port}`, socket: { lookup } };
    expect(await rejectionOf(connect('ws://x.test/', options))).toMatchObject({ socksReply: 2 });
    expect(proxy.requests).toEqual(['ipv4 192.0.2.7:80']);
  });

  test('is not asked for a server whose name is unknown here', async () => {
    await using proxy = await socksProxy();
    const lookup: LookupFunction = (host, _options, callback) =>
      callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' }), '');
    // The proxy has an address, so that only the server's name is looked up.
    const options = { proxy: `socks5://127.0.0.1:${proxy.port}`, socket: { lookup } };
    expect(await rejectionOf(connect('ws://nowhere.test', options))).toMatchObject({
      code: 'WS_CONNECT_FAILED',
      message: 'could not connect to nowhere.test:80: getaddrinfo ENOTFOUND nowhere.test',
    });
    expect(proxy.sockets).toEqual([]);
  });

  test('is not even dialled for a name that SOCKS cannot carry', async () => {
    await using proxy = await socksProxy();
    const url = `ws://${'a'.repeat(256)}.test/`;
    expect(await rejectionOf(connect(url, { proxy: `socks5h://127.0.0.1:${proxy.port}` }))).toMatchObject({
      code: 'WS_URL_INVALID',
      message: expect.stringContaining('at most 255 for SOCKS'),
    });
    // Who comes later is accepted later: a socket that was left open would stand before this one.
    const later = connectSocket(proxy.port, '127.0.0.1');
    await once(later, 'connect');
    await vi.waitUntil(() => proxy.sockets.length > 0);
    expect(proxy.sockets.map(({ remotePort }) => remotePort)).toEqual([later.localPort]);
    later.destroy();
  });

  test('that speaks HTTP is told apart', async () => {
    await using proxy = await connectProxy({ answers: () => 'HTTP/1.1 400 Bad\r\n\r\n' });
    const connecting = rejectionOf(connect('ws://x.test', { proxy: `socks5h://127.0.0.1:${proxy.port}` }));
    await expect.poll(() => proxy.sockets.length).toBe(1);
    proxy.sockets[0]?.write('HTTP/1.1 400 Bad Request\r\n\r\n');
    expect(await connecting).toMatchObject({
      code: 'WS_PROXY_INVALID',
      message: expect.stringContaining('begins with byte 72, expected 5: SOCKS5'),
    });
  });
});

describe('a proxy that never answers', () => {
  test.each([
    ['http', 'the answer of the proxy 127.0.0.1:%port was not complete'],
    ['https', 'TLS with the proxy 127.0.0.1:%port was still being agreed on'],
    ['socks5h', 'the answer of the proxy 127.0.0.1:%port was not complete'],
  ])('over %s: is cut at the deadline, and named', async (scheme, what) => {
    await using proxy = await rawServer(() => undefined);
    const arrival = proxy.nextSocket();
    const clock = new FakeClock();
    const plan = planConnection('wss://x.test', { proxy: `${scheme}://127.0.0.1:${proxy.port}` });
    const connecting = rejectionOf(openConnection(plan, { clock }));
    const socket = await arrival;
    await once(socket, 'data');
    clock.advance(10_000);
    expect(await connecting).toMatchObject({
      code: 'WS_HANDSHAKE_TIMEOUT',
      message: `no connection within 10000 ms: ${what.replace('%port', String(proxy.port))}`,
    });
    await untilClosed(socket);
  });

  test('is left when the signal aborts', async () => {
    await using proxy = await rawServer(() => undefined);
    const arrival = proxy.nextSocket();
    const controller = new AbortController();
    const connecting = rejectionOf(
      connect('ws://x.test', { proxy: `http://127.0.0.1:${proxy.port}`, signal: controller.signal }),
    );
    const socket = await arrival;
    await once(socket, 'data');
    controller.abort(new Error('no more'));
    expect(await connecting).toMatchObject({ code: 'WS_ABORTED', cause: { message: 'no more' } });
    await untilClosed(socket);
  });

  test('but has begun a refusal is told with what there is of it at the deadline', async () => {
    await using proxy = await connectProxy({
      answers: () => 'HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nnot y',
    });
    const clock = new FakeClock();
    const plan = planConnection('ws://x.test', { proxy: `http://127.0.0.1:${proxy.port}` });
    const connecting = rejectionOf(openConnection(plan, { clock }));
    await expect.poll(() => proxy.heads.length).toBe(1);
    // What the proxy has sent has arrived when a connection that was begun later has its answer.
    await rejectionOf(connect('ws://x.test', { proxy: `http://127.0.0.1:${await closedPort()}` }));
    await settle();
    clock.advance(10_000);
    expect(await connecting).toMatchObject({ code: 'WS_PROXY_REFUSED', status: 403, body: 'not y' });
  });
});
