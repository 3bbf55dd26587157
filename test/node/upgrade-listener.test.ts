// The request of each connection on a plain server of ours, read without the HTTP machinery of Node. Deadlines stand in
// handshake-deadline.test.ts, refusals of an endpoint in upgrade-handler.test.ts.

import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { serve } from '../../src/node/serve.ts';
import type { WebSocketServer } from '../../src/node/web-socket-server.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import { closeFrame, deferred, handshake, RawClient, textFrame, until } from './raw-client.ts';

let clock: FakeClock;
let server: WebSocketServer;
let release: () => void;

beforeEach(async () => {
  clock = new FakeClock();
  const decision = deferred<undefined>();
  release = () => decision.resolve(undefined);
  server = await serve(
    {
      port: 0,
      host: '127.0.0.1',
      clock,
      pingIntervalMs: 0,
      maxHeaderBytes: 2048,
      maxHeaderCount: 10,
      upgrade: ({ url }) => (url.pathname === '/slow' ? decision.promise : undefined),
    },
    { message: (connection, message) => void connection.send(message) },
  );
});

afterEach(async () => {
  const closed = server.close({ timeoutMs: 1 });
  await until(() => clock.pendingTimers > 0 || server.connections.size === 0);
  clock.advance(20_000);
  await closed;
  expect(clock.pendingTimers).toBe(0);
});

/** Writes the bytes one by one, each in a packet of its own as far as that can be had. */
async function trickle(client: RawClient, bytes: Uint8Array): Promise<void> {
  client.socket.setNoDelay(true);
  for (const byte of bytes) {
    client.write(Uint8Array.of(byte));
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

describe('a handshake', () => {
  test.each(['/', '/slow'])(
    'that arrives byte by byte, with frames behind it, is answered as any other (%s)',
    async (path) => {
      await using client = await RawClient.open(server.port);
      await trickle(
        client,
        Buffer.concat([Buffer.from(handshake(path)), textFrame('early'), textFrame('x')]),
      );
      release();
      expect((await client.response()).status).toBe(101);
      expect([await client.text(), await client.text()]).toEqual(['early', 'x']);
      client.write(closeFrame(1000));
      expect(await client.closeCode()).toBe(1000);
    },
  );

  test.each(['/', '/slow'])('that comes in one piece with frames, some of them cut (%s)', async (path) => {
    await using client = await RawClient.open(server.port);
    const second = textFrame('two');
    client.write(Buffer.concat([Buffer.from(handshake(path)), textFrame('one'), second.subarray(0, 7)]));
    release();
    expect((await client.response()).status).toBe(101);
    expect(await client.text()).toBe('one');
    client.write(second.subarray(7));
    expect(await client.text()).toBe('two');
  });

  test('with names and values in any case, and an empty line before it', async () => {
    const head = handshake('/').replace('Upgrade: websocket', 'uPGRADE: WebSocket');
    await using client = await RawClient.open(server.port);
    client.write(`\r\n${head.replace('Connection: Upgrade', 'CONNECTION: keep-alive, UPGRADE')}`);
    expect((await client.response()).status).toBe(101);
  });

  test('is followed by frames only: a second request behind it fails the connection', async () => {
    await using client = await RawClient.open(server.port);
    client.write(handshake() + handshake());
    expect((await client.response()).status).toBe(101);
    expect(await client.closeCode()).toBe(1002);
  });

  test('whose client has sent its end with it still gets its answers', async () => {
    await using client = await RawClient.open(server.port);
    client.socket.end(Buffer.concat([Buffer.from(handshake()), textFrame('last')]));
    expect((await client.response()).status).toBe(101);
    expect(await client.text()).toBe('last');
  });

  test.each([
    ['GET', '1.0'],
    ['POST', '1.1'],
    ['HEAD', '1.1'],
    ['get', '1.1'],
  ])('by %s of HTTP/%s is refused', async (method, version) => {
    await using client = await RawClient.open(server.port);
    client.write(handshake().replace('GET', method).replace('HTTP/1.1', `HTTP/${version}`));
    const { status, headers } = await client.response(method);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(headers.connection).toContain('close');
    expect(await client.rest()).toBe('');
    expect(server.connections.size).toBe(0);
  });
});

describe('an ordinary request', () => {
  test.each(['GET', 'HEAD', 'POST'])(
    'by %s is told to upgrade, once, and that is the end',
    async (method) => {
      await using client = await RawClient.open(server.port);
      const request = `${method} /page HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`;
      client.write(request + request);
      const { status, headers, body } = await client.response(method);
      expect(status).toBe(426);
      expect(headers).toMatchObject({ upgrade: 'websocket', connection: 'Upgrade, close' });
      expect(body === '').toBe(method === 'HEAD');
      expect(await client.rest()).toBe('');
    },
  );

  test('for another protocol is told too', async () => {
    const [client, { status }] = await RawClient.shake(server.port, '/', { Upgrade: 'h2c' });
    expect(status).toBe(426);
    await client[Symbol.asyncDispose]();
  });
});

describe('what is no request', () => {
  test.each([
    ['nonsense', 'hello\r\n\r\n', 400],
    ['lines that end in LF only', handshake().replaceAll('\r\n', '\n'), 400],
    ['a space before a colon', handshake().replace('Host:', 'Host :'), 400],
    ['a folded line', handshake().replace('Upgrade\r\n', 'Upgrade\r\n x\r\n'), 400],
    ['HTTP/2.0', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
    ['a head that is too long', `GET /${'a'.repeat(3000)}`, 431],
    [
      'too many headers',
      handshake('/', Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`X${i}`, '1']))),
      431,
    ],
  ])('is answered and ended: %s', async (_, bytes, status) => {
    await using client = await RawClient.open(server.port);
    client.write(bytes);
    const response = await client.response();
    expect(response.status).toBe(status);
    expect(response.headers.connection).toBe('close');
    client.write('more of it');
    expect(await client.rest()).toBe('');
    client.socket.end();
  });

  test('a client that speaks TLS finds out at once', async () => {
    const socket = connectTls({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false });
    const failed = deferred<Error>();
    socket.on('error', failed.resolve);
    expect(await failed.promise).toBeInstanceOf(Error);
    socket.destroy();
  });
});

describe('a client that leaves', () => {
  test.each(['end', 'reset', 'destroy'] as const)(
    'before its request is complete (%s) leaves nothing behind',
    async (how) => {
      for (const bytes of ['', 'GET / HT', handshake().slice(0, -2)]) {
        const client = await RawClient.open(server.port);
        await until(() => clock.pendingTimers === 1);
        if (bytes !== '') client.write(bytes);
        if (how === 'end') client.socket.end();
        else if (how === 'reset') client.reset();
        else client.socket.destroy();
        await until(() => clock.pendingTimers === 0);
        await client.closed;
      }
    },
  );

  test('is not told of the time that is over for others', async () => {
    const gone = await RawClient.open(server.port);
    await until(() => clock.pendingTimers === 1);
    clock.advance(4000);
    // Another connection is accepted when this one is answered.
    await using slow = await RawClient.open(server.port);
    const [other] = await RawClient.shake(server.port);
    await other[Symbol.asyncDispose]();
    slow.write('GET');
    gone.socket.destroy();
    await gone.closed;
    clock.advance(9999);
    expect(slow.socket.readableEnded).toBe(false);
    clock.advance(1);
    expect((await slow.response()).status).toBe(408);
  });
});
