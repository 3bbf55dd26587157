// Attacks on the opening handshake with raw sockets: what is slow, silent, too long or too much ends in time, holds no
// more memory than it may, and somebody else on the same server does not notice. Deadlines one by one stand in
// handshake-deadline, floods of one address in handshake-limits, malformed heads in http-head-parser.

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Connection } from '../../src/connection/connection.ts';
import { connect } from '../../src/node/connect.ts';
import { serve } from '../../src/node/serve.ts';
import type { WebSocketServer } from '../../src/node/web-socket-server.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import { heldBytes } from './held-memory.ts';
import { deferred, handshake, RawClient, until } from './raw-client.ts';

const KiB = 1024;
// What a socket of the attacker and its counterpart take by themselves, as measured: 10 to 20 KiB.
const socketPairBytes = 32 * KiB;
const attackers = 100;

let clock: FakeClock;
let server: WebSocketServer;
let bystander: Connection;
let replies: string[];

beforeEach(async () => {
  clock = new FakeClock();
  replies = [];
  server = await serve(
    {
      port: 0,
      host: '127.0.0.1',
      clock,
      pingIntervalMs: 0,
      upgrade: ({ url }) => (url.pathname === '/slow' ? new Promise<undefined>(() => undefined) : undefined),
    },
    { message: (connection, message) => void connection.send(message) },
  );
  bystander = await connect(
    server.url,
    { pingIntervalMs: 0 },
    { message: (_, message) => void replies.push(String(message)) },
  );
});

afterEach(async () => {
  const closed = server.close({ timeoutMs: 1 });
  await until(() => clock.pendingTimers > 0 || server.connections.size === 0);
  clock.advance(20_000);
  await closed;
  expect(clock.pendingTimers).toBe(0);
});

async function expectUnharmed(): Promise<void> {
  const count = replies.length;
  bystander.send(`still there? ${count}`);
  await until(() => replies.length > count);
  expect(replies.at(-1)).toBe(`still there? ${count}`);
  // And somebody new gets in.
  const [client, { status }] = await RawClient.shake(server.port);
  expect(status).toBe(101);
  client.socket.destroy();
}

/** Opens the sockets of the attack, and waits until the server has all of them. */
async function open(count: number): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let index = 0; index < count; index++) clients.push(await RawClient.open(server.port));
  return clients;
}

/** Writes to all of them and waits until it has left. */
async function writeAll(clients: readonly RawClient[], bytes: string | Uint8Array): Promise<void> {
  const writes = clients.map(({ socket }) => {
    const written = deferred<undefined>();
    socket.write(bytes, () => written.resolve(undefined));
    return written.promise;
  });
  await Promise.all(writes);
  for (let turn = 0; turn < 20; turn++) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}

async function statusesOf(clients: readonly RawClient[]): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  for (const client of clients) {
    const { status } = await client.response();
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  return statuses;
}

test('a byte a second on many sockets is cut for all of them after ten seconds', async () => {
  const before = await heldBytes();
  const clients = await open(attackers);
  const head = handshake();
  for (let second = 0; second < 9; second++) {
    await writeAll(clients, head[second]);
    clock.advance(1000);
  }
  expect((await heldBytes()) - before).toBeLessThan(attackers * socketPairBytes);
  expect(clients.filter(({ socket }) => socket.destroyed)).toEqual([]);
  await expectUnharmed();
  clock.advance(1000);
  expect(await statusesOf(clients)).toEqual(new Map([[408, attackers]]));
  for (const client of clients) expect(await client.rest()).toBe('');
  await expectUnharmed();
});

test('silence on many sockets holds nothing and is cut for all of them after ten seconds', async () => {
  const before = await heldBytes();
  const clients = await open(attackers);
  expect((await heldBytes()) - before).toBeLessThan(attackers * socketPairBytes);
  await expectUnharmed();
  clock.advance(10_000);
  expect(await statusesOf(clients)).toEqual(new Map([[408, attackers]]));
  await expectUnharmed();
});

test('heads that come up to their limit and never end hold no more than the limit, and end in time', async () => {
  const before = await heldBytes();
  const clients = await open(attackers);
  const start = 'GET / HTTP/1.1\r\nX-Long: ';
  await writeAll(clients, start + 'a'.repeat(16 * KiB - 1 - start.length));
  expect((await heldBytes()) - before).toBeLessThan(attackers * (socketPairBytes + 2 * 16 * KiB));
  await expectUnharmed();
  clock.advance(10_000);
  expect(await statusesOf(clients)).toEqual(new Map([[408, attackers]]));
  await expectUnharmed();
});

test.each<[string, string]>([
  ['one header of a megabyte', `X-Long: ${'a'.repeat(1024 * KiB)}\r\n`],
  ['a hundred thousand headers', 'A: b\r\n'.repeat(100_000)],
  ['a hundred thousand empty lists', `Connection: ${','.repeat(100_000)}\r\n`],
])('%s on many sockets is refused with 431 and not kept', async (_, headers) => {
  const before = await heldBytes();
  const clients = await open(20);
  const head = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${headers}`);
  for (const { socket } of clients) socket.write(head);
  expect(await statusesOf(clients)).toEqual(new Map([[431, 20]]));
  // The system may hold what the attackers still want to say; the server has one read of each at the most.
  expect((await heldBytes()) - before - head.length).toBeLessThan(20 * (socketPairBytes + 64 * KiB));
  await expectUnharmed();
  clock.advance(2000);
});

test('a body that trickles is not waited for: the answer comes at once, and the end two seconds later', async () => {
  const clients = await open(attackers);
  await writeAll(clients, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\nh');
  expect(await statusesOf(clients)).toEqual(new Map([[426, attackers]]));
  const before = await heldBytes();
  const piece = Buffer.alloc(64 * KiB);
  await writeAll(clients, piece);
  expect((await heldBytes()) - before).toBeLessThan(attackers * 4 * KiB);
  await expectUnharmed();
  clock.advance(2000);
  await Promise.all(
    clients.map(async (client) => {
      expect(await client.rest()).toBe('');
    }),
  );
  expect(clock.pendingTimers).toBe(0);
});

test('a handshake with a body is refused, and what follows it is not taken for frames', async () => {
  const clients = await open(attackers);
  const head = handshake('/', { 'Content-Length': '1000000000' });
  await writeAll(clients, head);
  expect(await statusesOf(clients)).toEqual(new Map([[400, attackers]]));
  expect(server.connections.size).toBe(1);
  await expectUnharmed();
  clock.advance(2000);
});

test('what is sent while a decision takes its time is bounded, and so is the time', async () => {
  const clients = await open(20);
  await writeAll(clients, handshake('/slow'));
  const piece = Buffer.alloc(4 * 1024 * KiB);
  const before = await heldBytes();
  for (const { socket } of clients) socket.write(piece);
  await expectUnharmed();
  // 64 KiB for each and one read more; the rest stays with the attackers.
  expect((await heldBytes()) - before).toBeLessThan(20 * 2 * 64 * KiB + 1024 * KiB);
  await expectUnharmed();
  clock.advance(10_000);
  expect(await statusesOf(clients)).toEqual(new Map([[503, 20]]));
  clock.advance(2000);
});
