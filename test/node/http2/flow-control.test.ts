import { afterEach, describe, expect, test } from 'vitest';
import { serve } from '../../../src/node/serve.ts';
import { connect } from '../../../src/node/connect.ts';
import { Http2Sessions } from '../../../src/node/http2/http2-sessions.ts';
import type { ServerConnection } from '../../../src/server/server-connection.ts';
import type { WebSocketServer } from '../../../src/node/web-socket-server.ts';
import type { ServerHandlers } from '../../../src/server/server-options.ts';
import { selfSignedCertificate } from '../certificate.ts';
import { deferred, textFrame, until } from '../raw-client.ts';
import { RawSession, type ServerSettings } from './raw-session.ts';

const certificate = selfSignedCertificate();
let server: WebSocketServer;

afterEach(async () => {
  await server.close({ timeoutMs: 0 });
});

async function listen(options: ServerSettings, handlers: ServerHandlers<unknown>): Promise<RawSession> {
  const base = { port: 0, host: '127.0.0.1', tls: certificate };
  server = await serve<unknown>({ ...base, ...options }, handlers);
  return RawSession.open(server.port);
}

/** A masked binary frame of any length. */
function binaryFrame(payloadBytes: number): Buffer {
  const head = Buffer.alloc(14);
  head[0] = 0x82;
  head[1] = 0xff;
  head.writeBigUInt64BE(BigInt(payloadBytes), 2);
  return Buffer.concat([head, Buffer.alloc(payloadBytes, 0x61)]);
}

async function expectEcho(session: RawSession, times = 20): Promise<void> {
  const other = session.open('/echo');
  expect((await other.response)[':status']).toBe(200);
  for (let index = 0; index < times; index++) {
    other.stream.write(textFrame(`message ${index}`));
    expect(await other.text()).toBe(`message ${index}`);
  }
}

describe('a stream whose client does not read', () => {
  test('gets no more than its credit, and the other streams of the connection go on', async () => {
    const { promise, resolve } = deferred<ServerConnection<unknown>>();
    await using session = await listen(
      { path: '/:kind', maxQueuedBytes: 64 * 1024 * 1024 },
      {
        open: (connection) => {
          if (connection.url.pathname === '/stalled') resolve(connection);
        },
        message: (connection, message) => void connection.send(message),
      },
    );
    const stalled = session.open('/stalled');
    await stalled.response;
    stalled.stream.pause();
    const connection = await promise;
    const sent = new Uint8Array(1024 * 1024).fill(0x62);
    for (let count = 0; count < 8; count++) void connection.send(sent);
    await expectEcho(session);
    // Nothing is lost on the way: what the client did not give credit for waits with us.
    expect(connection.bufferedAmount).toBeGreaterThan(7 * 1024 * 1024);
    expect(stalled.stream.readableLength).toBeLessThan(256 * 1024);

    const drained = connection.send('the last');
    stalled.stream.resume();
    for (let count = 0; count < 8; count++) {
      const head = await stalled.bytes(10);
      expect([...head]).toEqual([0x82, 127, 0, 0, 0, 0, 0, 0x10, 0, 0]);
      expect((await stalled.bytes(1024 * 1024)).equals(sent)).toBe(true);
    }
    expect(await stalled.text()).toBe('the last');
    expect(await drained).toBe(true);
    expect(connection.bufferedAmount).toBe(0);
  });

  test('is cut at maxQueuedBytes with a named reason, without harm to the others', async () => {
    const { promise, resolve } = deferred<unknown>();
    await using session = await listen(
      { path: '/:kind', maxQueuedBytes: 1024 * 1024, highWaterMarkBytes: 64 * 1024 },
      {
        message: (connection, message) => void connection.send(message),
        open: (connection) => {
          if (connection.url.pathname === '/echo') return;
          for (let count = 0; count < 4; count++) void connection.send(new Uint8Array(512 * 1024));
        },
        close: (connection, info) => {
          if (connection.url.pathname !== '/echo') resolve(info.cause);
        },
      },
    );
    const stalled = session.open('/stalled');
    stalled.stream.pause();
    expect(await promise).toMatchObject({ code: 'WS_SEND_QUEUE_OVERFLOW' });
    await expectEcho(session);
  });

  test('that comes slowly to a large message shows progress, so that keep-alive does not cut it', async () => {
    const { promise, resolve } = deferred<ServerConnection<unknown>>();
    await using session = await listen({}, { open: resolve });
    const slow = session.open('/');
    await slow.response;
    slow.stream.pause();
    const connection = await promise;
    void connection.send(new Uint8Array(1024 * 1024));
    await until(() => slow.stream.readableLength > 0);
    const { bufferedAmount } = connection;
    let read = 0;
    slow.stream.on('data', (chunk: Buffer) => {
      read += chunk.length;
      // A third of the message, and more than a piece of it.
      if (read > 350 * 1024) slow.stream.pause();
    });
    slow.stream.resume();
    await until(() => connection.bufferedAmount < bufferedAmount - 200 * 1024);
    expect(connection.bufferedAmount).toBeGreaterThan(256 * 1024);
  });
});

describe('a stream that we do not read', () => {
  test('makes its client wait, retains little, and the other streams go on', async () => {
    const { promise, resolve } = deferred<ServerConnection<unknown>>();
    let received = 0;
    await using session = await listen(
      { path: '/:kind' },
      {
        open: (connection) => {
          if (connection.url.pathname !== '/stalled') return;
          connection.pause();
          resolve(connection);
        },
        message: (connection, message) => {
          if (connection.url.pathname === '/stalled') received += message.length;
          else void connection.send(message);
        },
      },
    );
    const stalled = session.open('/stalled');
    await stalled.response;
    const connection = await promise;
    const frames = 64;
    for (let count = 0; count < frames; count++) stalled.stream.write(binaryFrame(64 * 1024));
    await expectEcho(session);
    // The client still has nearly all of it.
    expect(stalled.stream.bufferSize).toBeGreaterThan(frames * 64 * 1024 - 512 * 1024);
    expect(received).toBe(0);
    connection.resume();
    await until(() => received === frames * 64 * 1024);
  });
});

describe('our client', () => {
  test('pauses one of two connections in a session, and the other goes on', async () => {
    const base = { port: 0, host: '127.0.0.1', tls: certificate };
    server = await serve(
      { ...base, maxQueuedBytes: 64 * 1024 * 1024 },
      { message: (connection, message) => void connection.send(message) },
    );
    using sessions = new Http2Sessions();
    const options = { tls: { ca: certificate.cert }, http2: sessions };
    const stalled = await connect(server.url, options);
    const lively = await connect(server.url, options);
    expect(sessions.size).toBe(1);
    stalled.pause();
    for (let count = 0; count < 16; count++) stalled.send(new Uint8Array(512 * 1024));
    for (let count = 0; count < 20; count++) {
      lively.send(`message ${count}`);
      for await (const message of lively) {
        expect(message).toBe(`message ${count}`);
        break;
      }
    }
    let received = 0;
    stalled.resume();
    for await (const message of stalled) {
      received += message.length;
      if (received === 16 * 512 * 1024) break;
    }
    await Promise.all([stalled.close(), lively.close()]);
  });
});
