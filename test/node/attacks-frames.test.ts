// Attacks on an open connection with raw sockets: floods of tiny messages, fragments and pings, peers that vanish, never
// read or never answer. Each ends, or is held back, within a stated memory and time, and somebody else on the same server
// does not notice. More of them stand in attacks.test.ts, those on compression in attacks-deflate.

import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ClosedInfo } from '../../src/connection/end-reason.ts';
import type { Connection } from '../../src/connection/connection.ts';
import { bufferMemory } from '../../src/node/buffer-memory.ts';
import { connect } from '../../src/node/connect.ts';
import { serve, type ServeOptions } from '../../src/node/serve.ts';
import type { WebSocketServer } from '../../src/node/web-socket-server.ts';
import type { ServerConnection } from '../../src/server/server-connection.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import { heldBytes } from './held-memory.ts';
import { RawClient, textFrame, until } from './raw-client.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const { maxBytes } = bufferMemory;
// What a connection takes with the attacker's own socket, as measured: 10 to 20 KiB.
const connectionBytes = 32 * KiB;

let clock: FakeClock;
let server: WebSocketServer;
let bystander: Connection;
let replies: string[];
let heard: number;
let ends: ClosedInfo[];

/** Starts a server that echoes at /, and one endpoint more without limits for somebody who is not attacking. */
async function start(options: Partial<ServeOptions> = {}): Promise<void> {
  clock = new FakeClock();
  replies = [];
  heard = 0;
  ends = [];
  const target = { port: 0, host: '127.0.0.1' };
  const endpoint: ServeOptions = {
    ...target,
    path: '/',
    clock,
    pingIntervalMs: 0,
    ...options,
  } as ServeOptions;
  server = await serve(endpoint, {
    message: (connection, message) => {
      heard++;
      void connection.send(message);
    },
    close: (_, info) => void ends.push(info),
  });
  const { pingIntervalMs = 0 } = options;
  server.endpoint(
    '/bystander',
    { pingIntervalMs },
    { message: (connection, message) => void connection.send(message) },
  );
  bystander = await connect(
    `${server.url}/bystander`,
    {},
    { message: (_, message) => void replies.push(String(message)) },
  );
}

beforeEach(() => {
  bufferMemory.maxBytes = maxBytes;
});

afterEach(async () => {
  bufferMemory.maxBytes = maxBytes;
  const closed = server.close({ timeoutMs: 1 });
  await settleSockets();
  clock.advance(20_000);
  await closed;
  expect(clock.pendingTimers).toBe(0);
});

async function expectUnharmed(): Promise<void> {
  const count = replies.length;
  bystander.send(`still there? ${count}`);
  await until(() => replies.length > count);
  expect(replies.at(-1)).toBe(`still there? ${count}`);
}

/** The attacker's connection, and how the server sees it. */
async function attack(): Promise<[RawClient, ServerConnection<unknown>]> {
  const known = new Set(server.connections);
  const [client] = await RawClient.shake(server.port);
  const connection = [...server.connections].find((other) => !known.has(other));
  if (connection === undefined) throw new Error('no connection came about');
  return [client, connection];
}

function repeat(frame: Uint8Array, count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => frame));
}

/** Lets the loop turn so often that whatever can move has moved. */
async function settleSockets(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}

const tinyMessage = Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61]);
const emptyMessage = Buffer.from([0x81, 0x80, 0, 0, 0, 0]);
const emptyPing = Buffer.from([0x89, 0x80, 0, 0, 0, 0]);
const openingFragment = Buffer.from([0x01, 0x80, 0, 0, 0, 0]);
const emptyFragment = Buffer.from([0x00, 0x80, 0, 0, 0, 0]);
const tinyFragment = Buffer.from([0x00, 0x81, 0, 0, 0, 0, 0x61]);

