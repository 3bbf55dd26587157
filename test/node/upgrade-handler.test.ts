import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import { connect } from '../../src/node/connect.ts';
import { type ServeOptions, serve } from '../../src/node/serve.ts';
import type { WebSocketServer } from '../../src/node/web-socket-server.ts';
import type { ServerHandlers, ServerOptions } from '../../src/server/server-options.ts';
import { deferred, handshake, RawClient, textFrame, until } from './raw-client.ts';

const local = { port: 0, host: '127.0.0.1' };
let server: WebSocketServer;
let errors: unknown[];
let clock: FakeClock;

const onError: ServerOptions['onError'] = (error) => errors.push(error);

/** Starts the server of a test on virtual time. */
async function start<Data>(
  options: Partial<ServeOptions<Data>> = {},
  handlers: ServerHandlers<unknown> = {},
): Promise<void> {
  server = await serve<unknown>({ onError, clock, ...options, ...local } as ServeOptions<unknown>, handlers);
}

beforeEach(() => {
  errors = [];
  clock = new FakeClock();
});

afterEach(async () => {
  const closed = server.close({ timeoutMs: 1 });
  await until(() => server.connections.size === 0 || clock.pendingTimers > 0);
  clock.advance(10_000);
  await closed;
});

describe('refusing', () => {
  test('with a Response sends exactly that: status, reason, headers and body', async () => {
    await start({
      upgrade: () =>
        new Response('no ticket, no seat: grüße', {
          status: 402,
          statusText: 'Ticket Please',
          headers: [
            ['Set-Cookie', 'a=1'],
            ['Set-Cookie', 'b=2'],
            ['X-Why', 'because'],
          ],
        }),
    });
    const [client, response] = await RawClient.shake(server.port);
    expect(response).toMatchObject({
      status: 402,
      reason: 'Ticket Please',
      body: 'no ticket, no seat: grüße',
    });
    expect(response.headers).toEqual({
      'set-cookie': 'a=1, b=2',
      'x-why': 'because',
      'content-type': 'text/plain;charset=UTF-8',
      connection: 'close',
      'content-length': '27',
    });
    expect(await client.rest()).toBe('');
    expect(errors).toEqual([]);
  });

  test('with a Response that is a promise, and one without a body', async () => {
    await start({ upgrade: async () => Promise.resolve(new Response(null, { status: 403 })) });
    const [client, { status, reason, headers }] = await RawClient.shake(server.port);
    expect([status, reason]).toEqual([403, 'Forbidden']);
    expect(headers).toEqual({ connection: 'close', 'content-length': '0' });
    expect(await client.rest()).toBe('');
  });

  test('with a Response whose headers would frame the message anew keeps the framing right', async () => {
    await start({
      upgrade: () =>
        new Response('four', {
          status: 426,
          headers: {
            'Content-Length': '1000',
            'Transfer-Encoding': 'chunked',
            Connection: 'keep-alive',
            Upgrade: 'foo',
          },
        }),
    });
    const [client, { headers, body }] = await RawClient.shake(server.port);
    expect(body).toBe('four');
    expect(headers['content-length']).toBe('4');
    expect(headers['transfer-encoding']).toBeUndefined();
    expect(headers.connection).toBe('Upgrade, close');
    expect(await client.rest()).toBe('');
  });

  test('with a 204 sends neither body nor length', async () => {
    await start({ upgrade: () => new Response(null, { status: 204 }) });
    const [client, { head }] = await RawClient.shake(server.port);
    expect(head).toBe('HTTP/1.1 204 No Content\r\nConnection: close');
    expect(await client.rest()).toBe('');
  });

  test('with a Response whose body was read already answers 500 and reports it', async () => {
    const response = new Response('once');
    await response.text();
    await start({ upgrade: () => response });
    const [client, { status }] = await RawClient.shake(server.port);
    expect(status).toBe(500);
    expect(errors).toHaveLength(1);
    await client[Symbol.asyncDispose]();
  });

  test('with a Response whose body never ends is cut short by the deadline', async () => {
    const asked = deferred<undefined>();
    await start({
      upgrade: () => {
        asked.resolve(undefined);
        return new Response(new ReadableStream({ start: () => undefined }));
      },
    });
    const client = await RawClient.open(server.port);
    client.write(handshake());
    await asked.promise;
    clock.advance(10_000);
    expect((await client.response()).status).toBe(503);
    await client[Symbol.asyncDispose]();
  });

  test('an unknown path answers 404', async () => {
    await start({ path: '/chat' });
    const [client, { status, body }] = await RawClient.shake(server.port, '/chat/room');
    expect([status, body]).toEqual([404, 'no WebSocket endpoint has this path\n']);
    expect(await client.rest()).toBe('');
  });

  test('an absolute target is matched by its path, and its host counts', async () => {
    let url = '';
    await start({
      path: '/chat',
      upgrade: (request) => {
        url = request.url.href;
      },
    });
    const [client, { status }] = await RawClient.shake(server.port, 'http://localhost:99/chat?a', {
      Host: 'example.com',
      Origin: 'http://localhost:99',
    });
    expect([status, url]).toEqual([101, 'ws://localhost:99/chat?a']);
    await client[Symbol.asyncDispose]();
  });

  test.each([
    ['HEAD / HTTP/1.1', 405, ''],
    ['POST / HTTP/1.1', 405, 'method "POST", expected GET (RFC 6455 4.1)\n'],
  ])('%s is refused, and HEAD gets no body', async (requestLine, expected, body) => {
    await start();
    const client = await RawClient.open(server.port);
    client.write(handshake().replace('GET / HTTP/1.1', requestLine));
    const { status, headers } = await client.response('HEAD');
    expect(status).toBe(expected);
    expect(headers.allow).toBe('GET');
    expect(headers.connection).toBe('close');
    expect(await client.rest()).toBe(body);
  });

  test('another version is told which one is spoken', async () => {
    await start();
    const [client, { status, headers }] = await RawClient.shake(server.port, '/', {
      'Sec-WebSocket-Version': '8',
    });
    expect(status).toBe(426);
    expect(headers).toMatchObject({
      'sec-websocket-version': '13',
      upgrade: 'websocket',
      connection: 'Upgrade, close',
    });
    await client[Symbol.asyncDispose]();
  });

  test('a client that never reads its refusal and never closes is cut', async () => {
    const bodyLength = 32_000_000;
    const asked = deferred<undefined>();
    await start({
      upgrade: () => {
        asked.resolve(undefined);
        return new Response('x'.repeat(bodyLength), { status: 403 });
      },
    });
    const client = await RawClient.open(server.port);
    client.socket.pause();
    client.write(handshake());
    await asked.promise;
    for (let turn = 0; turn < 50; turn++) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    clock.advance(2_000);
    client.socket.resume();
    // What the operating system held already still arrives, and then the end.
    expect((await client.rest()).length).toBeLessThan(bodyLength);
    await client[Symbol.asyncDispose]();
  });
});

