import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import type { Connection } from '../../src/connection/connection.ts';
import {
  type CloseEvent,
  FullduplexError,
  serve,
  type ServeOptions,
  WebSocket,
  WebSocketError,
  type WebSocketServer,
  WebSocketStream,
} from '../../src/index.ts';
import { selfSignedCertificate } from './certificate.ts';
import { accepting, closedPort, rawServer, rejectionOf } from './raw-server.ts';

let server: WebSocketServer | undefined;

afterEach(async () => {
  await server?.close({ timeoutMs: 100 });
  server = undefined;
});

/** An echo server of our own. */
async function echoServer(
  options: Pick<ServeOptions, 'protocols' | 'tls' | 'upgrade'> = {},
): Promise<{ readonly url: string; readonly nextConnection: () => Promise<Connection> }> {
  let heard = (_connection: Connection): void => undefined;
  server = await serve(
    { port: 0, host: '127.0.0.1', ...options },
    {
      open: (connection) => heard(connection),
      message: (connection, message) => void connection.send(message),
    },
  );
  const nextConnection = (): Promise<Connection> =>
    new Promise((resolve) => {
      heard = resolve;
    });
  return { url: server.url, nextConnection };
}

function closeOf(socket: WebSocket): Promise<CloseEvent> {
  return new Promise((resolve) => {
    socket.addEventListener('close', resolve);
  });
}

