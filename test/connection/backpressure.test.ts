// What once went beyond the stated bounds, or got lost at their edges; backpressure-properties.test.ts looks for more.

import { describe, expect, test, vi } from 'vitest';
import type { Connection } from '../../src/connection/connection.ts';
import { connectionPair, settle } from '../../src/testing.ts';
import { ToyExtension } from '../protocol/toy-extension.ts';

const KiB = 1024;

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

describe('what is sent behind a write that is under way', () => {
  test('is held, one message a turn, and leaves in few writes and in order', async () => {
    const { client, server, clientTransport, serverTransport } = connectionPair({ capacityBytes: KiB });
    const seen: unknown[] = [];
    client.attach({ message: (_, message) => void seen.push(message) });
    clientTransport.stall();
    void server.send('x'.repeat(4 * KiB));
    await turn();
    const writes = vi.spyOn(serverTransport, 'write');
    for (let index = 0; index < 500; index++) {
      void server.send(`${index}`);
      await turn();
    }
    expect(writes).toHaveBeenCalledTimes(0);
    expect(server.bufferedAmount).toBeGreaterThan(500 * 3);
    clientTransport.unstall();
    await settle();
    expect(writes.mock.calls.length).toBeLessThan(10);
    expect(seen.slice(1)).toEqual(Array.from({ length: 500 }, (_, index) => `${index}`));
    expect(server.bufferedAmount).toBe(0);
  });

  test('goes out before the end when the peer has closed its side', async () => {
    const { client, server, clientTransport } = connectionPair({ capacityBytes: KiB });
    const seen: unknown[] = [];
    client.attach({ message: (_, message) => void seen.push(message) });
    clientTransport.stall();
    void server.send('x'.repeat(4 * KiB));
    await turn();
    void server.send('behind it');
    await turn();
    clientTransport.end();
    await settle();
    clientTransport.unstall();
    await server.closed;
    expect(seen).toEqual(['x'.repeat(4 * KiB), 'behind it']);
  });

  test('waits for its codec also when the peer has closed its side', async () => {
    const toy = new ToyExtension({ isAsync: true });
    const extensions = { client: new ToyExtension(), server: toy };
    const { client, server, clientTransport } = connectionPair({ extensions });
    const seen: unknown[] = [];
    client.attach({ message: (_, message) => void seen.push(message) });
    void server.send('one');
    void server.send('two');
    clientTransport.end();
    await settle();
    toy.deflater.release();
    await settle();
    toy.deflater.release();
    await server.closed;
    expect(seen).toEqual(['one', 'two']);
  });
});

describe('the bound of the queue', () => {
  const stalled = (maxQueuedBytes: number): Connection => {
    const { server, clientTransport } = connectionPair({ capacityBytes: KiB, server: { maxQueuedBytes } });
    clientTransport.stall();
    return server;
  };

  test.each([
    ['binary', new Uint8Array(15 * KiB)],
    ['text of one-byte characters', 'x'.repeat(15 * KiB)],
    ['text of three-byte characters', '中'.repeat(5 * KiB)],
  ])('lets one long message through, and cuts at the next: %s', async (_, message) => {
    const server = stalled(10 * KiB);
    expect(server.send(message)).toBeInstanceOf(Promise);
    expect(server.readyState).toBe('open');
    expect(server.send(message)).toBe(false);
    expect((await server.closed).cause).toMatchObject({ code: 'WS_SEND_QUEUE_OVERFLOW' });
  });

  test('counts messages without content that wait for a codec', async () => {
    const { server } = connectionPair({
      server: { maxQueuedBytes: 100 * KiB },
      extensions: { client: new ToyExtension(), server: new ToyExtension({ isAsync: true }) },
    });
    let sent = 0;
    while (sent < 10_000 && server.send('') !== false) sent++;
    expect(sent).toBeLessThan(410);
    expect((await server.closed).cause).toMatchObject({ code: 'WS_SEND_QUEUE_OVERFLOW' });
  });
});