describe('origins', () => {
  test('a page of another origin is refused by default, one of the same origin and none at all are let in', async () => {
    await start();
    const Host = `127.0.0.1:${server.port}`;
    const outcomes: number[] = [];
    for (const Origin of ['https://evil.example', 'null', `http://${Host}`, undefined]) {
      const [client, { status }] = await RawClient.shake(server.port, '/', { Host, Origin });
      outcomes.push(status);
      await client[Symbol.asyncDispose]();
    }
    expect(outcomes).toEqual([403, 403, 101, 101]);
  });

  test('a server on loopback refuses a name that is not of this machine (DNS rebinding)', async () => {
    await start();
    const Host = `attacker.example:${server.port}`;
    const [client, { status, body }] = await RawClient.shake(server.port, '/', {
      Host,
      Origin: `http://${Host}`,
    });
    expect(status).toBe(403);
    expect(body).toContain('Host "attacker.example');
    await client[Symbol.asyncDispose]();
  });

  test('a list lets in exactly its members, whatever Host says', async () => {
    await start({ allowedOrigins: ['https://app.example'] });
    const [first, { status }] = await RawClient.shake(server.port, '/', {
      Host: 'api.example',
      Origin: 'https://app.example',
    });
    const [second, refused] = await RawClient.shake(server.port, '/', { Origin: `http://127.0.0.1` });
    expect([status, refused.status]).toEqual([101, 403]);
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
  });

  test('a function decides, also about requests without an origin; a promise is no answer', async () => {
    const heard: unknown[] = [];
    await start({
      allowedOrigins: (origin, request) => {
        heard.push(origin, request.url.pathname);
        return origin === 'https://a.example';
      },
    });
    const [first, { status }] = await RawClient.shake(server.port, '/x', { Origin: 'https://a.example' });
    const [second, refused] = await RawClient.shake(server.port, '/y');
    expect([status, refused.status]).toEqual([101, 403]);
    expect(heard).toEqual(['https://a.example', '/x', undefined, '/y']);
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    await server.close();
    const asynchronous = (() => Promise.resolve(true)) as unknown as () => boolean;
    await start({ allowedOrigins: asynchronous });
    const [third, failed] = await RawClient.shake(server.port);
    expect(failed.status).toBe(500);
    expect(String(errors[0])).toContain('option allowedOrigins returned');
    await third[Symbol.asyncDispose]();
  });
});

