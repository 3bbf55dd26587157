import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Connection } from '../../src/connection/connection.ts';
import { WebSocketTransport } from '../../src/connection/web-socket-transport.ts';
import { FakeClock, settle } from '../../src/testing.ts';
import { type FetchHandler, fetchHandler } from '../../src/workers.ts';
import { WebSocketPair, WorkersResponse, type PairSocket } from './web-socket-pair.ts';

beforeEach(() => {
  vi.stubGlobal('WebSocketPair', WebSocketPair);
  vi.stubGlobal('Response', WorkersResponse);
});

afterEach(() => {
  vi.unstubAllGlobals();
});

/** As Cloudflare hands it in: what belongs to the handshake alone is not there. */
function upgradeRequest(url: string, headers: Record<string, string> = {}): Request {
  return new Request(url, { headers: { Upgrade: 'websocket', ...headers } });
}

interface Opened {
  readonly response: WorkersResponse;
  readonly socket: PairSocket;
  readonly client: Connection;
}

async function open(handler: FetchHandler, request: Request): Promise<Opened> {
  const response = await handler(request, undefined, undefined);
  if (!(response instanceof WorkersResponse) || response.webSocket === undefined)
    throw new Error(`no socket in the response with status ${response.status}: ${await response.text()}`);
  const socket = response.webSocket;
  socket.accept();
  const transport = new WebSocketTransport(socket, { highWaterMarkBytes: 1000, answersClose: true });
  return { response, socket, client: new Connection(transport, undefined) };
}

async function firstOf(connection: Connection): Promise<unknown> {
  for await (const message of connection) return message;
  return undefined;
}