describe('after close()', () => {
  const number = (index: number): string => `${index}`.padEnd(100);

  test('a loop that is slow gets the beginning of what came, without a gap', async () => {
    const { client, server } = connectionPair({ capacityBytes: KiB, server: { highWaterMarkBytes: KiB } });
    for (let index = 0; index < 500; index++) void client.send(number(index));
    await settle();
    const seen: string[] = [];
    void server.close();
    for await (const message of server) {
      seen.push(String(message));
      await turn();
    }
    expect(seen.length).toBeGreaterThan(5);
    expect(seen.length).toBeLessThan(500);
    expect(seen).toEqual(seen.map((_, index) => number(index)));
    expect((await server.closed).clean).toBe(true);
  });

  test('a stream that nobody takes is kept up to the mark, and is not complete', async () => {
    const { client, server } = connectionPair({
      capacityBytes: KiB,
      server: { receive: 'streamed', highWaterMarkBytes: KiB },
    });
    void client.sendFragment(new Uint8Array(100 * KiB), { fin: false });
    const messages = server.messageStreams()[Symbol.asyncIterator]();
    const { value: message } = await messages.next();
    const closed = server.close();
    void client.sendFragment(new Uint8Array(100 * KiB), { fin: true });
    void client.send('another');
    expect((await closed).clean).toBe(true);
    let bytes = 0;
    for await (const chunk of message?.chunks ?? []) bytes += chunk.length;
    expect(bytes).toBeGreaterThan(KiB);
    expect(bytes).toBeLessThan(4 * KiB);
    expect(message?.isComplete).toBe(false);
    expect((await messages.next()).done).toBe(true);
  });
});

describe('a message that is read as a stream', () => {
  test.each(['text', 'binary'] as const)('says whether all of it has arrived: %s', async (type) => {
    const { client, server, clientTransport } = connectionPair({ server: { receive: 'streamed' } });
    const messages = server.messageStreams()[Symbol.asyncIterator]();
    void client.sendFragment('whole', { fin: true, type });
    const { value: whole } = await messages.next();
    for await (const _ of whole?.chunks ?? []);
    expect(whole?.isComplete).toBe(true);
    void client.sendFragment('half', { fin: false, type });
    const { value: half } = await messages.next();
    await settle();
    clientTransport.fail(new Error('reset'));
    for await (const _ of half?.chunks ?? []);
    expect(half?.isComplete).toBe(false);
  });

  test('in tiny fragments that nobody takes makes the peer wait: chunks count more than they carry', async () => {
    const { client, server } = connectionPair({
      capacityBytes: KiB,
      server: { receive: 'streamed', highWaterMarkBytes: 8 * KiB },
    });
    const messages = server.messageStreams()[Symbol.asyncIterator]();
    for (let index = 0; index < 5000; index++) void client.sendFragment('x', { fin: index === 4999 });
    const { value: message } = await messages.next();
    await settle();
    expect(client.bufferedAmount).toBeGreaterThan(4000 * 7);
    let text = '';
    for await (const chunk of message?.chunks ?? []) text += String(chunk);
    expect(text).toBe('x'.repeat(5000));
  });

  test('is decompressed a step at a time, however much each byte becomes', async () => {
    const expansion = 1032;
    const extensions = { client: new ToyExtension(), server: new ToyExtension({ expansion }) };
    const { client, server } = connectionPair({ extensions, server: { receive: 'streamed' } });
    void client.send(new Uint8Array(60 * KiB));
    let bytes = 0;
    let longest = 0;
    for await (const message of server.messageStreams()) {
      for await (const chunk of message.chunks) {
        bytes += chunk.length;
        longest = Math.max(longest, chunk.length);
      }
      break;
    }
    expect(bytes).toBe(60 * KiB * expansion);
    expect(longest).toBeLessThanOrEqual(4 * KiB * expansion);
  });
});

test('nothing that was held is delivered to a handler any more after it has called terminate()', async () => {
  const { client, server } = connectionPair();
  for (const text of ['one', 'two', 'three']) void client.send(text);
  await settle();
  const seen: unknown[] = [];
  server.attach({
    message: (connection, message) => {
      seen.push(message);
      connection.terminate();
    },
  });
  await server.closed;
  expect(seen).toEqual(['one']);
});

test('nothing is delivered to a handler any more after it has called terminate()', async () => {
  const { client, server } = connectionPair();
  const seen: unknown[] = [];
  server.attach({
    message: (connection, message) => {
      seen.push(message);
      connection.terminate();
    },
  });
  for (const text of ['one', 'two', 'three']) void client.send(text);
  await server.closed;
  expect(seen).toEqual(['one']);
});