describe('an application that fails', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('no database');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no database'))],
  ])('when upgrade %s the client gets 500 without details, and onError the error', async (_how, upgrade) => {
    await start({ upgrade: upgrade as unknown as () => undefined });
    const [client, { status, body }] = await RawClient.shake(server.port);
    expect(status).toBe(500);
    expect(body).not.toContain('database');
    expect(errors).toEqual([new Error('no database')]);
    expect(await client.rest()).toBe('');
  });

  test.each([
    [
      'a header that splits the response',
      { headers: { 'Set-Cookie': 'a=1\r\nX-Evil: 1' } },
      'header Set-Cookie',
    ],
    ['a header of the handshake', { headers: { 'Sec-WebSocket-Accept': 'x' } }, 'Sec-WebSocket-Accept'],
    ['a subprotocol that was not offered', { protocol: 'chat' }, 'option protocol is "chat"'],
    ['a boolean', false, 'upgrade returned false'],
    ['a list', [], 'upgrade returned an array of 0'],
  ])('when upgrade answers %s the client gets 500 and nothing of it', async (_what, decision, message) => {
    await start({ upgrade: (() => decision) as unknown as () => undefined });
    const [client, { status, head, body }] = await RawClient.shake(server.port);
    expect(status).toBe(500);
    expect(head + body).not.toMatch(/evil|accept/i);
    expect(String(errors[0])).toContain(message);
    await client[Symbol.asyncDispose]();
  });

  test('a handler that throws closes its own connection with 1011 and no other', async () => {
    await start(
      {},
      {
        message: (connection, message) => {
          if (message === 'fail') throw new Error('in the handler');
          return connection.send(message);
        },
      },
    );
    const [bad, good] = [await connect(server.url), await connect(server.url)];
    bad.send('fail');
    expect(await bad.closed).toMatchObject({ code: 1011, by: 'remote' });
    good.send('still here');
    for await (const message of good) {
      expect(message).toBe('still here');
      break;
    }
    expect(errors).toEqual([new Error('in the handler')]);
  });

  test('an open handler that throws, and a close handler that throws, harm nobody', async () => {
    await start(
      {},
      {
        open: () => {
          throw new Error('in open');
        },
        close: () => {
          throw new Error('in close');
        },
      },
    );
    const connection = await connect(server.url);
    expect(await connection.closed).toMatchObject({ code: 1011 });
    await until(() => errors.length === 2);
    expect(errors).toEqual([new Error('in open'), new Error('in close')]);
  });

  test('an onError that throws harms nobody', async () => {
    await start({
      upgrade: () => {
        throw new Error('first');
      },
      onError: (error) => {
        errors.push(error);
        throw new Error('second');
      },
    });
    const { error } = console;
    const printed: unknown[] = [];
    console.error = (...values: unknown[]): void => void printed.push(...values);
    try {
      const [client, { status }] = await RawClient.shake(server.port);
      expect(status).toBe(500);
      await client[Symbol.asyncDispose]();
    } finally {
      console.error = error;
    }
    expect(printed).toEqual([new Error('second')]);
  });
});