describe('a request for a WebSocket', () => {
  test('becomes a response with the client end of a pair, and a connection with its data', async () => {
    const handler = fetchHandler(
      {
        path: '/rooms/:room',
        protocols: ['chat'],
        upgrade: ({ params, url, remoteAddress }) => ({
          data: { room: params.room, url: url.href, remoteAddress },
          headers: { 'Set-Cookie': 'a=b' },
        }),
      },
      {
        open: (connection) => connection.send(JSON.stringify(connection.data)),
        message: (connection, message) => connection.send(message),
      },
    );
    const { response, client } = await open(
      handler,
      upgradeRequest('https://example.com/rooms/tea?x=1', {
        'Sec-WebSocket-Protocol': 'other, chat',
        'CF-Connecting-IP': '203.0.113.7',
      }),
    );
    expect([response.status, response.headers.get('sec-websocket-protocol')]).toEqual([101, 'chat']);
    expect(response.headers.get('set-cookie')).toBe('a=b');
    expect(JSON.parse(String(await firstOf(client)))).toEqual({
      room: 'tea',
      url: 'wss://example.com/rooms/tea?x=1',
      remoteAddress: '203.0.113.7',
    });
    client.send(new Uint8Array([1, 2, 3]));
    expect(await firstOf(client)).toEqual(new Uint8Array([1, 2, 3]));
    const [connection] = handler.server.connections;
    expect(connection.protocol).toBe('chat');
    expect(await client.close(4000, 'bye')).toMatchObject({ code: 4000, clean: true, by: 'local' });
    expect(await connection.closed).toEqual({ code: 4000, reason: 'bye', clean: true, by: 'remote' });
    expect(handler.server.connections.size).toBe(0);
  });

  test('that came through a trusted proxy is decided upon with its own env, and as its client made it', async () => {
    const seen: unknown[] = [];
    const handler = fetchHandler({
      trustedProxies: ['10.0.0.0/8'],
      upgrade: ({ request, url, remoteAddress }, env: string) => {
        seen.push([request, env, url.href, remoteAddress]);
        return undefined;
      },
    });
    const request = upgradeRequest('http://inner/chat', {
      'CF-Connecting-IP': '10.0.0.7',
      'X-Forwarded-For': '203.0.113.7',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': 'chat.example',
    });
    expect((await handler(request, 'env', undefined)).status).toBe(101);
    expect(seen).toEqual([[request, 'env', 'wss://chat.example/chat', '203.0.113.7']]);
    const [connection] = handler.server.connections;
    expect([connection.url.href, connection.remoteAddress]).toEqual([
      'wss://chat.example/chat',
      '203.0.113.7',
    ]);
  });

  test('is decided upon with env and context of its own call, also when calls overlap', async () => {
    interface Env {
      readonly secret: string;
    }
    const handler = fetchHandler({
      upgrade: async ({ headers }, env: Env, context: { readonly id: number }) => {
        await Promise.resolve();
        return headers.get('authorization') === env.secret
          ? { data: context.id }
          : new Response('no\n', { status: 401 });
      },
    });
    const ask = (secret: string, id: number) =>
      handler(upgradeRequest('https://a/', { Authorization: 's1' }), { secret }, { id });
    const [first, second] = await Promise.all([ask('s1', 1), ask('s2', 2)]);
    expect([first.status, second.status, await second.text()]).toEqual([101, 401, 'no\n']);
    expect([...handler.server.connections].map(({ data }) => data)).toEqual([1]);
  });

  test.each<[string, Request, number]>([
    ['a path without an endpoint', upgradeRequest('https://a/other'), 404],
    ['no upgrade', new Request('https://a/chat'), 426],
    ['another upgrade', new Request('https://a/chat', { headers: { Upgrade: 'h2c' } }), 426],
    ['a foreign origin', upgradeRequest('https://a/chat', { Origin: 'https://evil.example' }), 403],
    ['another version', upgradeRequest('https://a/chat', { 'Sec-WebSocket-Version': '8' }), 426],
    [
      'a subprotocol that is no token',
      upgradeRequest('https://a/chat', { 'Sec-WebSocket-Protocol': 'a b' }),
      400,
    ],
    [
      'a method other than GET',
      new Request('https://a/chat', { method: 'POST', headers: { Upgrade: 'websocket' } }),
      405,
    ],
    [
      'too many headers',
      upgradeRequest(
        'https://a/chat',
        Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`x-${index}`, '1'])),
      ),
      431,
    ],
  ])('is refused: %s', async (_, request, status) => {
    const response = await fetchHandler({ path: '/chat' })(request, undefined, undefined);
    expect(response.status).toBe(status);
    expect(await response.text()).not.toBe('');
    if (status === 426) expect(response.headers.get('upgrade')).toBe('websocket');
  });

  test('that nobody decides about in time is refused with 503, and told so by its signal', async () => {
    const clock = new FakeClock();
    const signals: AbortSignal[] = [];
    const handler = fetchHandler({
      clock,
      handshakeTimeoutMs: 500,
      upgrade: ({ signal }) => {
        signals.push(signal);
        return new Promise<undefined>(() => undefined);
      },
    });
    const asked = handler(upgradeRequest('https://a/'), undefined, undefined);
    await clock.advanceAsync(500);
    expect((await asked).status).toBe(503);
    expect(signals[0].aborted).toBe(true);
  });

  test('is refused beyond the caps and rates of the server, by the address that the platform tells', async () => {
    const handler = fetchHandler({ maxConnectionsPerAddress: 1, maxConnections: 2 });
    const ask = async (address: string) =>
      handler(upgradeRequest('https://a/', { 'CF-Connecting-IP': address }), undefined, undefined);
    const statuses = [];
    for (const address of ['203.0.113.1', '203.0.113.1', '203.0.113.2', '203.0.113.3'])
      statuses.push((await ask(address)).status);
    expect(statuses).toEqual([101, 429, 101, 503]);
    const limited = fetchHandler({ handshakeRate: { perSecond: 1, burst: 1 } });
    const first = upgradeRequest('https://a/', { 'CF-Connecting-IP': '203.0.113.1' });
    expect((await limited(first, undefined, undefined)).status).toBe(101);
    const second = await limited(first, undefined, undefined);
    expect([second.status, second.headers.get('retry-after')]).toEqual([429, '1']);
  });

  test('whose decision throws is answered with 500 and reported', async () => {
    const errors: unknown[] = [];
    const handler = fetchHandler({
      upgrade: () => {
        throw new Error('oops');
      },
      onError: (error) => errors.push(error),
    });
    expect((await handler(upgradeRequest('https://a/'), undefined, undefined)).status).toBe(500);
    expect(errors.map(String)).toEqual(['Error: oops']);
  });
});