describe('a flood', () => {
  test.each<[string, Buffer, number]>([
    ['of messages of one byte', tinyMessage, 3],
    ['of empty messages', emptyMessage, 2],
    ['of empty pings', emptyPing, 2],
  ])('%s leaves turns to others, and holds nothing when it is over', async (_, frame, replyBytes) => {
    await start();
    const before = await heldBytes();
    const [client, connection] = await attack();
    const count = 200_000;
    const flood = repeat(frame, count);
    let received = 0;
    client.socket.removeAllListeners('data');
    client.socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    client.socket.write(flood);
    await expectUnharmed();
    // The bystander did not have to wait for all of it.
    expect(received).toBeLessThan(count * replyBytes);
    await until(() => received === count * replyBytes);
    expect(connection.bufferedAmount).toBe(0);
    expect((await heldBytes()) - before - flood.length).toBeLessThan(4 * MiB);
    client.socket.destroy();
  });

  test('of empty fragments of one message holds nothing and ends with 1009', async () => {
    await start();
    const [client] = await attack();
    const flood = repeat(emptyFragment, 100_000);
    const before = await heldBytes();
    client.write(openingFragment);
    client.write(flood);
    await expectUnharmed();
    await settleSockets();
    expect((await heldBytes()) - before).toBeLessThan(2 * MiB);
    expect(ends).toEqual([]);
    client.write(flood);
    expect(await client.closeCode()).toBe(1009);
    // It does not end its side: the time for that is over at some point.
    clock.advance(5_000);
    await until(() => ends.length > 0);
    expect(ends[0].cause).toMatchObject({ code: 'WS_MESSAGE_TOO_FRAGMENTED' });
    await expectUnharmed();
  });

  test('of fragments of one byte holds little more than these bytes', async () => {
    await start();
    const clients: RawClient[] = [];
    const flood = Buffer.concat([openingFragment, repeat(tinyFragment, 20_000)]);
    for (let index = 0; index < 20; index++) clients.push((await attack())[0]);
    const before = await heldBytes();
    for (const client of clients) client.write(flood);
    await expectUnharmed();
    await settleSockets();
    // 20 messages of 20,000 bytes so far, in memory that grows by doubling.
    expect((await heldBytes()) - before).toBeLessThan(20 * 2 * 32 * KiB + 2 * MiB);
    for (const { socket } of clients) socket.destroy();
    await until(() => ends.length === 20);
    await expectUnharmed();
  });

  test('beyond a rate ends with 1008, and its handler was called as often as it may be', async () => {
    await start({ messageRate: { perSecond: 100, burst: 1000, exceeded: 'close' } });
    const [client] = await attack();
    client.socket.removeAllListeners('data');
    client.socket.resume();
    client.write(repeat(tinyMessage, 200_000));
    await until(() => server.connections.size === 2 && heard === 1000);
    await expectUnharmed();
    clock.advance(5_000);
    await until(() => ends.length > 0);
    expect(heard).toBe(1000);
    expect(ends[0]).toMatchObject({ code: 1008, by: 'local', cause: { code: 'WS_RATE_EXCEEDED' } });
    await expectUnharmed();
    client.socket.destroy();
  });

  test.each<[string, Partial<ServeOptions>]>([
    ['messages', { messageRate: { perSecond: 100, burst: 1000 } }],
    ['bytes', { byteRate: { perSecond: 700, burst: 70_000 } }],
  ])('beyond a rate of %s is felt by who sends it, and costs the server one read', async (_, options) => {
    await start(options);
    const [client, connection] = await attack();
    client.socket.removeAllListeners('data');
    client.socket.resume();
    // More than the buffers of the system hold.
    const flood = repeat(repeat(tinyMessage, 3000), 1000);
    const before = await heldBytes();
    client.socket.write(flood);
    await expectUnharmed();
    await settleSockets();
    const heardAtOnce = heard;
    // A read has up to 128 KiB, and may go beyond the burst once.
    expect(heardAtOnce).toBeLessThanOrEqual(10_000);
    expect(client.socket.writableLength).toBeGreaterThan(0);
    // One read is kept, and not read on.
    expect((await heldBytes()) - before).toBeLessThan(2 * MiB);
    clock.advance(200_000);
    await settleSockets();
    expect(heard).toBeGreaterThan(heardAtOnce + 9_000);
    expect(heard).toBeLessThan(heardAtOnce + 40_000);
    expect(connection.readyState).toBe('open');
    await expectUnharmed();
    client.socket.destroy();
  });

  test('of the connections with one key is as much as one of them may send', async () => {
    await start({
      messageRate: { perSecond: 0.001, burst: 500, exceeded: 'close' },
      rateKey: ({ remoteAddress }) => remoteAddress,
    });
    for (let index = 0; index < 10; index++) {
      const [client] = await attack();
      client.write(repeat(tinyMessage, 60));
      await until(() => heard === Math.min(500, (index + 1) * 60));
    }
    clock.advance(5_000);
    await until(() => ends.length > 0);
    expect(heard).toBe(500);
    expect(ends[0]).toMatchObject({ code: 1008 });
    await expectUnharmed();
  });
});

