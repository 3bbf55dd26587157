// What hostile peers do to a server over real sockets, and that others on it do not notice. The rows of slow handshakes,
// vanished peers, unanswered closes and SIGTERM stand in handshake-deadline, keep-alive, connection and cli/main.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ClosedInfo } from '../../src/connection/end-reason.ts';
import type { Connection } from '../../src/connection/connection.ts';
import { connect } from '../../src/node/connect.ts';
import { serve } from '../../src/node/serve.ts';
import type { WebSocketServer } from '../../src/node/web-socket-server.ts';
import { closeFrame, RawClient, textFrame, until } from './raw-client.ts';

const KiB = 1024;
let server: WebSocketServer;
let bystander: Connection;
let replies: string[];
let ends: ClosedInfo[];

beforeEach(async () => {
  ends = [];
  replies = [];
  server = await serve(
    { port: 0, host: '127.0.0.1', maxRetainedBytesTotal: 2048 * KiB, closeTimeoutMs: 200 },
    {
      message: (connection, message) => {
        if (message === 'close') void connection.close(4000);
        else void connection.send(message);
      },
      close: (_, info) => ends.push(info),
    },
  );
  bystander = await connect(
    server.url,
    {},
    {
      message: (_, message) =>
        replies.push(typeof message === 'string' ? message : `${message.length} bytes`),
    },
  );
});

afterEach(async () => {
  await server.close({ timeoutMs: 100 });
});

async function expectUnharmed(): Promise<void> {
  const count = replies.length;
  bystander.send('still there?');
  await until(() => replies.length > count);
  expect(replies.at(-1)).toBe('still there?');
}

function binaryFrame(byteLength: number): Buffer {
  const header = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(byteLength, 6);
  return Buffer.concat([header, Buffer.alloc(byteLength)]);
}

/** The attacker's connection, and how the server sees it. */
async function attack(): Promise<[RawClient, Connection<unknown>]> {
  const known = new Set<Connection<unknown>>(server.connections);
  const [client] = await RawClient.shake(server.port);
  const connection = [...server.connections].find((other) => !known.has(other));
  if (connection === undefined) throw new Error('no connection came about');
  return [client, connection];
}

/** Sends so much without reading that no buffer of the system holds the answers; then reads them all. */
async function sendWithoutReading(frame: Buffer, replyBytes: number): Promise<number> {
  const [{ socket }, connection] = await attack();
  socket.pause();
  socket.removeAllListeners('data');
  const frames = Math.ceil((24 * 1024 * KiB) / frame.length);
  const batch = Buffer.concat(Array.from({ length: 1000 }, () => frame));
  for (let left = frames; left > 0; left -= 1000) {
    socket.write(batch.subarray(0, Math.min(left, 1000) * frame.length));
  }
  await until(() => connection.bufferedAmount > 64 * KiB);
  await expectUnharmed();
  const mostBuffered = connection.bufferedAmount;
  let received = 0;
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
  });
  socket.resume();
  await until(() => received >= frames * replyBytes);
  expect(received).toBe(frames * replyBytes);
  socket.destroy();
  return mostBuffered;
}

describe('a peer that sends and never reads', () => {
  test('is not read any more when echoes wait, and loses none of them', async () => {
    const frame = Buffer.concat([Buffer.from([0x82, 0xfe, 0x40, 0, 0, 0, 0, 0]), Buffer.alloc(16 * KiB)]);
    expect(await sendWithoutReading(frame, 4 + 16 * KiB)).toBeLessThan(256 * KiB);
  });

  test('is not read any more when pongs wait, and loses none of them', async () => {
    const frame = Buffer.concat([Buffer.from([0x89, 0xfd, 0, 0, 0, 0]), Buffer.alloc(125)]);
    expect(await sendWithoutReading(frame, 2 + 125)).toBeLessThan(512 * KiB);
  });
});

test('messages that stall share a bound, and what they held is there again when they are gone', async () => {
  const attackers: RawClient[] = [];
  for (let index = 0; index < 8; index++) {
    const [client] = await attack();
    client.write(binaryFrame(900 * KiB).subarray(0, -1));
    attackers.push(client);
  }
  await until(() => ends.length >= 6);
  expect(ends.map(({ code }) => code)).toEqual([1013, 1013, 1013, 1013, 1013, 1013]);
  expect(ends[0].cause).toMatchObject({ code: 'WS_MEMORY_EXHAUSTED' });
  await expectUnharmed();
  for (const { socket } of attackers) socket.destroy();
  await until(() => server.connections.size === 1);
  bystander.send(new Uint8Array(1500 * KiB));
  await until(() => replies.at(-1) === `${1500 * KiB} bytes`);
});

test('messages in tiny and empty fragments that never end do not stop the others', async () => {
  const tiny = Buffer.from([0x00, 0x81, 0, 0, 0, 0, 0x61]);
  const empty = Buffer.from([0x00, 0x80, 0, 0, 0, 0]);
  const fragments = Buffer.concat(Array.from({ length: 2000 }, () => Buffer.concat([tiny, empty])));
  const attackers: RawClient[] = [];
  for (let index = 0; index < 50; index++) {
    const [client] = await attack();
    client.write(Buffer.concat([Buffer.from([0x01, 0x80, 0, 0, 0, 0]), fragments]));
    attackers.push(client);
  }
  await expectUnharmed();
  expect(ends).toEqual([]);
  for (const client of attackers) {
    client.write(Buffer.from([0x80, 0x80, 0, 0, 0, 0]));
    expect((await client.bytes(4 + 2000)).subarray(0, 4)).toEqual(
      Buffer.from([0x81, 126, 2000 >> 8, 2000 & 255]),
    );
    client.socket.destroy();
  }
});

describe('a reset ends its own connection only, with its cause', () => {
  test.each<[string, (client: RawClient) => unknown]>([
    ['right behind the handshake', () => undefined],
    ['in a header', (client) => client.write(new Uint8Array([0x82]))],
    ['in a frame', (client) => client.write(textFrame('half').subarray(0, 8))],
    ['in a fragmented message', (client) => client.write(new Uint8Array([0x01, 0x80, 0, 0, 0, 0]))],
    [
      'in the closing handshake',
      async (client) => {
        client.write(textFrame('close'));
        expect(await client.closeCode()).toBe(4000);
      },
    ],
  ])('%s', async (_, before) => {
    const [client] = await attack();
    await before(client);
    client.reset();
    await until(() => ends.length > 0);
    expect(ends).toMatchObject([{ code: 1006, clean: false, by: 'transport' }]);
    // Bytes and a reset that are read at once come as the end of the stream (libuv).
    expect(ends[0].cause).toMatchObject({
      code: expect.stringMatching(/^WS_TRANSPORT_(FAILED|ENDED)$/),
    });
    await expectUnharmed();
  });

  test('and none at all behind a closing handshake that was finished', async () => {
    const [client] = await attack();
    client.write(Buffer.concat([closeFrame(1000), textFrame('nobody hears this')]));
    expect(await client.closeCode()).toBe(1000);
    client.reset();
    await until(() => ends.length > 0);
    expect(ends).toEqual([{ code: 1000, reason: '', clean: true, by: 'remote' }]);
    await expectUnharmed();
  });
});