test('other requests go to the option fetch, with env and context', async () => {
  const handler = fetchHandler({
    path: '/chat',
    fetch: ({ url }, env: { readonly name: string }, context: number) =>
      new Response(`${new URL(url).pathname} ${env.name} ${context}`),
  });
  for (const request of [
    new Request('https://a/page'),
    new Request('https://a/chat'),
    upgradeRequest('https://a/x'),
  ]) {
    const response = await handler(request, { name: 'n' }, 7);
    expect(await response.text()).toBe(`${new URL(request.url).pathname} n 7`);
  }
});

describe('a connection', () => {
  test('publishes to the others, and the server to all', async () => {
    const handler = fetchHandler({}, { open: (connection) => connection.subscribe('room') });
    const one = await open(handler, upgradeRequest('https://a/'));
    const two = await open(handler, upgradeRequest('https://a/'));
    const [first] = handler.server.connections;
    expect(first.publish('room', 'to others')).toBe(1);
    expect(handler.server.publish('room', 'to all')).toBe(2);
    expect(await firstOf(one.client)).toBe('to all');
    expect([await firstOf(two.client), await firstOf(two.client)]).toEqual(['to others', 'to all']);
  });

  test('sends every close code, and fails a message that is too long with 1009', async () => {
    const handler = fetchHandler(
      { maxMessageBytes: 3 },
      { message: (connection) => connection.close(1001, 'away') },
    );
    const away = await open(handler, upgradeRequest('https://a/'));
    away.client.send('abc');
    expect(await away.client.closed).toMatchObject({ code: 1001, reason: 'away' });
    const long = await open(handler, upgradeRequest('https://a/'));
    const [connection] = handler.server.connections;
    long.client.send('äö');
    expect((await long.client.closed).code).toBe(1009);
    expect(await connection.closed).toMatchObject({ code: 1009, cause: { code: 'WS_MESSAGE_TOO_LARGE' } });
  });

  test('that sends more than its rate is closed with 1008, because nobody can stop reading', async () => {
    const clock = new FakeClock();
    const handler = fetchHandler({ clock, messageRate: { perSecond: 1, burst: 2 } });
    const { client } = await open(handler, upgradeRequest('https://a/'));
    for (let index = 0; index < 4; index++) client.send('x');
    expect((await client.closed).code).toBe(1008);
  });

  test('tells what it has carried', async () => {
    const handler = fetchHandler({}, { message: (connection, message) => connection.send(message) });
    const { client } = await open(handler, upgradeRequest('https://a/chat?token=x'));
    client.send('grün');
    await firstOf(client);
    const [connection] = handler.server.connections;
    expect(connection.snapshot()).toMatchObject({ url: 'wss://a/chat', messages: { in: 1, out: 1 } });
  });

  test('ends with a reason when the network is gone', async () => {
    const handler = fetchHandler();
    const { socket } = await open(handler, upgradeRequest('https://a/'));
    const [connection] = handler.server.connections;
    socket.peer?.cut();
    expect(await connection.closed).toMatchObject({ code: 1006, cause: { code: 'WS_TRANSPORT_FAILED' } });
  });

  test('offers what Workers can do, and refuses the rest', async () => {
    const handler = fetchHandler();
    await open(handler, upgradeRequest('https://a/'));
    const [connection] = handler.server.connections;
    expect(Object.values(connection.supports)).toEqual([false, false, false, false, false]);
    expect(() => connection.ping()).toThrow(expect.objectContaining({ code: 'WS_UNSUPPORTED' }));
  });
});