describe('WebSocket', () => {
  test('exchanges text, bytes and Blobs with our server and closes cleanly', async () => {
    const { url, nextConnection } = await echoServer({ protocols: ['chat'] });
    const connecting = nextConnection();
    const socket = new WebSocket(url, ['other', 'chat']);
    socket.binaryType = 'arraybuffer';
    const received: unknown[] = [];
    socket.onopen = () => {
      socket.send('grüße');
      socket.send(new Blob(['from a ', 'blob']));
      socket.send(new Uint8Array([1, 2, 3]));
      socket.send(new Uint8Array(1_000_000));
    };
    socket.onmessage = ({ data }) => {
      received.push(data instanceof ArrayBuffer ? Buffer.from(data) : data);
      if (received.length === 4) socket.close(3000, 'enough');
    };
    const { code, wasClean } = await closeOf(socket);
    expect([code, wasClean, socket.protocol, socket.bufferedAmount]).toEqual([3000, true, 'chat', 0]);
    expect(received.slice(0, 3)).toEqual(['grüße', Buffer.from('from a blob'), Buffer.from([1, 2, 3])]);
    expect(Buffer.alloc(1_000_000).equals(received[3] as Buffer)).toBe(true);
    const { closed } = await connecting;
    expect(await closed).toEqual({ code: 3000, reason: 'enough', clean: true, by: 'remote' });
  });

  test('a message that comes with the 101 is delivered after the open event', async () => {
    await using raw = await rawServer((visit) => {
      const head = Buffer.from(accepting(visit));
      visit.socket.write(Buffer.concat([head, Buffer.from([0x81, 5]), Buffer.from('hello')]));
      visit.socket.write(new Uint8Array([0x88, 0]));
    });
    const socket = new WebSocket(`ws://127.0.0.1:${raw.port}`);
    const log: unknown[] = [];
    socket.onopen = () => log.push('open');
    socket.onmessage = ({ data }) => log.push(data);
    const closed = closeOf(socket);
    const { socket: peer } = await raw.nextVisit();
    peer.end();
    expect((await closed).code).toBe(1005);
    expect(log).toEqual(['open', 'hello']);
  });

  test('hundreds of messages of one read are delivered in order, in few turns of the loop', async () => {
    const { url, nextConnection } = await echoServer();
    const connecting = nextConnection();
    const socket = new WebSocket(url);
    const connection = await connecting;
    await once(socket, 'open');
    const received: number[] = [];
    let turns = 0;
    const countTurns = (): void => {
      turns++;
      if (received.length < 500) setImmediate(countTurns);
    };
    const done = new Promise<void>((resolve) => {
      socket.onmessage = ({ data }) => {
        if (received.length === 0) countTurns();
        received.push(Number(data));
        if (received.length === 500) resolve();
      };
    });
    for (let index = 0; index < 500; index++) connection.send(String(index));
    await done;
    expect(received).toEqual(Array.from({ length: 500 }, (_, index) => index));
    expect(turns).toBeLessThan(10);
    socket.close();
    await closeOf(socket);
  });

  test('the third argument takes the options of connect()', async () => {
    const seen: unknown[] = [];
    const { url } = await echoServer({
      upgrade: ({ headers }) => {
        seen.push(headers.get('x-token'), headers.get('cookie'), headers.get('authorization'));
      },
    });
    const socket = new WebSocket(url, [], {
      headers: { 'x-token': 'abc' },
      cookies: { a: 'b' },
      auth: { token: 'secret' },
    });
    await once(socket, 'open');
    expect(seen).toEqual(['abc', 'a=b', 'Bearer secret']);
    socket.close();
    await closeOf(socket);
  });

  test('user and password in the URL are sent', async () => {
    const seen: unknown[] = [];
    const { url } = await echoServer({
      upgrade: ({ headers }) => void seen.push(headers.get('authorization')),
    });
    const socket = new WebSocket(url.replace('ws://', 'ws://user:pass@'));
    await once(socket, 'open');
    expect(seen).toEqual([`Basic ${Buffer.from('user:pass').toString('base64')}`]);
    socket.close();
    await closeOf(socket);
  });

  test('a wrong option throws out of the constructor', () => {
    expect(() => new WebSocket('ws://host', [], { maxMessageBytes: -1 })).toThrow(FullduplexError);
    expect(() => new WebSocket('ws://host', [], { headers: { 'bad name': 'x' } })).toThrow(/header/i);
  });

  test('options that contradict the standard have no effect', async () => {
    const { url } = await echoServer();
    const contradicting: object = { binaryMessages: 'borrowed', receive: 'streamed', requireProtocol: false };
    const socket = new WebSocket(url, [], contradicting);
    socket.binaryType = 'arraybuffer';
    const received: unknown[] = [];
    socket.onopen = () => {
      for (const byte of [1, 2, 3]) socket.send(new Uint8Array([byte]));
    };
    socket.onmessage = ({ data }) => {
      received.push([...new Uint8Array(data)]);
      if (received.length === 3) socket.close();
    };
    await closeOf(socket);
    expect(received).toEqual([[1], [2], [3]]);
  });

  test('a refusal is error and close for listeners, and says all to onFailure', async () => {
    const { url } = await echoServer({ upgrade: () => new Response('not you', { status: 403 }) });
    const failures: Error[] = [];
    const socket = new WebSocket(url, [], { onFailure: (error) => failures.push(error) });
    const log: string[] = [];
    socket.onerror = ({ type }) => log.push(type);
    const { code, reason, wasClean } = await closeOf(socket);
    expect([log, code, reason, wasClean]).toEqual([['error'], 1006, '', false]);
    expect(failures).toEqual([
      expect.objectContaining({ code: 'WS_HANDSHAKE_REFUSED', status: 403, body: 'not you' }),
    ]);
  });

  test('a port on which nothing listens is error and close, and kills nothing when nobody listens', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${await closedPort()}`);
    expect((await closeOf(socket)).code).toBe(1006);
    expect(socket.readyState).toBe(3);
  });

  test('close() while connecting ends the attempt on the wire', async () => {
    await using raw = await rawServer(() => undefined);
    const socket = new WebSocket(`ws://127.0.0.1:${raw.port}`, [], { handshakeTimeoutMs: 60_000 });
    const { socket: peer } = await raw.nextVisit();
    const gone = once(peer, 'close');
    socket.close();
    expect((await closeOf(socket)).code).toBe(1006);
    await gone;
  });

  test('wss: trusts what it is told to trust, and nothing else', async () => {
    const certificate = selfSignedCertificate();
    const { url } = await echoServer({ tls: certificate });
    const trusting = new WebSocket(url, [], { tls: { ca: certificate.cert } });
    await once(trusting, 'open');
    expect(trusting.url).toMatch(/^wss:/);
    trusting.close();
    await closeOf(trusting);
    const failures: Error[] = [];
    const wary = new WebSocket(url, [], { onFailure: (error) => failures.push(error) });
    expect((await closeOf(wary)).code).toBe(1006);
    expect(failures).toEqual([expect.objectContaining({ code: 'WS_CERTIFICATE_INVALID' })]);
  });

  test('a server that goes away closes with 1001', async () => {
    const { url } = await echoServer();
    const socket = new WebSocket(url);
    await once(socket, 'open');
    const closed = closeOf(socket);
    await server?.close({ timeoutMs: 1000 });
    const { code, wasClean } = await closed;
    expect([code, wasClean]).toEqual([1001, true]);
  });

  test("its type fits where a browser's is expected", () => {
    const fits = (socket: WebSocket): globalThis.WebSocket => socket;
    expect(fits).toBeInstanceOf(Function);
  });
});

