// Plain sockets of a server read into one shared buffer where Node allows it, by 'data' events where not. The same
// behaviour is asked of both ways, and of TLS.

import { once } from 'node:events';
import { connect as connectSocket, createServer, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { connect, serve, type WebSocketServer } from '../../src/index.ts';
import { selfSignedCertificate } from './certificate.ts';
import type * as SharedReadBuffer from '../../src/node/shared-read-buffer.ts';
import type { Connection } from '../../src/connection/connection.ts';

const isShared = vi.hoisted(() => ({ value: true, used: 0 }));

vi.mock(import('../../src/node/shared-read-buffer.ts'), async (importOriginal) => {
  const original = await importOriginal();
  return {
    readIntoSharedBuffer: (socket: unknown, received: SharedReadBuffer.SharedReadCallback): boolean => {
      if (!isShared.value) return false;
      const isUsed = original.readIntoSharedBuffer(socket, received);
      if (isUsed) isShared.used++;
      return isUsed;
    },
  };
});

const { readIntoSharedBuffer } = await vi.importActual<typeof SharedReadBuffer>(
  '../../src/node/shared-read-buffer.ts',
);

async function take(connection: Connection, count: number): Promise<(string | Uint8Array)[]> {
  const messages: (string | Uint8Array)[] = [];
  for await (const message of connection) {
    messages.push(message);
    if (messages.length === count) break;
  }
  return messages;
}

describe.each([
  ['through the shared buffer', true],
  ["through 'data' events", false],
])('%s', (_, value) => {
  let server: WebSocketServer;
  const clients: Connection[] = [];

  beforeEach(() => {
    isShared.value = value;
    isShared.used = 0;
  });

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((open) => open.close()));
    await server.close();
    expect(isShared.used > 0).toBe(value);
  });

  async function client(): Promise<Connection> {
    const connection = await connect(server.url, { maxQueuedBytes: 64 * 1024 * 1024 });
    clients.push(connection);
    return connection;
  }

  // Content by which every byte tells its message and place.
  function content(seed: number, byteLength: number): Uint8Array {
    return Uint8Array.from(
      { length: byteLength },
      (__, index) => (seed * 31 + index * 7 + (index >> 8)) & 0xff,
    );
  }

  test('messages of all sizes are kept by a handler that keeps them, none is overwritten by a later read', async () => {
    const kept: (string | Uint8Array)[] = [];
    server = await serve({ port: 0, host: '127.0.0.1' }, { message: (__, message) => kept.push(message) });
    const connection = await client();
    const sizes = [0, 1, 125, 126, 127, 128, 1_000, 5_000, 32_768, 32_769, 65_523, 65_536, 70_000, 300_000];
    const sent = [...sizes, ...sizes].map((size, seed) => content(seed, size));
    for (const message of sent) await connection.send(message);
    await connection.close();
    await vi.waitFor(() => expect(kept).toHaveLength(sent.length));
    for (const [index, message] of kept.entries()) {
      expect(Buffer.compare(Buffer.from(message), sent[index]), `message ${index}`).toBe(0);
    }
  });

  test.each(['copied', 'borrowed'] as const)(
    'echoes of %s messages come back whole, although the peer reads late and others write meanwhile',
    async (binaryMessages) => {
      server = await serve(
        {
          port: 0,
          host: '127.0.0.1',
          binaryMessages,
          pauseOnBackpressure: false,
          maxQueuedBytes: 64 * 1024 * 1024,
        },
        { message: (connection, message) => connection.send(message) },
      );
      const [late, busy] = [await client(), await client()];
      const count = 300;
      late.pause();
      for (let seed = 0; seed < count; seed++) void late.send(content(seed, 60_000));
      for (let seed = 0; seed < 50; seed++) await busy.send(new Uint8Array(60_000).fill(0xdb));
      expect(await take(busy, 50)).toHaveLength(50);
      late.resume();
      const echoes = await take(late, count);
      for (const [seed, echo] of echoes.entries()) {
        expect(Buffer.compare(Buffer.from(echo), content(seed, 60_000)), `echo ${seed}`).toBe(0);
      }
    },
    30_000,
  );

  test('pausing is felt by the peer, and nothing is lost or reordered', async () => {
    const seen: number[] = [];
    let paused: { resume(): void } | undefined;
    server = await serve(
      { port: 0, host: '127.0.0.1' },
      {
        message: (connection, message) => {
          seen.push(message.length);
          if (seen.length === 10) {
            connection.pause();
            paused = connection;
          }
        },
      },
    );
    const connection = await client();
    for (let index = 0; index < 2_000; index++) void connection.send(new Uint8Array(10_000 + index));
    await vi.waitFor(() => expect(paused).toBeDefined());
    // More than the kernel holds is stuck at the sender: the pause has reached it.
    await vi.waitFor(() => expect(connection.bufferedAmount).toBeGreaterThan(1_000_000));
    expect(seen).toHaveLength(10);
    paused?.resume();
    await vi.waitFor(() => expect(seen).toHaveLength(2_000), 10_000);
    expect(seen).toEqual(Array.from({ length: 2_000 }, (__, index) => 10_000 + index));
  });

  test('the end of the peer and a reset are told apart', async () => {
    const ends: (string | undefined)[] = [];
    server = await serve(
      { port: 0, host: '127.0.0.1' },
      {
        close: (__, info) =>
          ends.push(info.cause && 'code' in info.cause ? String(info.cause.code) : undefined),
      },
    );
    const open = async (): Promise<Socket> => {
      const socket = connectSocket(server.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(
        `GET / HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      );
      await once(socket, 'data');
      return socket;
    };
    (await open()).end();
    await vi.waitFor(() => expect(ends).toEqual(['WS_TRANSPORT_ENDED']));
    (await open()).resetAndDestroy();
    await vi.waitFor(() => expect(ends).toEqual(['WS_TRANSPORT_ENDED', 'WS_TRANSPORT_FAILED']));
  });

  test('the server closes and counts as ever', async () => {
    server = await serve(
      { port: 0, host: '127.0.0.1' },
      { message: (connection, message) => connection.send(message) },
    );
    const connection = await client();
    connection.send('x');
    expect(await take(connection, 1)).toEqual(['x']);
    const [accepted] = server.connections;
    expect(accepted.remoteAddress).toBe('127.0.0.1');
    expect(server.connections.size).toBe(1);
    await server.close();
    expect(server.connections.size).toBe(0);
    expect((await connection.closed).code).toBe(1001);
  });
});

describe('TLS', () => {
  test.each([true, false])('messages of many records keep their order (shared: %s)', async (value) => {
    isShared.value = value;
    isShared.used = 0;
    const { key, cert } = selfSignedCertificate();
    await using server = await serve(
      { port: 0, host: '127.0.0.1', tls: { key, cert } },
      { message: (connection, message) => connection.send(message) },
    );
    const client = await connect(`wss://127.0.0.1:${server.port}`, { tls: { ca: cert } });
    const messages = ['a', 'b'.repeat(100_000), '', 'c'.repeat(16_384), 'd'];
    for (const message of messages) client.send(message);
    expect(await take(client, messages.length)).toEqual(messages);
    // The server's side and the client's.
    expect(isShared.used).toBe(value ? 2 : 0);
    await client.close();
  });
});

describe('detection', () => {
  const nobody = (): void => undefined;

  test('declines what is no socket, or not connected', () => {
    expect(readIntoSharedBuffer(new Duplex(), nobody)).toBe(false);
    expect(readIntoSharedBuffer(undefined, nobody)).toBe(false);
    expect(readIntoSharedBuffer(new Socket(), nobody)).toBe(false);
  });

  test('declines a socket that reads into a buffer of its own already', async () => {
    const listener = createServer((socket) => socket.end('x')).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const address = listener.address();
    if (address === null || typeof address === 'string') throw new Error('expected a port');
    const seen: number[] = [];
    const callback = (byteLength: number): boolean => seen.push(byteLength) > 0;
    const socket = connectSocket({ port: address.port, onread: { buffer: new Uint8Array(8), callback } });
    await once(socket, 'connect');
    expect(readIntoSharedBuffer(socket, nobody)).toBe(false);
    socket.resume();
    await once(socket, 'close');
    expect(seen).toEqual([1]);
    listener.close();
  });
});