describe('closing the server', () => {
  test('tells all connections, refuses what is under way, and answers 503 from then on', async () => {
    const handler = fetchHandler({
      upgrade: ({ path }) => (path === '/slow' ? new Promise<undefined>(() => undefined) : undefined),
    });
    const { client } = await open(handler, upgradeRequest('https://a/'));
    const slow = handler(upgradeRequest('https://a/slow'), undefined, undefined);
    const closing = handler.server.close();
    expect(await client.closed).toMatchObject({ code: 1001 });
    expect((await slow).status).toBe(503);
    await closing;
    expect((await handler(upgradeRequest('https://a/'), undefined, undefined)).status).toBe(503);
    expect(() => handler.server.endpoint('/x', {})).toThrow(
      expect.objectContaining({ code: 'WS_STATE_INVALID' }),
    );
  });

  test('ends although a client does not answer, at the close deadline of its connection', async () => {
    const clock = new FakeClock();
    const handler = fetchHandler({ clock, closeTimeoutMs: 2000 });
    const response = await handler(upgradeRequest('https://a/'), undefined, undefined);
    expect(response.status).toBe(101);
    const [connection] = handler.server.connections;
    const closing = handler.server.close({ timeoutMs: 100 });
    await settle();
    await clock.advanceAsync(2000);
    await closing;
    expect(connection.closedInfo).toMatchObject({ code: 1006, cause: { code: 'WS_CLOSE_TIMEOUT' } });
  });
});

test('it listens nowhere', () => {
  const { server } = fetchHandler();
  for (const name of ['url', 'port', 'address'] as const)
    expect(() => server[name]).toThrow(expect.objectContaining({ code: 'WS_STATE_INVALID' }));
});

test('outside of Workers a request that would be accepted is answered with 500', async () => {
  vi.unstubAllGlobals();
  const errors: unknown[] = [];
  const handler = fetchHandler({ onError: (error) => errors.push(error) });
  const response = await handler(upgradeRequest('https://a/'), undefined, undefined);
  expect(response.status).toBe(500);
  expect(errors).toEqual([expect.objectContaining({ code: 'WS_UNSUPPORTED' })]);
});

test.each([
  ['maxFrameBytes', 1000],
  ['maxFragments', 10],
  ['maxRetainedBytes', 10_000],
  ['maxRetainedBytesTotal', 10_000],
  ['maxHeaderBytes', 1000],
  ['pingIntervalMs', 1000],
  ['pongTimeoutMs', 1000],
  ['autoPong', false],
  ['validateUtf8', false],
  ['receive', 'streamed'],
  ['pauseOnBackpressure', true],
  ['perMessageDeflate', true],
  ['keepHandshake', true],
])('an option that Workers cannot keep is refused: %s', (name, value) => {
  const handler = fetchHandler();
  const options = { [name]: value };
  const refusal = expect.objectContaining({
    code: 'WS_UNSUPPORTED',
    message: expect.stringContaining(`option ${name} `),
  });
  expect(() => fetchHandler(options)).toThrow(refusal);
  expect(() => handler.server.endpoint('/x', options)).toThrow(refusal);
});

test('an option that makes no sense is refused', () => {
  for (const [name, value] of [
    ['upgrade', 1],
    ['fetch', 'x'],
    ['remoteAddress', {}],
    ['onError', 5],
    ['handshakeTimeoutMs', 0],
    ['maxMessageBytes', -1],
    ['path', 'chat'],
  ] as const) {
    expect(() => Reflect.apply(fetchHandler, undefined, [{ [name]: value }])).toThrow(
      expect.objectContaining({ code: 'WS_OPTION_INVALID', message: expect.stringContaining(name) }),
    );
  }
});