describe('WebSocketStream', () => {
  test('echoes through our server, with options of connect() beside those of the standard', async () => {
    const seen: unknown[] = [];
    const { url, nextConnection } = await echoServer({
      protocols: ['chat'],
      upgrade: ({ headers }) => void seen.push(headers.get('x-token')),
    });
    const connecting = nextConnection();
    const stream = new WebSocketStream(url, { protocols: ['chat'], headers: { 'x-token': 'abc' } });
    const { readable, writable, protocol } = await stream.opened;
    const writer = writable.getWriter();
    const reader = readable.getReader();
    for (const chunk of ['text', new Uint8Array([1, 2])]) {
      await writer.write(chunk);
      expect((await reader.read()).value).toEqual(chunk);
    }
    stream.close({ closeCode: 4000, reason: 'done' });
    expect((await stream.closed).closeCode).toBe(4000);
    expect([protocol, seen]).toEqual(['chat', ['abc']]);
    expect((await (await connecting).closed).reason).toBe('done');
  });

  test('64 MiB through a pipe that is slower than both ends arrive, whatever waits where', async () => {
    const { url } = await echoServer();
    const stream = new WebSocketStream(url);
    const { readable, writable } = await stream.opened;
    const chunk = new Uint8Array(256 * 1024);
    const count = 256;
    const writing = (async () => {
      const writer = writable.getWriter();
      for (let index = 0; index < count; index++) await writer.write(chunk);
    })();
    const reader = readable.getReader();
    let received = 0;
    for (let index = 0; index < count; index++) {
      const { value } = await reader.read();
      received += value?.length ?? 0;
      if (index % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await writing;
    expect(received).toBe(chunk.length * count);
    stream.close();
    await stream.closed;
  });

  test('a refusal rejects with a WebSocketError whose cause is the HandshakeError', async () => {
    const { url } = await echoServer({ upgrade: () => new Response('gone', { status: 410 }) });
    const stream = new WebSocketStream(url);
    const error = await rejectionOf(stream.opened);
    expect(error).toBeInstanceOf(WebSocketError);
    expect(error).toMatchObject({ closeCode: null, cause: { code: 'WS_HANDSHAKE_REFUSED', status: 410 } });
    expect(await rejectionOf(stream.closed)).toMatchObject({ closeCode: 1006 });
  });

  test('the signal ends the attempt on the wire', async () => {
    await using raw = await rawServer(() => undefined);
    const controller = new AbortController();
    const stream = new WebSocketStream(`ws://127.0.0.1:${raw.port}`, {
      signal: controller.signal,
      handshakeTimeoutMs: 60_000,
    });
    const { socket: peer } = await raw.nextVisit();
    const gone = once(peer, 'close');
    const reason = new Error('changed my mind');
    controller.abort(reason);
    expect(await rejectionOf(stream.opened)).toBe(reason);
    await gone;
  });
});
