import { afterEach, describe, expect, test, vi } from 'vitest';
import { connect } from '../../../src/node/connect.ts';
import { parseConnectTarget } from '../../../src/node/connect-target.ts';
import { type Environment, proxyFromEnvironment } from '../../../src/node/proxy/proxy-environment.ts';
import { reconnect } from '../../../src/node/reconnect.ts';
import { WebSocket } from '../../../src/node/web-socket.ts';
import { accepting, closedPort, rawServer, rejectionOf } from '../raw-server.ts';
import { connectProxy } from './connect-proxy.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

function proxyFor(url: string, environment: Environment): string | undefined {
  const proxy = proxyFromEnvironment(parseConnectTarget(url), environment);
  return proxy === undefined ? undefined : `${proxy.kind} ${proxy.host}:${proxy.port}`;
}

describe('the environment names the proxy', () => {
  test.each<[string, string, Environment, string | undefined]>([
    ['of HTTPS_PROXY', 'wss://x.test', { HTTPS_PROXY: 'http://p:1' }, 'connect p:1'],
    ['of HTTPS_PROXY', 'https://x.test', { HTTPS_PROXY: 'http://p:1' }, 'connect p:1'],
    ['not of HTTPS_PROXY', 'ws://x.test', { HTTPS_PROXY: 'http://p:1' }, undefined],
    ['of HTTP_PROXY', 'ws://x.test', { HTTP_PROXY: 'http://p:1' }, 'connect p:1'],
    ['not of HTTP_PROXY', 'wss://x.test', { HTTP_PROXY: 'http://p:1' }, undefined],
    ['of ALL_PROXY', 'ws://x.test', { ALL_PROXY: 'socks5h://p:1' }, 'socks5h p:1'],
    ['of ALL_PROXY', 'wss://x.test', { ALL_PROXY: 'socks5h://p:1' }, 'socks5h p:1'],
    [
      'in lower case first',
      'ws://x.test',
      { http_proxy: 'http://p:1', HTTP_PROXY: 'http://q:1' },
      'connect p:1',
    ],
    ['in lower case first', 'wss://x.test', { https_proxy: 'http://p:1', HTTPS_PROXY: 'x' }, 'connect p:1'],
    [
      'in lower case first',
      'ws://x.test',
      { all_proxy: 'http://p:1', ALL_PROXY: 'http://q:1' },
      'connect p:1',
    ],
    ['and an empty one is none', 'ws://x.test', { http_proxy: ' ', HTTP_PROXY: 'http://q:1' }, 'connect q:1'],
    [
      'for a scheme before that for all',
      'ws://x.test',
      { ALL_PROXY: 'http://p:1', HTTP_PROXY: 'http://q:1' },
      'connect q:1',
    ],
    ['without a scheme', 'ws://x.test', { HTTP_PROXY: 'p:3128' }, 'connect p:3128'],
    ['without a scheme', 'ws://x.test', { HTTP_PROXY: 'u:pw@p' }, 'connect p:80'],
    [
      'but not in a CGI program, where a header sets it',
      'ws://x.test',
      { HTTP_PROXY: 'http://p:1', REQUEST_METHOD: 'GET' },
      undefined,
    ],
    [
      'in a CGI program in lower case',
      'ws://x.test',
      { http_proxy: 'http://p:1', REQUEST_METHOD: 'GET' },
      'connect p:1',
    ],
    [
      'in a CGI program for TLS',
      'wss://x.test',
      { HTTPS_PROXY: 'http://p:1', REQUEST_METHOD: 'GET' },
      'connect p:1',
    ],
    [
      'unless NO_PROXY has the server',
      'ws://x.test',
      { HTTP_PROXY: 'http://p:1', NO_PROXY: 'x.test' },
      undefined,
    ],
    [
      'unless NO_PROXY has its port',
      'ws://x.test:81',
      { HTTP_PROXY: 'http://p:1', NO_PROXY: 'x.test:81' },
      undefined,
    ],
    [
      'if NO_PROXY has another port',
      'ws://x.test',
      { HTTP_PROXY: 'http://p:1', NO_PROXY: 'x.test:81' },
      'connect p:1',
    ],
    [
      'no_proxy goes before',
      'ws://x.test',
      { HTTP_PROXY: 'http://p:1', no_proxy: 'y.test', NO_PROXY: '*' },
      'connect p:1',
    ],
    ['if there is one', 'ws://x.test', {}, undefined],
  ])('%s: %s %j', (_what, url, environment, expected) => {
    expect(proxyFor(url, environment)).toBe(expected);
  });

  test.each([
    'ws://localhost',
    'ws://LOCALHOST:81',
    'ws://localhost.',
    'ws://app.localhost',
    'ws://127.0.0.1',
    'ws://127.9.9.9',
    'ws://0.0.0.0',
    'ws://[::1]',
    'ws://[::]',
    'ws://[::ffff:127.0.0.1]',
    'ws+unix:/run/a.sock:/',
  ])('never for this machine: %s', (url) => {
    expect(proxyFor(url, { ALL_PROXY: 'http://p:1' })).toBeUndefined();
  });

  test.each(['ws://notlocalhost', 'ws://localhost.test', 'ws://128.0.0.1', 'ws://[::2]'])(
    'but for %s',
    (url) => {
      expect(proxyFor(url, { ALL_PROXY: 'http://p:1' })).toBe('connect p:1');
    },
  );

  test.each<[Environment, string]>([
    [{ HTTPS_PROXY: 'socks4://u:hunter2@p' }, 'environment variable HTTPS_PROXY is "socks4://***@p"'],
    [{ https_proxy: 'u:hunter2@' }, 'environment variable https_proxy is "http://***@"'],
    [{ ALL_PROXY: 'http://u:hunter2@p/path' }, 'environment variable ALL_PROXY is "http://***@p/path"'],
    [{ ALL_PROXY: 'socks5://:hunter2@p' }, 'environment variable ALL_PROXY has no user of 1 to 255 bytes'],
    [{ ALL_PROXY: 'http://p', no_proxy: '1.2.3.4/99' }, 'environment variable no_proxy has "1.2.3.4/99"'],
  ])('and what makes no sense is an error without a secret: %j', (environment, message) => {
    expect(() => proxyFor('wss://x.test', environment)).toThrow(
      expect.objectContaining({ code: 'WS_OPTION_INVALID', message: expect.stringContaining(message) }),
    );
    expect(() => proxyFor('wss://x.test', environment)).not.toThrow(/hunter2/);
  });
});

