import { Agent, type ClientRequestArgs } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { SocksProxyAgent } from 'socks-proxy-agent';
import { afterEach, describe, expect, test } from 'vitest';
import { connect, openConnection, planConnection } from '../../src/node/connect.ts';
import type { ConnectOptions } from '../../src/node/connect-options.ts';
import { serve } from '../../src/node/serve.ts';
import { WebSocket } from '../../src/node/web-socket.ts';
import { FakeClock } from '../../src/testing.ts';
import { selfSignedCertificate } from './certificate.ts';
import { connectProxy } from './proxy/connect-proxy.ts';
import { socksProxy } from './proxy/socks-proxy.ts';
import { accepting, closedPort, rawServer, rejectionOf, type Visit, untilClosed } from './raw-server.ts';

const certificate = selfSignedCertificate();
const helloFrame = Buffer.from([0x81, 5, ...Buffer.from('hello')]);
const agents: { destroy(): void }[] = [];

afterEach(() => {
  for (const agent of agents.splice(0)) agent.destroy();
});

function used<T extends { destroy(): void }>(agent: T): T {
  agents.push(agent);
  return agent;
}

/** Accepts and says hello. */
async function helloServer(isSecure = false) {
  const visits: Visit[] = [];
  const server = await rawServer(
    (visit) => {
      visits.push(visit);
      visit.socket.write(Buffer.concat([Buffer.from(accepting(visit)), helloFrame]));
    },
    undefined,
    isSecure ? { ...certificate, ALPNProtocols: ['h2', 'http/1.1'] } : undefined,
  );
  return { server, visits };
}

async function hearHello(url: string, options: ConnectOptions): Promise<void> {
  const connection = await connect(url, options);
  for await (const message of connection) {
    expect(message).toBe('hello');
    break;
  }
  expect(connection.readyState).toBe('open');
  connection.terminate();
}

describe('an agent', () => {
  test('carries a connection over the sockets that it makes, and lets go of them', async () => {
    const { server, visits } = await helloServer();
    await using _ = server;
    class Counting extends Agent {
      readonly made: unknown[] = [];
      override createConnection(
        options: ClientRequestArgs,
        callback?: (error: Error | null, stream: Duplex) => void,
      ) {
        this.made.push(options.host);
        return super.createConnection(options, callback);
      }
    }
    const agent = used(new Counting({ keepAlive: true, maxSockets: 1 }));
    for (let count = 0; count < 2; count++) {
      await hearHello(`ws://127.0.0.1:${server.port}/a?b`, {
        agent,
        headers: { 'X-Trace': ['1', '2'] },
        auth: { token: 'abc' },
      });
    }
    expect(agent.made).toEqual(['127.0.0.1', '127.0.0.1']);
    expect([agent.sockets, agent.freeSockets, agent.requests]).toEqual([{}, {}, {}]);
    expect(visits[0]?.head.split('\r\n')).toEqual([
      'GET /a?b HTTP/1.1',
      `Host: 127.0.0.1:${server.port}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      expect.stringMatching(/^Sec-WebSocket-Key: /),
      'Sec-WebSocket-Version: 13',
      'X-Trace: 1',
      'X-Trace: 2',
      'Authorization: Bearer abc',
    ]);
  });

  test('of https: uses its own options of TLS and those of the client', async () => {
    const { server, visits } = await helloServer(true);
    await using _ = server;
    await hearHello(`wss://localhost:${server.port}`, {
      agent: used(new SecureAgent({ ca: certificate.cert })),
    });
    await hearHello(`wss://localhost:${server.port}`, {
      agent: used(new SecureAgent()),
      tls: { ca: certificate.cert },
    });
    const socket = visits[0]?.socket as (TLSSocket & { servername: string }) | undefined;
    expect([socket?.servername, socket?.alpnProtocol]).toEqual(['localhost', 'http/1.1']);
  });

  test('exchanges large messages with our server, and the WHATWG class uses it too', async () => {
    await using server = await serve(
      { port: 0, host: '127.0.0.1', perMessageDeflate: true },
      { message: (connection, message) => void connection.send(message) },
    );
    const agent = used(new Agent());
    const text = 'x'.repeat(1_000_000);
    const connection = await connect(server.url, { agent, perMessageDeflate: true });
    expect(connection.extensions).toContain('permessage-deflate');
    await connection.send(text);
    for await (const message of connection) {
      expect(message).toBe(text);
      break;
    }
    const socket = new WebSocket(server.url, [], { agent });
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    socket.close();
    await connection.close();
  });

  test('goes over a unix socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fullduplex-'));
    try {
      const path = join(folder, 'a.sock');
      await using _ = await rawServer(
        (visit) => visit.socket.write(Buffer.concat([Buffer.from(accepting(visit)), helloFrame])),
        { path },
      );
      await hearHello(`ws+unix:${path}:/x`, { agent: used(new Agent()) });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('fills a cookie jar before what comes behind the 101 is delivered', async () => {
    await using server = await rawServer((visit) =>
      visit.socket.write(Buffer.concat([Buffer.from(accepting(visit, 'Set-Cookie: a=1')), helloFrame])),
    );
    const stored: string[] = [];
    const cookieJar = {
      cookiesFor: () => 'b=2',
      store: async (_url: URL, setCookie: readonly string[]) => {
        await new Promise((resolve) => setImmediate(resolve));
        stored.push(...setCookie);
      },
    };
    await hearHello(`ws://127.0.0.1:${server.port}`, { agent: used(new Agent()), cookieJar });
    expect(stored).toEqual(['a=1']);
  });

  test('follows redirects as they are followed without one', async () => {
    await using server = await rawServer((visit) =>
      visit.socket.write(
        visit.head.startsWith('GET /open')
          ? accepting(visit)
          : 'HTTP/1.1 307 There\r\nLocation: /open\r\nContent-Length: 5\r\n\r\nmo',
      ),
    );
    const connection = await connect(`ws://127.0.0.1:${server.port}`, {
      agent: used(new Agent()),
      maxRedirects: 1,
    });
    expect(connection.readyState).toBe('open');
  });
});

