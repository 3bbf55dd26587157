// Node's TLS has done with the memory of a write when the write returns: each Node that the tests run on is held to it, since buffers
// are used again on the strength of it. Whatever is overwritten at once arrives as it was written.

import { once } from 'node:events';
import { connect as connectSocket, Socket } from 'node:net';
import { connect, createServer, type Server, TLSSocket } from 'node:tls';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, expect, test } from 'vitest';
import { ownSocket } from '../../src/node/socket-owner.ts';
import { SocketTransport } from '../../src/node/socket-transport.ts';
import { encryptsAtOnce } from '../../src/node/tls-write.ts';
import { SeededRandom } from '../../src/testing.ts';
import { selfSignedCertificate } from './certificate.ts';

const certificate = selfSignedCertificate();
const opened: (Server | Socket)[] = [];
const ignore = (): void => undefined;
const silent = { received: ignore, ended: ignore, drained: ignore, closed: ignore };

function end(): void {
  for (const one of opened.splice(0)) {
    if (one instanceof Socket) one.destroy();
    else one.close();
  }
}

afterEach(end);
afterAll(end);

/** A server, and a client that may still be in the middle of its handshake. */
async function tlsPair(options: object = {}): Promise<[server: Promise<TLSSocket>, client: TLSSocket]> {
  const server = createServer({ ...certificate, ...options }).listen(0, '127.0.0.1');
  opened.push(server);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const accepted = once(server, 'secureConnection').then(([socket]: unknown[]) => {
    if (!(socket instanceof TLSSocket)) throw new Error('no TLS socket');
    opened.push(socket);
    return socket;
  });
  const client = connect({ port: address.port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  opened.push(client);
  client.on('error', ignore);
  return [accepted, client];
}

/** Writes chunks, and overwrites at once those that the transport says it has done with. */
function writeOnce(transport: SocketTransport, chunks: readonly Uint8Array[], expected: Buffer[]): boolean {
  expected.push(...chunks.map((chunk) => Buffer.from(chunk)));
  const isTaken = transport.write(chunks);
  if (isTaken) for (const chunk of chunks) chunk.fill(0xdb);
  return isTaken;
}

async function received(socket: TLSSocket, byteLength: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let count = 0;
  for await (const chunk of socket) {
    chunks.push(chunk);
    count += chunk.length;
    if (count >= byteLength) break;
  }
  return Buffer.concat(chunks);
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
  test(`what is overwritten when a write over ${maxVersion} returns arrives as it was written, whatever its size and whatever waits`, async () => {
    const [accepted, client] = await tlsPair({ maxVersion });
    const socket = await accepted;
    const transport = new SocketTransport(socket);
    transport.attach(silent);
    const random = new SeededRandom(7);
    const expected: Buffer[] = [];
    const sizes = [1, 100, 4096, 16_384, 16_385, 65_536, 70_000, 1_000_000];
    let taken = 0;
    const reading = received(client, Number.POSITIVE_INFINITY);
    for (let round = 0; round < 120; round++) {
      const chunks = Array.from({ length: 1 + random.below(3) }, () => {
        const size = sizes[random.below(round % 20 === 0 ? sizes.length : sizes.length - 2)];
        return Uint8Array.from({ length: size ?? 1 }, (_, index) => (round * 31 + index * 7) & 0xff);
      });
      // Some find all written, others find the one before still on its way.
      const waits = transport.bufferedBytes > 0;
      const isTaken = writeOnce(transport, chunks, expected);
      if (!waits) expect(isTaken).toBe(true);
      if (isTaken) taken++;
      if (random.below(2) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(taken).toBeGreaterThan(40);
    transport.end();
    const all = await reading;
    expect(all.equals(Buffer.concat(expected))).toBe(true);
  });
}

test('also what is written before the handshake is over, and in the middle of a renegotiation', async () => {
  const [accepted, client] = await tlsPair({ maxVersion: 'TLSv1.2' });
  const transport = new SocketTransport(client);
  transport.attach(silent);
  const expected: Buffer[] = [];
  const chunk = (seed: number): Uint8Array =>
    Uint8Array.from({ length: 20_000 }, (_, index) => (seed + index * 7) & 0xff);
  writeOnce(transport, [chunk(1)], expected);
  const server = await accepted;
  const reading = received(server, 60_000);
  await new Promise((resolve) => setImmediate(resolve));
  while (client.writableLength > 0) await new Promise((resolve) => setImmediate(resolve));
  const renegotiated = new Promise<void>((resolve, reject) => {
    client.renegotiate({ rejectUnauthorized: false }, (error) => (error ? reject(error) : resolve()));
  });
  writeOnce(transport, [chunk(2)], expected);
  await renegotiated;
  writeOnce(transport, [chunk(3)], expected);
  expect((await reading).equals(Buffer.concat(expected))).toBe(true);
});

test('only a TLS socket of Node whose write is its own is trusted so', async () => {
  const [accepted, client] = await tlsPair();
  const server = await accepted;
  expect([encryptsAtOnce(server), encryptsAtOnce(client)]).toEqual([true, true]);
  client.write = () => true;
  const plain = new Socket();
  opened.push(plain);
  const likeTls = Object.assign(new PassThrough(), { encrypted: true });
  expect([client, plain, likeTls, undefined].map(encryptsAtOnce)).toEqual([false, false, false, false]);
});

test('what waits in the stream, and what a corked stream is given, is not free', async () => {
  const [accepted] = await tlsPair();
  const socket = await accepted;
  const transport = new SocketTransport(socket);
  transport.attach(silent);
  socket.cork();
  expect(transport.write([new Uint8Array(100_000)])).toBe(false);
  socket.uncork();
  expect(transport.bufferedBytes).toBeGreaterThan(0);
  expect(transport.write([new Uint8Array(100_000)])).toBe(false);
});

test('behind much of one TLS record more is said to be likely, behind little and on plain sockets it is not', async () => {
  const [accepted, client] = await tlsPair();
  const heard: [isEncrypted: boolean, byteLength: number, isMoreLikely: boolean | undefined][] = [];
  const owner = (isEncrypted: boolean): Parameters<typeof ownSocket>[1] => ({
    received: (_bytes, byteLength, isMoreLikely) => void heard.push([isEncrypted, byteLength, isMoreLikely]),
    ended: ignore,
    failed: ignore,
    closed: ignore,
  });
  ownSocket(await accepted, owner(true));
  client.write(new Uint8Array(16_384 + 100));
  while (heard.reduce((sum, [, byteLength]) => sum + byteLength, 0) < 16_484)
    await new Promise((resolve) => setImmediate(resolve));
  expect(heard.at(-1)).toEqual([true, 100, false]);
  expect(heard.some(([, byteLength, isMoreLikely]) => byteLength >= 4096 && isMoreLikely === true)).toBe(
    true,
  );
  expect(heard.every(([, byteLength, isMoreLikely]) => isMoreLikely === byteLength >= 4096)).toBe(true);
  const { createServer: createPlain } = await import('node:net');
  heard.length = 0;
  const server = createPlain((socket) => {
    opened.push(socket);
    ownSocket(socket, owner(false));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const plain = connectSocket(address.port, '127.0.0.1');
  opened.push(plain);
  plain.write(new Uint8Array(16_384));
  while (heard.reduce((sum, [, byteLength]) => sum + byteLength, 0) < 16_384)
    await new Promise((resolve) => setImmediate(resolve));
  expect(heard.every(([, , isMoreLikely]) => isMoreLikely !== true)).toBe(true);
  server.close();
});