describe('a client', () => {
  const refused = { code: 'WS_PROXY_REFUSED', status: 403 };
  const refusing = { answers: () => 'HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n' };

  test('reads the environment at each attempt', async () => {
    await using first = await connectProxy(refusing);
    await using second = await connectProxy(refusing);
    vi.stubEnv('http_proxy', `http://127.0.0.1:${first.port}`);
    const connections = reconnect('ws://x.test', {
      minDelayMs: 1,
      maxDelayMs: 1,
      shouldRetry: (error) => {
        expect(error).toMatchObject(refused);
        vi.stubEnv('http_proxy', `http://127.0.0.1:${second.port}`);
        return second.heads.length === 0;
      },
    });
    await expect(connections[Symbol.asyncIterator]().next()).rejects.toMatchObject(refused);
    expect([first.heads.length, second.heads.length]).toEqual([1, 1]);
  });

  test('is told which variable named the proxy', async () => {
    const port = await closedPort();
    vi.stubEnv('http_proxy', `u:hunter2@127.0.0.1:${port}`);
    expect(await rejectionOf(connect('ws://x.test'))).toMatchObject({
      code: 'WS_CONNECT_FAILED',
      message: `could not connect to the proxy 127.0.0.1:${port} of http_proxy: connect ECONNREFUSED 127.0.0.1:${port}`,
    });
  });

  test('of the WHATWG class reads it too', async () => {
    await using proxy = await connectProxy(refusing);
    vi.stubEnv('http_proxy', `http://127.0.0.1:${proxy.port}`);
    const failure = await new Promise((resolve) => {
      const socket = new WebSocket('ws://x.test', [], { onFailure: resolve });
      socket.onopen = () => resolve('open');
    });
    expect(failure).toMatchObject(refused);
  });

  test('fails when the environment makes no sense, and is told the variable', async () => {
    vi.stubEnv('https_proxy', 'gopher://p');
    expect(await rejectionOf(connect('wss://x.test'))).toMatchObject({
      code: 'WS_OPTION_INVALID',
      message: expect.stringContaining('environment variable https_proxy is "gopher://p"'),
    });
  });

  test('goes straight with proxy: false, with createConnection, and to this machine', async () => {
    vi.stubEnv('all_proxy', 'gopher://p');
    await using server = await rawServer((visit) => visit.socket.write(accepting(visit)));
    const address = (host: string): string => `ws://${host}:${server.port}`;
    const connections = [
      await connect(address('127.0.0.1')),
      await connect(address('x.test'), {
        proxy: false,
        socket: {
          lookup: (_host, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]),
        },
      }),
    ];
    const failed = await rejectionOf(
      connect(address('x.test'), {
        createConnection: () => {
          throw new Error('asked');
        },
      }),
    );
    expect(failed).toMatchObject({ code: 'WS_CONNECT_FAILED', cause: { message: 'asked' } });
    for (const connection of connections) expect(connection.readyState).toBe('open');
  });
});