describe('agents of packages', () => {
  test.each([
    ['ws', false],
    ['wss', true],
  ])('https-proxy-agent leads through its proxy to %s:', async (scheme, isSecure) => {
    const { server } = await helloServer(isSecure);
    await using _ = server;
    await using proxy = await connectProxy({ leadsTo: server.port, credentials: 'a:b' });
    const agent = used(new HttpsProxyAgent(`http://a:b@127.0.0.1:${proxy.port}`));
    await hearHello(`${scheme}://localhost/`, { agent, tls: { ca: certificate.cert } });
    expect(proxy.heads[0]).toContain(`CONNECT localhost:${isSecure ? 443 : 80} HTTP/1.1`);
    const refusing = used(new HttpsProxyAgent(`http://127.0.0.1:${proxy.port}`));
    expect(await rejectionOf(connect(`${scheme}://localhost/`, { agent: refusing }))).toMatchObject({
      code: 'WS_HANDSHAKE_REFUSED',
      status: 407,
    });
  });

  test.each([
    ['ws', false],
    ['wss', true],
  ])('socks-proxy-agent leads through its proxy to %s:', async (scheme, isSecure) => {
    const { server } = await helloServer(isSecure);
    await using _ = server;
    await using proxy = await socksProxy({ leadsTo: server.port, credentials: 'a:b' });
    const agent = used(new SocksProxyAgent(`socks5h://a:b@127.0.0.1:${proxy.port}`));
    await hearHello(`${scheme}://localhost/`, { agent, tls: { ca: certificate.cert } });
    expect(proxy.requests).toEqual([`name localhost:${isSecure ? 443 : 80}`]);
  });
});