describe('in time', () => {
  test('a peer that vanishes is noticed, and one that answers lives on', async () => {
    await start({ pingIntervalMs: 25_000 });
    const [client, connection] = await attack();
    // It acknowledges nothing any more as far as the server can see: no pong comes.
    client.socket.pause();
    const watched = [...server.connections].find((other) => other !== connection);
    clock.advance(25_000);
    await until(() => watched?.latencyMs !== undefined);
    clock.advance(19_999);
    await settleSockets();
    expect(connection.readyState).toBe('open');
    clock.advance(1);
    await until(() => ends.length > 0);
    expect(ends[0].cause).toMatchObject({ code: 'WS_KEEP_ALIVE_TIMEOUT' });
    await expectUnharmed();
    client.socket.destroy();
  });

  test('half-open peers hold little until they are noticed, and nothing afterwards', async () => {
    const peers = 200;
    await start({ pingIntervalMs: 25_000 });
    // In steps that leave the bystander time to answer its pings.
    const pass = async (durationMs: number): Promise<void> => {
      for (let passedMs = 0; passedMs < durationMs; passedMs += 5_000) {
        clock.advance(5_000);
        await settleSockets();
      }
    };
    const vanish = async (before: number): Promise<void> => {
      const sockets: Socket[] = [];
      for (let index = 0; index < peers; index++) {
        const [{ socket }, connection] = await attack();
        socket.pause();
        // What was under way when the line went dead: to the peer, and from it.
        void connection.send('x'.repeat(1000));
        socket.write(Buffer.concat([openingFragment, repeat(tinyFragment, 100)]));
        sockets.push(socket);
      }
      await settleSockets();
      expect((await heldBytes()) - before).toBeLessThan(peers * connectionBytes);
      await pass(25_000);
      // A ping to each holds nothing more.
      expect((await heldBytes()) - before).toBeLessThan(peers * connectionBytes);
      await expectUnharmed();
      while (ends.length < peers) await pass(5_000);
      for (const { cause } of ends.splice(0)) expect(cause).toMatchObject({ code: 'WS_KEEP_ALIVE_TIMEOUT' });
      for (const socket of sockets) socket.destroy();
      await settleSockets();
    };
    // The first time makes what is kept for all: code, and the buffers in which so many pings leave in one turn.
    await vanish(Infinity);
    const before = await heldBytes();
    await vanish(before);
    expect((await heldBytes()) - before).toBeLessThan(peers * 2 * KiB);
    await expectUnharmed();
  });

  test('a close that is never answered ends after five seconds', async () => {
    await start();
    const [client, connection] = await attack();
    void connection.close(4000);
    expect(await client.closeCode()).toBe(4000);
    // It goes on as if nothing had been said.
    client.write(repeat(tinyMessage, 1000));
    clock.advance(4_999);
    await settleSockets();
    expect(connection.readyState).toBe('closing');
    await expectUnharmed();
    clock.advance(1);
    await until(() => ends.length > 0);
    expect(ends[0].cause).toMatchObject({ code: 'WS_CLOSE_TIMEOUT' });
    await client.rest();
  });

  test('a peer that reads nothing and answers no close either', async () => {
    await start();
    const [{ socket }, connection] = await attack();
    socket.pause();
    while (connection.bufferedAmount < MiB) {
      void connection.send(new Uint8Array(64 * KiB));
      await settleSockets();
    }
    void connection.close();
    clock.advance(5_000);
    await until(() => ends.length > 0);
    expect(ends[0].cause).toMatchObject({ code: 'WS_CLOSE_TIMEOUT' });
    expect(connection.bufferedAmount).toBe(0);
    await expectUnharmed();
    socket.destroy();
  });
});

describe('the memory of the process', () => {
  test('is taken from the peer that stopped reading with 15 MiB, and from none of a hundred others', async () => {
    await start({ maxQueuedBytes: 64 * MiB });
    const [{ socket }, stalled] = await attack();
    socket.pause();
    const received: number[] = [];
    for (let index = 0; index < 100; index++) {
      const [client] = await attack();
      received[index] = 0;
      client.socket.removeAllListeners('data');
      client.socket.on('data', (chunk: Buffer) => {
        received[index] += chunk.length;
      });
    }
    const healthy = [...server.connections].filter((other) => other !== stalled);
    bufferMemory.maxBytes = 12 * MiB;
    const shedBefore = bufferMemory.shedConnections;
    const message = new Uint8Array(64 * KiB);
    let mostHeld = 0;
    let sent = 0;
    while (ends.length === 0) {
      for (let index = 0; index < 16; index++) void stalled.send(message);
      for (const connection of healthy) if (connection !== stalled) void connection.send('x'.repeat(125));
      sent++;
      mostHeld = Math.max(mostHeld, stalled.bufferedAmount);
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
      expect(mostHeld).toBeLessThan(15 * MiB);
    }
    expect(ends).toHaveLength(1);
    expect(ends[0].cause).toMatchObject({ code: 'WS_MEMORY_SHED' });
    expect(mostHeld).toBeGreaterThan(8 * MiB);
    expect(bufferMemory.shedConnections - shedBefore).toBe(1);
    expect(bufferMemory.heldBytes).toBe(0);
    expect(healthy.every(({ readyState }) => readyState === 'open')).toBe(true);
    await until(() => received.every((bytes) => bytes === sent * 127));
    await expectUnharmed();
    socket.destroy();
  });

  test('is taken from those whose messages never end, the longest first', async () => {
    await start();
    bufferMemory.maxBytes = 8 * MiB;
    const [small] = await attack();
    const [large] = await attack();
    const fragment = (byteLength: number): Buffer => {
      const header = Buffer.from([0x02, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
      header.writeUInt32BE(byteLength, 6);
      return Buffer.concat([header, Buffer.alloc(byteLength)]);
    };
    small.write(fragment(MiB));
    large.write(fragment(12 * MiB));
    expect(await large.closeCode()).toBe(1013);
    expect(bufferMemory.heldBytes).toBeLessThan(4 * MiB);
    clock.advance(5_000);
    await until(() => ends.length > 0);
    expect(ends).toHaveLength(1);
    expect(ends[0].cause).toMatchObject({ code: 'WS_MEMORY_SHED' });
    await expectUnharmed();
    // The small one may go on.
    small.write(textFrame('').fill(0x80, 0, 1));
    expect((await small.bytes(10))[0]).toBe(0x82);
    large.socket.destroy();
    small.socket.destroy();
  });
});
