import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, test } from 'vitest';
import { expectedOf, implementations } from './implementations.ts';
import {
  connectPair,
  connectRaw,
  makeClient,
  maskedFrame,
  record,
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

  test('ends both sides in order, with what the peer still sends', async () => {
    const { client, peer } = await connectPair(implementation);
    const stream = createWebSocketStream(client);
    const events = record(stream, ['data', 'end', 'finish', 'error', 'close']);
    peer.on('message', () => peer.send('answer'));
    stream.write('a');
    stream.end('b');
    await once(stream, 'close');
    expect(events).toEqual([
      ['data', 'Buffer answer'],
      ['data', 'Buffer answer'],
      ['finish'],
      ['end'],
      ['close'],
    ]);
  });

  test('is not done while nobody reads', async () => {
    const { client, peer } = await connectPair(implementation);
    const stream = createWebSocketStream(client);
    const events = record(stream, ['end', 'finish', 'close']);
    peer.send('unread');
    stream.end();
    await until(client, 'close');
    expect([events, stream.destroyed]).toEqual([[['finish']], false]);
    stream.resume();
    await once(stream, 'close');
    expect(events).toEqual([['finish'], ['end'], ['close']]);
  });

  test('waits for its own end when the peer has ended', async () => {
    const { client, peer } = await connectPair(implementation);
    const stream = createWebSocketStream(client);
    stream.resume();
    peer.terminate();
    await once(stream, 'end');
    expect([stream.destroyed, client.readyState]).toEqual([false, client.CLOSED]);
    stream.end();
    await once(stream, 'close');
  });

  test('cannot write when the peer has closed', async () => {
    const { client, peer } = await connectPair(implementation);
    const stream = createWebSocketStream(client);
    const events = record(stream, ['error', 'close']);
    stream.resume();
    peer.close();
    await once(stream, 'end');
    const failed = new Promise((resolve) => stream.write('late', resolve));
    expect(describeError(await failed).message).toBe('WebSocket is not open: readyState 3 (CLOSED)');
    await expect.poll(() => events.map(([name]) => name)).toEqual(['error', 'close']);
  });

  test('feels that the socket is slow', async () => {
    const { client } = await connectPair(implementation);
    const stream = createWebSocketStream(client, { writableHighWaterMark: 100 });
    expect([stream.write(Buffer.alloc(50)), stream.write(Buffer.alloc(60))]).toEqual([true, false]);
    await once(stream, 'drain');
    expect(stream.writableLength).toBe(0);
  });

  test('passes on the error that it is destroyed with', async () => {
    const { client } = await connectPair(implementation);
    const stream = createWebSocketStream(client);
    const events = record(stream, ['error', 'close']);
    const below = record(client, ['error', 'close']);
    stream.destroy(new Error('mine'));
    await until(stream, 'close');
    expect(events).toEqual([['error', { name: 'Error', code: undefined, message: 'mine' }], ['close']]);
    expect(below).toEqual([['close', 1006, 'Buffer ']]);
  });

  test.each([undefined, new Error('mine')])(
    'is destroyed before the connection is there, with %s',
    async (given) => {
      const server = await startServer(implementation);
      const stream = createWebSocketStream(makeClient(implementation, urlOf(server)));
      const events = record(stream, ['error', 'close']);
      stream.destroy(given);
      await until(stream, 'close');
      expect(events.map(([name]) => name)).toEqual(['error', 'close']);
      expect(events[0][1]).toMatchObject({
        message: 'WebSocket was closed before the connection was established',
      });
    },
  );

  test('fails when there is no connection, also when it was ended already', async () => {
    const client = makeClient(implementation, 'ws://127.0.0.1:1');
    const stream = createWebSocketStream(client);
    const events = record(stream, ['finish', 'end', 'error', 'close']);
    stream.write('a');
    stream.end();
    await until(stream, 'close');
    expect(events).toEqual([['error', expect.objectContaining({ code: 'ECONNREFUSED' })], ['close']]);
  });

  test('takes the binary types', async () => {
    const inObjects = await connectPair(implementation);
    inObjects.client.binaryType = 'arraybuffer';
    const objects = createWebSocketStream(inObjects.client, { readableObjectMode: true });
    inObjects.peer.send(Buffer.from('ab'));
    const [object] = await once(objects, 'data');
    expect(object).toBeInstanceOf(ArrayBuffer);

    const inBytes = await connectPair(implementation);
    inBytes.client.binaryType = 'arraybuffer';
    const bytes = createWebSocketStream(inBytes.client);
    const outcome = Promise.race(['data', 'error'].map((name) => until(bytes, name).then(() => name)));
    inBytes.peer.send(Buffer.from('ab'));
    expect(await outcome).toBe(expectedOf('stream of ArrayBuffers', implementation));
  });
});