describe('clients that leave or attack', () => {
  test('a client that leaves while upgrade decides aborts the signal, and no connection comes about', async () => {
    for (const leave of ['end', 'reset'] as const) {
      const decision = deferred<undefined>();
      const asked = deferred<undefined>();
      const aborted = deferred<unknown>();
      let opened = 0;
      await start(
        {
          upgrade: async ({ signal }) => {
            signal.addEventListener('abort', () => aborted.resolve(signal.reason));
            asked.resolve(undefined);
            await decision.promise;
          },
        },
        { open: () => opened++ },
      );
      const client = await RawClient.open(server.port);
      client.write(handshake());
      await asked.promise;
      if (leave === 'end') client.socket.end();
      else client.reset();
      expect(await aborted.promise).toMatchObject({ code: 'WS_TRANSPORT_ENDED' });
      decision.resolve(undefined);
      await client.closed;
      expect([opened, server.connections.size]).toEqual([0, 0]);
      await server.close();
    }
  });

  test('a client that resets at any moment of the handshake harms nothing', async () => {
    await start(
      { upgrade: async () => Promise.resolve() },
      { open: (connection) => connection.send('hello') },
    );
    for (let round = 0; round < 30; round++) {
      const client = await RawClient.open(server.port);
      client.write(handshake());
      for (let turn = 0; turn < round % 6; turn++) {
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
      client.reset();
    }
    const connection = await connect(server.url);
    for await (const message of connection) {
      expect(message).toBe('hello');
      break;
    }
    await connection.close();
    await until(() => server.connections.size === 0);
    expect(errors).toEqual([]);
  });

  test('a flood of early frames is left to flow control while upgrade decides, and then all delivered', async () => {
    const decision = deferred<undefined>();
    const asked = deferred<undefined>();
    const count = 20_000;
    let received = 0;
    const done = deferred<undefined>();
    await start(
      {
        upgrade: () => {
          asked.resolve(undefined);
          return decision.promise;
        },
      },
      {
        message: (_connection, message) => {
          expect(message).toBe('x'.repeat(100));
          if (++received === count) done.resolve(undefined);
        },
      },
    );
    const client = await RawClient.open(server.port);
    client.write(handshake());
    const frame = textFrame('x'.repeat(100));
    client.write(Buffer.concat(Array.from({ length: count }, () => frame)));
    await asked.promise;
    await until(() => client.socket.bytesWritten > 64 * 1024);
    decision.resolve(undefined);
    await done.promise;
    expect(received).toBe(count);
    await client[Symbol.asyncDispose]();
  });

  test('what a client sends while upgrade decides is not read without end', async () => {
    const asked = deferred<undefined>();
    await start({
      upgrade: () => {
        asked.resolve(undefined);
        return new Promise<undefined>(() => undefined);
      },
    });
    const client = await RawClient.open(server.port);
    client.write(handshake());
    await asked.promise;
    const piece = Buffer.alloc(1_000_000);
    for (let count = 0; count < 64; count++) client.write(piece);
    // The system's own buffers take a part of it; then nothing moves any more.
    let stillTurns = 0;
    let waitingBytes = client.socket.writableLength;
    await until(() => {
      stillTurns = client.socket.writableLength === waitingBytes ? stillTurns + 1 : 0;
      waitingBytes = client.socket.writableLength;
      return waitingBytes === 0 || stillTurns === 500;
    });
    expect(waitingBytes).toBeGreaterThan(30_000_000);
    await client[Symbol.asyncDispose]();
  });

  test('more headers than allowed are refused with 431, as many as allowed are not', async () => {
    await start({ maxHeaderCount: 10 });
    const extra = (count: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`X-${index}`, 'x']));
    const [first, { status }] = await RawClient.shake(server.port, '/', extra(5));
    const [second, refused] = await RawClient.shake(server.port, '/', extra(6));
    expect([status, refused.status]).toEqual([101, 431]);
    expect(refused.body).toContain('more than 10 headers');
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
  });

  test('ten thousand headers are refused with 431, on a server of somebody else too', async () => {
    await start();
    const neighbour = createServer();
    neighbour.listen(0, '127.0.0.1');
    await once(neighbour, 'listening');
    const attached = await serve({ server: neighbour });
    const headers = Array.from({ length: 10_000 }, (_, index) => `X-${index}: x\r\n`).join('');
    for (const port of [server.port, (neighbour.address() as AddressInfo).port]) {
      const client = await RawClient.open(port);
      client.write(handshake().replace('\r\n\r\n', `\r\n${headers}\r\n`));
      expect((await client.response()).status).toBe(431);
      await client[Symbol.asyncDispose]();
    }
    await attached.close();
    neighbour.close();
    await (await connect(server.url)).close();
  });
});
