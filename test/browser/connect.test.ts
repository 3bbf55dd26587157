import { beforeEach, expect, test } from 'vitest';
import { type BrowserPlatform, openConnection, planConnection } from '../../src/browser/connect.ts';
import type { ConnectOptions } from '../../src/browser/connect-options.ts';
import type { Connection } from '../../src/connection/connection.ts';
import type { ConnectionHandlers } from '../../src/connection/connection-handlers.ts';
import { FakeClock, settle } from '../../src/testing.ts';
import { FakeWebSocket } from '../connection/fake-web-socket.ts';

interface Dialling {
  readonly socket: FakeWebSocket;
  readonly clock: FakeClock;
  readonly connecting: Promise<Connection>;
}

beforeEach(() => {
  FakeWebSocket.made.length = 0;
});

function dial(
  options: ConnectOptions = {},
  handlers?: ConnectionHandlers<Connection>,
  url = 'ws://host/path',
): Dialling {
  const clock = new FakeClock();
  const platform: BrowserPlatform = { WebSocket: FakeWebSocket, baseUrl: undefined, clock };
  const connecting = openConnection(
    planConnection(url, options, undefined),
    platform,
    options.signal,
    handlers,
  );
  connecting.catch(() => undefined);
  const socket = FakeWebSocket.made.at(-1);
  if (socket === undefined) throw new Error('nothing was dialled');
  return { socket, clock, connecting };
}

test.each([
  ['ws://host', undefined, 'ws://host/'],
  ['http://host/x?y', undefined, 'ws://host/x?y'],
  ['https://host', undefined, 'wss://host/'],
  ['/chat', 'https://page.example/dir/', 'wss://page.example/chat'],
  ['chat?a', 'http://page.example:81/dir/', 'ws://page.example:81/dir/chat?a'],
])('%s relative to %s connects to %s', (url, baseUrl, expected) => {
  expect(planConnection(url, {}, baseUrl).url.href).toBe(expected);
});

test.each(['ftp://host', '/relative', 'ws://host/#fragment', 'ws://host/#', ''])(
  'the URL %j is refused',
  (url) => {
    expect(() => planConnection(url, {}, undefined)).toThrow(
      expect.objectContaining({ code: 'WS_URL_INVALID' }),
    );
  },
);

test.each([
  ['headers', { a: 'b' }],
  ['origin', 'https://host'],
  ['auth', { token: 'x' }],
  ['cookies', 'a=b'],
  ['tls', {}],
  ['socket', {}],
  ['createConnection', () => undefined],
  ['extension', {}],
  ['requireProtocol', false],
  ['maxMessageBytes', 10],
  ['maxFrameBytes', 1000],
  ['maxFragments', 10],
  ['maxRetainedBytes', 10_000],
  ['pingIntervalMs', 1000],
  ['pongTimeoutMs', 1000],
  ['autoPong', false],
  ['validateUtf8', false],
  ['receive', 'streamed'],
])('the option %s is refused by name', (name, value) => {
  expect(() => planConnection('ws://host', { [name]: value }, undefined)).toThrow(
    expect.objectContaining({ code: 'WS_UNSUPPORTED', message: expect.stringContaining(`option ${name} `) }),
  );
  expect(() => planConnection('ws://host', { [name]: undefined }, undefined)).not.toThrow();
});

test('options are kept whose value a browser keeps anyway', () => {
  const kept: object = {
    requireProtocol: true,
    pingIntervalMs: 0,
    autoPong: true,
    validateUtf8: true,
    receive: 'whole',
  };
  expect(() => planConnection('ws://host', kept, undefined)).not.toThrow();
});

test('a unix socket is refused by name', () => {
  expect(() => planConnection('ws+unix:/a.sock:/', {}, undefined)).toThrow(
    expect.objectContaining({ code: 'WS_UNSUPPORTED' }),
  );
});

test('wrong options are refused as on Node', () => {
  const wrong = [{ protocols: ['a', 'a'] }, { handshakeTimeoutMs: 0 }, { closeTimeoutMs: -1 }];
  for (const options of wrong) {
    expect(() => planConnection('ws://host', options, undefined)).toThrow(
      expect.objectContaining({ code: 'WS_OPTION_INVALID' }),
    );
  }
});