describe('an attempt through an agent fails', () => {
  test.each<[string, string, object]>([
    [
      'a refusal',
      'HTTP/1.1 403 No\r\nContent-Length: 7\r\n\r\nnot you',
      { code: 'WS_HANDSHAKE_REFUSED', status: 403, body: 'not you' },
    ],
    [
      'a body in chunks',
      'HTTP/1.1 503 \r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbusy\r\n0\r\n\r\n',
      { code: 'WS_HANDSHAKE_REFUSED', status: 503, body: 'busy' },
    ],
    [
      'a body that is cut off',
      'HTTP/1.1 403 No\r\nContent-Length: 70\r\n\r\nnot y',
      { code: 'WS_HANDSHAKE_REFUSED', status: 403, body: 'not y' },
    ],
    [
      'a long body',
      `HTTP/1.1 404 No\r\nContent-Length: 99999\r\n\r\n${'x'.repeat(99_999)}`,
      { code: 'WS_HANDSHAKE_REFUSED', body: 'x'.repeat(1024) },
    ],
    [
      'a wrong accept',
      'HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n',
      { code: 'WS_HANDSHAKE_INVALID' },
    ],
    [
      'no upgrade',
      'HTTP/1.1 101 S\r\n\r\n',
      { code: 'WS_HANDSHAKE_INVALID', message: expect.stringContaining('Upgrade is undefined') },
    ],
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n', { code: 'WS_CONNECT_FAILED' }],
    ['a head without end', `HTTP/1.1 101 S\r\nA: ${'x'.repeat(50_000)}`, { code: 'WS_CONNECT_FAILED' }],
    ['nothing', '', { code: 'WS_CONNECT_FAILED' }],
  ])('by %s', async (_what, answer, expected) => {
    await using server = await rawServer((visit) => visit.socket.end(answer));
    const error = await rejectionOf(connect(`ws://127.0.0.1:${server.port}`, { agent: used(new Agent()) }));
    expect(error).toMatchObject(expected);
    const [socket] = server.sockets;
    await untilClosed(socket);
  });

  test('when nobody listens', async () => {
    const port = await closedPort();
    expect(await rejectionOf(connect(`ws://127.0.0.1:${port}`, { agent: used(new Agent()) }))).toMatchObject({
      code: 'WS_CONNECT_FAILED',
      message: `could not connect to 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}`,
    });
  });

  test('when the certificate is not trusted', async () => {
    const { server } = await helloServer(true);
    await using _ = server;
    const agent = used(new SecureAgent());
    expect(await rejectionOf(connect(`wss://127.0.0.1:${server.port}`, { agent }))).toMatchObject({
      code: 'WS_CERTIFICATE_INVALID',
      cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    });
  });

  test('at the deadline and by the signal, and its socket is closed', async () => {
    await using server = await rawServer(() => undefined);
    const clock = new FakeClock();
    const agent = used(new Agent());
    const url = `ws://127.0.0.1:${server.port}`;
    const arrivals = [server.nextVisit(), server.nextVisit()];
    const late = rejectionOf(openConnection(planConnection(url, { agent }), { clock }));
    await arrivals[0];
    clock.advance(10_000);
    expect(await late).toMatchObject({
      code: 'WS_HANDSHAKE_TIMEOUT',
      message: expect.stringContaining('to the opening handshake was not complete'),
    });
    const controller = new AbortController();
    const aborted = rejectionOf(connect(url, { agent, signal: controller.signal }));
    await arrivals[1];
    controller.abort();
    expect(await aborted).toMatchObject({ code: 'WS_ABORTED' });
    for (const socket of server.sockets) await untilClosed(socket);
  });

  test.each<[ConnectOptions & { agent: Agent }, string]>([
    [
      { agent: new SecureAgent() },
      'option agent cannot be used: Protocol "http:" not supported. Expected "https:"',
    ],
    [{ agent: {} as Agent }, 'option agent is no agent'],
    [{ agent: true as never }, 'option agent is no agent'],
    [{ agent: new Agent(), proxy: 'http://p' }, 'option agent is given beside the option proxy'],
    [
      { agent: new Agent(), createConnection: () => process.stdin },
      'option agent is given beside the option createConnection',
    ],
  ])('when the options do not fit: %#', async (options, message) => {
    expect(await rejectionOf(connect('ws://127.0.0.1:1', options))).toMatchObject({
      code: 'WS_OPTION_INVALID',
      message: expect.stringContaining(message),
    });
  });
});
