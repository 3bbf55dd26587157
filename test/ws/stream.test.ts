import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, test } from 'vitest';
import { implementations } from './implementations.ts';
import {
  connectPair,
  connectRaw,
  makeClient,
  maskedFrame,
  startServer,
  urlOf,
  describeError,
  until,
} from './stage.ts';

describe.each(implementations)('createWebSocketStream of $name', (implementation) => {
  const { createWebSocketStream } = implementation;

  test('writes messages, also those of before the connection, and reads them', async () => {
    const server = await startServer(implementation);
    server.on('connection', (socket) => socket.on('message', (data) => socket.send(data as Buffer)));
    const client = makeClient(implementation, urlOf(server));
    const stream = createWebSocketStream(client, { encoding: 'utf8' });
    stream.write('one');
    expect(await once(stream, 'data')).toEqual(['one']);
    stream.end();
    await once(stream, 'close');
    expect(client.readyState).toBe(client.CLOSED);
  });

  test('gives text as strings in object mode of the readable side', async () => {
    const { client, peer } = await connectPair(implementation);
    const stream = createWebSocketStream(client, { readableObjectMode: true });
    peer.send('text');
    peer.send(Buffer.from('bytes'));
    const chunks: unknown[] = [];
    for await (const chunk of stream) {
      chunks.push(chunk);
      if (chunks.length === 2) break;
    }
    expect(chunks).toEqual(['text', Buffer.from('bytes')]);
  });

  test('pumps more than fits into its buffers, without losing any of it', async () => {
    const { client, peer } = await connectPair(implementation);
    const source = createWebSocketStream(peer);
    const sink = createWebSocketStream(client);
    const pieces = Array.from({ length: 100 }, (_, index) => Buffer.alloc(30_000, index));
    const received: Buffer[] = [];
    await Promise.all([
      pipeline(Readable.from(pieces), source),
      (async () => {
        for await (const chunk of sink) received.push(chunk as Buffer);
      })(),
    ]);
    expect(Buffer.concat(received).equals(Buffer.concat(pieces))).toBe(true);
  });

  test('pauses the socket while nobody reads', async () => {
    const { client, peer } = await connectPair(implementation);
    const stream = createWebSocketStream(client, { readableHighWaterMark: 10 });
    for (let index = 0; index < 5; index++) peer.send(Buffer.alloc(10));
    await expect.poll(() => client.isPaused).toBe(true);
    stream.resume();
    await expect.poll(() => client.isPaused).toBe(false);
  });

  test('cuts the connection when it is destroyed, and closes after it', async () => {
    const { client, peer } = await connectPair(implementation);
    const stream = createWebSocketStream(client);
    const order: string[] = [];
    client.on('close', (code) => order.push(`socket ${code}`));
    stream.on('close', () => order.push('stream'));
    stream.destroy();
    const [code] = await once(peer, 'close');
    await expect.poll(() => order).toEqual(['socket 1006', 'stream']);
    expect(code).toBe(1006);
  });

  test('passes on an error of the connection', async () => {
    const { socket, peer } = await connectRaw(implementation);
    const stream = createWebSocketStream(peer);
    socket.write(maskedFrame(0x83));
    const closed = until(stream, 'close');
    const [error] = await until(stream, 'error');
    expect(describeError(error)).toMatchObject({ code: 'WS_ERR_INVALID_OPCODE' });
    await closed;
  });

  test('ends when the peer closes', async () => {
    const { client, peer } = await connectPair(implementation);
    const stream = createWebSocketStream(client);
    stream.resume();
    peer.send('last');
    peer.close();
    await once(stream, 'end');
    stream.end();
    await once(stream, 'close');
  });
});
