import { getEventListeners, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { LookupFunction } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex, PassThrough } from 'node:stream';
import { connect as connectSocket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { connect, openConnection, planConnection } from '../../src/node/connect.ts';
import type { ConnectOptions } from '../../src/node/connect-options.ts';
import { FakeClock, settle } from '../../src/testing.ts';
import { accepting, closedPort, rawServer, rejectionOf, type Visit } from './raw-server.ts';

const helloFrame = Buffer.from([0x81, 5, ...Buffer.from('hello')]);

/** Accepts and keeps the visit. */
function acceptingServer(listen?: { port: number; host: string } | { path: string }) {
  const visits: Visit[] = [];
  const visited = (visit: Visit): void => {
    visits.push(visit);
    visit.socket.write(accepting(visit));
  };
  return rawServer(visited, listen).then((server) => ({ server, visits }));
}

/** Resolves every name to these addresses. */
function lookupOf(...addresses: { address: string; family: 4 | 6 }[]): LookupFunction {
  return (_host, options, callback) => {
    const [first] = addresses;
    if (options.all === true) callback(null, addresses);
    else callback(null, first?.address ?? '', first?.family);
  };
}

describe('the request', () => {
  test('names the host with its port, the path and the query, and asks for the upgrade', async () => {
    const { server, visits } = await acceptingServer();
    await using _ = server;
    await connect(`http://127.0.0.1:${server.port}/a%20b?c=d%26`);
    const [requestLine, ...lines] = visits[0]?.head.split('\r\n') ?? [];
    expect(requestLine).toBe('GET /a%20b?c=d%26 HTTP/1.1');
    expect(lines).toEqual([
      `Host: 127.0.0.1:${server.port}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      expect.stringMatching(/^Sec-WebSocket-Key: [A-Za-z0-9+/]{22}==$/),
      'Sec-WebSocket-Version: 13',
    ]);
  });

  test('carries headers, origin, cookies and credentials', async () => {
    const { server, visits } = await acceptingServer();
    await using _ = server;
    await connect(`ws://127.0.0.1:${server.port}`, {
      headers: { 'X-Trace': ['1', '2'], 'User-Agent': 'me' },
      origin: 'https://example.org',
      cookies: { session: 'a b', theme: 'dark' },
      auth: { username: 'jörg', password: 'p:w' },
    });
    const lines = visits[0]?.head.split('\r\n').slice(6);
    expect(lines).toEqual([
      'X-Trace: 1',
      'X-Trace: 2',
      'User-Agent: me',
      'Origin: https://example.org',
      'Cookie: session=a b; theme=dark',
      `Authorization: Basic ${Buffer.from('jörg:p:w').toString('base64')}`,
    ]);
  });

  test.each<[string, ConnectOptions, string]>([
    ['ann:p%40ss@', {}, `Basic ${Buffer.from('ann:p@ss').toString('base64')}`],
    ['ann@', {}, `Basic ${Buffer.from('ann:').toString('base64')}`],
    ['ann:secret@', { auth: { token: 'abc.def' } }, 'Bearer abc.def'],
    ['ann:secret@', { headers: { authorization: 'Digest x' } }, 'Digest x'],
  ])(
    'takes credentials from the URL %s unless the options have some: %j',
    async (userinfo, options, expected) => {
      const { server, visits } = await acceptingServer();
      await using _ = server;
      await connect(`ws://${userinfo}127.0.0.1:${server.port}`, options);
      const lines = visits[0]?.head.split('\r\n').filter((line) => /^authorization:/i.test(line));
      expect(lines?.map((line) => line.replace(/^[^:]*: /, ''))).toEqual([expected]);
      expect(visits[0]?.head).toContain(`Host: 127.0.0.1:${server.port}`);
    },
  );

  test('goes over a unix socket with the path behind the colon', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fullduplex-'));
    const { server, visits } = await acceptingServer({ path: join(folder, 'a b.sock') });
    try {
      await using _ = server;
      const connection = await connect(`ws+unix:${folder}/a%20b.sock:/chat:/x?y=1`);
      expect(visits[0]?.head).toMatch(/^GET \/chat:\/x\?y=1 HTTP\/1.1\r\nHost: localhost\r\n/);
      connection.terminate();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('goes over IPv6', async () => {
    const { server, visits } = await acceptingServer({ port: 0, host: '::1' });
    await using _ = server;
    await connect(`ws://[::1]:${server.port}/`);
    expect(visits[0]?.head).toContain(`\r\nHost: [::1]:${server.port}\r\n`);
  });

  test('reaches a host whose first address does not answer', async () => {
    const { server } = await acceptingServer();
    await using _ = server;
    const lookup = lookupOf({ address: '::1', family: 6 }, { address: '127.0.0.1', family: 4 });
    const connection = await connect(`ws://example.test:${server.port}`, { socket: { lookup } });
    expect(connection.readyState).toBe('open');
  });

  test('goes over the stream that createConnection gives', async () => {
    const { server, visits } = await acceptingServer();
    await using _ = server;
    let asked: unknown;
    const connection = await connect('ws://example.org:81/x', {
      createConnection: (target) => {
        asked = target;
        return connectSocket(server.port, '127.0.0.1');
      },
    });
    expect(asked).toEqual({ host: 'example.org', port: 81, socketPath: undefined, isSecure: false });
    expect(visits[0]?.head).toContain('\r\nHost: example.org:81\r\n');
    connection.terminate();
  });
});

describe('the answer', () => {
  test('may come byte by byte, behind interim responses', async () => {
    await using server = await rawServer((visit) => {
      const bytes = Buffer.from(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${accepting(visit)}`);
      const writeNext = (index: number): void => {
        if (index === bytes.length) visit.socket.write(helloFrame);
        else visit.socket.write(bytes.subarray(index, index + 1), () => writeNext(index + 1));
      };
      writeNext(0);
    });
    const connection = await connect(`ws://127.0.0.1:${server.port}`);
    for await (const message of connection) {
      expect(message).toBe('hello');
      break;
    }
  });

  test('may have the first frames behind it, which are delivered whenever the consumer comes', async () => {
    await using server = await rawServer((visit) => {
      const closeFrame = Buffer.from([0x88, 2, 0x03, 0xe8]);
      const head = Buffer.from(accepting(visit));
      visit.socket.end(Buffer.concat([head, helloFrame, helloFrame, closeFrame]));
    });
    const connection = await connect(`ws://127.0.0.1:${server.port}`);
    expect(await connection.closed).toEqual({ code: 1000, reason: '', clean: true, by: 'remote' });
    const messages: unknown[] = [];
    for await (const message of connection) messages.push(message);
    expect(messages).toEqual(['hello', 'hello']);
  });

  test('may have a message and a close frame behind it, and handlers can still reply to the message', async () => {
    const received: Buffer[] = [];
    await using server = await rawServer((visit) => {
      visit.socket.on('data', (chunk: Buffer) => received.push(chunk));
      const closeFrame = Buffer.from([0x88, 2, 0x03, 0xe8]);
      visit.socket.end(Buffer.concat([Buffer.from(accepting(visit)), helloFrame, closeFrame]));
    });
    const connection = await connect(
      `ws://127.0.0.1:${server.port}`,
      {},
      { message: (from) => expect(from.send('reply')).toBe(true) },
    );
    await connection.closed;
    const [socket] = server.sockets;
    if (socket !== undefined && !socket.closed) await once(socket, 'close');
    // A masked text frame of five bytes, then the masked close frame.
    const frames = Buffer.concat(received).subarray(-19);
    expect([frames[0], frames[1], frames[11], frames[12]]).toEqual([0x81, 0x85, 0x88, 0x82]);
  });

  test('may leave out the subprotocol only when requireProtocol is false', async () => {
    const { server } = await acceptingServer();
    await using _ = server;
    const url = `ws://127.0.0.1:${server.port}`;
    await expect(connect(url, { protocols: ['chat'] })).rejects.toMatchObject({
      code: 'WS_HANDSHAKE_INVALID',
    });
    const connection = await connect(url, { protocols: ['chat'], requireProtocol: false });
    expect(connection.protocol).toBe('');
  });
});

describe('a connection that cannot be made', () => {
  test('names the address that refused', async () => {
    const port = await closedPort();
    const error = await rejectionOf(connect(`ws://127.0.0.1:${port}/?token=secret`));
    expect(error).toMatchObject({
      code: 'WS_CONNECT_FAILED',
      message: `could not connect to 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}`,
      cause: { code: 'ECONNREFUSED' },
    });
  });

  test('names each address of a host with several', async () => {
    const port = await closedPort();
    const lookup = lookupOf({ address: '::1', family: 6 }, { address: '127.0.0.1', family: 4 });
    const error = await rejectionOf(connect(`ws://example.test:${port}`, { socket: { lookup } }));
    expect(error).toMatchObject({
      code: 'WS_CONNECT_FAILED',
      message: `could not connect to example.test:${port}: connect ECONNREFUSED ::1:${port}, connect ECONNREFUSED 127.0.0.1:${port}`,
    });
  });

  test('tells that a name is unknown', async () => {
    const lookup: LookupFunction = (host, _options, callback) =>
      callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' }), '');
    const error = await rejectionOf(connect('ws://nowhere.test', { socket: { lookup } }));
    expect(error).toMatchObject({
      code: 'WS_CONNECT_FAILED',
      message: 'could not connect to nowhere.test:80: getaddrinfo ENOTFOUND nowhere.test',
    });
  });

  test('tells that a unix socket is not there', async () => {
    const error = await rejectionOf(connect('ws+unix:/nowhere/at/all.sock:/'));
    expect(error).toMatchObject({
      code: 'WS_CONNECT_FAILED',
      message: 'could not connect to /nowhere/at/all.sock: connect ENOENT /nowhere/at/all.sock',
    });
  });

  test('tells what createConnection threw', async () => {
    const cause = new Error('the proxy is asleep');
    const createConnection = (): never => {
      throw cause;
    };
    const error = await rejectionOf(connect('ws://example.test', { createConnection }));
    expect(error).toMatchObject({ code: 'WS_CONNECT_FAILED', cause });
  });

  test.each([
    ['ends', 'half an answer', (visit: Visit) => visit.socket.end('HTTP/1.1 101 Swi')],
    ['ends', 'no answer', (visit: Visit) => visit.socket.end()],
    [
      'resets',
      'half an answer',
      (visit: Visit) => visit.socket.write('HTTP/1.1 1', () => visit.socket.resetAndDestroy()),
    ],
  ])('tells that the server %s the connection after %s', async (_how, _when, answer) => {
    await using server = await rawServer(answer);
    const error = await rejectionOf(connect(`ws://127.0.0.1:${server.port}`));
    expect(error).toMatchObject({
      code: 'WS_CONNECT_FAILED',
      message: expect.stringMatching(
        /^could not connect to 127.0.0.1:\d+: (the input ended after \d+ bytes|read ECONNRESET)/,
      ),
    });
  });
});

describe('the deadline', () => {
  /** Attempts the connection on virtual time, with 100 ms. */
  function attempt(url: string, options: ConnectOptions = {}) {
    const clock = new FakeClock();
    const plan = planConnection(url, { ...options, handshakeTimeoutMs: 100 });
    const rejection = rejectionOf(openConnection(plan, { clock }));
    return { clock, rejection };
  }

  test('covers the lookup of the name', async () => {
    const { clock, rejection } = attempt('ws://slow.test', { socket: { lookup: () => undefined } });
    clock.advance(99);
    clock.advance(1);
    expect(await rejection).toMatchObject({
      code: 'WS_HANDSHAKE_TIMEOUT',
      message: 'no connection within 100 ms: the address of slow.test:80 was still being looked up',
    });
  });

  test('covers making the connection', async () => {
    const signals: AbortSignal[] = [];
    const { clock, rejection } = attempt('ws://slow.test', {
      createConnection: (_target, signal) => {
        signals.push(signal);
        return new Promise(() => undefined);
      },
    });
    clock.advance(100);
    expect(await rejection).toMatchObject({
      code: 'WS_HANDSHAKE_TIMEOUT',
      message: 'no connection within 100 ms: the connection to slow.test:80 was still being made',
    });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  test('covers TLS, and cuts the socket under it', async () => {
    await using server = await rawServer(() => undefined);
    const arrival = server.nextSocket();
    const { clock, rejection } = attempt(`wss://127.0.0.1:${server.port}`);
    const socket = await arrival;
    // The client's first TLS record.
    await once(socket, 'data');
    clock.advance(100);
    expect(await rejection).toMatchObject({
      code: 'WS_HANDSHAKE_TIMEOUT',
      message: `no connection within 100 ms: TLS with 127.0.0.1:${server.port} was still being agreed on`,
    });
    if (!socket.closed) await once(socket, 'close');
  });

  test('covers the answer, and cuts the socket', async () => {
    await using server = await rawServer(() => undefined);
    const visit = server.nextVisit();
    const { clock, rejection } = attempt(`ws://127.0.0.1:${server.port}`);
    const { socket } = await visit;
    clock.advance(100);
    expect(await rejection).toMatchObject({
      code: 'WS_HANDSHAKE_TIMEOUT',
      message: `no connection within 100 ms: the answer of 127.0.0.1:${server.port} to the opening handshake was not complete`,
    });
    if (!socket.closed) await once(socket, 'close');
  });

  test('does not hide a refusal whose body never ends', async () => {
    const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    const { clock, rejection } = attempt('ws://slow.test', { createConnection: () => stream });
    stream.push('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100\r\n\r\ncome back la');
    await once(stream, 'data');
    clock.advance(100);
    expect(await rejection).toMatchObject({
      code: 'WS_HANDSHAKE_REFUSED',
      status: 503,
      body: 'come back la',
    });
    expect(stream.destroyed).toBe(true);
  });

  test('is over once the connection is open', async () => {
    const { server } = await acceptingServer();
    await using _ = server;
    const clock = new FakeClock();
    const plan = planConnection(`ws://127.0.0.1:${server.port}`, {});
    await openConnection(plan, { clock });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('the signal', () => {
  test('refuses to begin when it was aborted before', async () => {
    await using server = await rawServer(() => undefined);
    const reason = new Error('changed my mind');
    const error = await rejectionOf(
      connect(`ws://127.0.0.1:${server.port}`, { signal: AbortSignal.abort(reason) }),
    );
    expect(error).toMatchObject({ code: 'WS_ABORTED', cause: reason });
    expect(server.sockets).toEqual([]);
  });

  test('ends the lookup', async () => {
    const controller = new AbortController();
    const connecting = connect('ws://slow.test', {
      signal: controller.signal,
      socket: { lookup: () => controller.abort() },
    });
    expect(await rejectionOf(connecting)).toMatchObject({ code: 'WS_ABORTED' });
  });

  test('leaves no socket behind that connects later', async () => {
    const { server } = await acceptingServer();
    await using _ = server;
    const controller = new AbortController();
    let found: () => void = () => undefined;
    const lookup: LookupFunction = (host, options, callback) => {
      found = () => lookupOf({ address: '127.0.0.1', family: 4 })(host, options, callback);
      controller.abort();
    };
    const url = `ws://example.test:${server.port}`;
    await rejectionOf(connect(url, { signal: controller.signal, socket: { lookup } }));
    found();
    await connect(`ws://127.0.0.1:${server.port}`);
    expect(server.sockets).toHaveLength(1);
  });

  test('ends the wait for an answer and cuts the socket', async () => {
    const controller = new AbortController();
    await using server = await rawServer(() => controller.abort());
    const visit = server.nextVisit();
    const error = await rejectionOf(connect(`ws://127.0.0.1:${server.port}`, { signal: controller.signal }));
    expect(error).toMatchObject({ code: 'WS_ABORTED' });
    const { socket } = await visit;
    if (!socket.closed) await once(socket, 'close');
  });

  test('destroys a stream that createConnection gives too late', async () => {
    const controller = new AbortController();
    let give: (stream: Duplex) => void = () => undefined;
    const late = new Promise<Duplex>((resolve) => {
      give = resolve;
    });
    const connecting = connect('ws://slow.test', {
      signal: controller.signal,
      createConnection: () => {
        queueMicrotask(() => controller.abort());
        return late;
      },
    });
    expect(await rejectionOf(connecting)).toMatchObject({ code: 'WS_ABORTED' });
    const stream = new PassThrough();
    give(stream);
    await once(stream, 'close');
  });

  test('has no effect on an open connection', async () => {
    const { server, visits } = await acceptingServer();
    await using _ = server;
    const controller = new AbortController();
    const connection = await connect(`ws://127.0.0.1:${server.port}`, { signal: controller.signal });
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    controller.abort();
    expect(connection.readyState).toBe('open');
    visits[0]?.socket.write(helloFrame);
    for await (const message of connection) {
      expect(message).toBe('hello');
      break;
    }
  });
});

describe('memory', () => {
  test('that is read into again and again changes no message that waits', async () => {
    const { server, visits } = await acceptingServer();
    await using _ = server;
    const connection = await connect(`ws://127.0.0.1:${server.port}`, { binaryMessages: 'borrowed' });
    const { socket } = visits[0] ?? { socket: undefined };
    for (const byte of [1, 2, 3]) {
      socket?.write(Buffer.from([0x82, 3, byte, byte, byte]));
      await new Promise<void>((resolve) => {
        const stop = connection.observe({
          header: () => undefined,
          payload: () => {
            stop();
            resolve();
          },
        });
      });
    }
    const messages: number[][] = [];
    for await (const message of connection) {
      if (typeof message !== 'string') messages.push([...message]);
      if (messages.length === 3) break;
    }
    expect(messages).toEqual([
      [1, 1, 1],
      [2, 2, 2],
      [3, 3, 3],
    ]);
  });

  test('that is read into again and again delivers all of a flood in order, whenever reading pauses', async () => {
    const { server, visits } = await acceptingServer();
    await using _ = server;
    const connection = await connect(`ws://127.0.0.1:${server.port}`);
    const count = 500;
    for (let index = 0; index < count; index++) {
      // 16 KiB each, so that the high-water mark of messages nobody takes stops the reading again and again.
      const payload = Buffer.alloc(16_384, index % 251);
      visits[0]?.socket.write(Buffer.concat([Buffer.from([0x82, 126, 0x40, 0]), payload]));
    }
    let seen = 0;
    for await (const message of connection) {
      const isWhole = message.length === 16_384 && typeof message !== 'string';
      if (!isWhole || message.some((byte) => byte !== seen % 251)) break;
      if (seen % 50 === 0) await settle();
      if (++seen === count) break;
    }
    expect(seen).toBe(count);
  });

  test('is not read into while the connection is paused', async () => {
    const { server, visits } = await acceptingServer();
    await using _ = server;
    const connection = await connect(`ws://127.0.0.1:${server.port}`);
    const messages: unknown[] = [];
    connection.attach({ message: (_connection, message) => void messages.push(message) });
    connection.pause();
    const { socket } = visits[0] ?? { socket: undefined };
    await new Promise<void>((resolve) => void socket?.write(helloFrame, () => resolve()));
    await settle();
    expect(messages).toEqual([]);
    connection.resume();
    while (messages.length === 0) await settle();
    expect(messages).toEqual(['hello']);
  });
});