test('the connection is given when the socket opens, and holds messages that follow at once', async () => {
  const { socket, connecting, clock } = dial({ protocols: ['a', 'b'] });
  expect([socket.url, socket.protocols]).toEqual(['ws://host/path', ['a', 'b']]);
  socket.opens('b');
  socket.receives('first');
  const connection = await connecting;
  expect([connection.protocol, connection.readyState, clock.pendingTimers]).toEqual(['b', 'open', 0]);
  for await (const message of connection) {
    expect(message).toBe('first');
    break;
  }
});

test('handlers are attached before the first message', async () => {
  const log: unknown[] = [];
  const { socket, connecting } = dial(
    {},
    { open: () => void log.push('open'), message: (_, message) => void log.push(message) },
  );
  socket.opens();
  socket.receives('first');
  await connecting;
  expect(log).toEqual(['open', 'first']);
});

test('what a handler throws is reported to onError with the connection', async () => {
  const errors: unknown[] = [];
  const { socket, connecting } = dial(
    { onError: (error, connection) => errors.push(error, connection) },
    {
      message: () => {
        throw new Error('oops');
      },
    },
  );
  socket.opens();
  socket.receives('x');
  expect(errors).toEqual([new Error('oops'), await connecting]);
});

test('a socket that closes before it opens is a failure without details', async () => {
  const { socket, connecting, clock } = dial();
  socket.fails();
  socket.closes(1006, '', false);
  await expect(connecting).rejects.toMatchObject({
    code: 'WS_CONNECT_FAILED',
    message: 'could not connect to host: the browser does not say why',
  });
  expect(clock.pendingTimers).toBe(0);
});

test('a socket that opens without one of the subprotocols that were offered is closed, and a failure', async () => {
  const { socket, connecting, clock } = dial({ protocols: ['a', 'b'] });
  socket.opens();
  await expect(connecting).rejects.toMatchObject({
    code: 'WS_CONNECT_FAILED',
    message: 'could not connect to host: the server chose no subprotocol, expected one of a, b',
  });
  expect([socket.calls, clock.pendingTimers]).toEqual([[['close']], 0]);
});

test('a handshake that takes too long is given up', async () => {
  const { socket, connecting, clock } = dial({ handshakeTimeoutMs: 3000 });
  clock.advance(2999);
  expect(socket.calls).toEqual([]);
  clock.advance(1);
  await expect(connecting).rejects.toMatchObject({ code: 'WS_HANDSHAKE_TIMEOUT' });
  expect(socket.calls).toEqual([['close']]);
  socket.opens();
  await settle();
});

test('the signal gives up connecting, before and during, and nothing after', async () => {
  const before = AbortSignal.abort('reason');
  const plan = planConnection('ws://host', {}, undefined);
  await expect(
    openConnection(plan, { WebSocket: FakeWebSocket, baseUrl: undefined }, before),
  ).rejects.toMatchObject({ code: 'WS_ABORTED', cause: 'reason' });
  expect(FakeWebSocket.made).toEqual([]);

  const during = new AbortController();
  const first = dial({ signal: during.signal });
  during.abort('changed my mind');
  await expect(first.connecting).rejects.toMatchObject({ code: 'WS_ABORTED', cause: 'changed my mind' });
  expect(first.socket.calls).toEqual([['close']]);

  const after = new AbortController();
  const second = dial({ signal: after.signal });
  second.socket.opens();
  after.abort();
  expect((await second.connecting).readyState).toBe('open');
});

test('a constructor that throws is a failed connection with its cause', async () => {
  const refusal = new DOMException('mixed content', 'SecurityError');
  class Refusing extends FakeWebSocket {
    constructor() {
      super('');
      throw refusal;
    }
  }
  const plan = planConnection('ws://host', {}, undefined);
  await expect(openConnection(plan, { WebSocket: Refusing, baseUrl: undefined })).rejects.toMatchObject({
    code: 'WS_CONNECT_FAILED',
    cause: refusal,
  });
});
