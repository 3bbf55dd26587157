import { describe, expect, test, vi } from 'vitest';
import { Connection } from '../../src/connection/connection.ts';
import type { ClosedInfo } from '../../src/connection/end-reason.ts';
import { FullduplexError } from '../../src/base/errors.ts';
import {
  FrameCollector,
  type ObservedFrame,
  Opcode,
  PreparedMessage,
  ProtocolError,
} from '../../src/protocol.ts';
import { connectionPair, FakeClock, settle } from '../../src/testing.ts';
import { ToyExtension } from '../protocol/toy-extension.ts';

const KiB = 1024;

async function take(connection: Connection, count: number): Promise<unknown[]> {
  const messages: unknown[] = [];
  for await (const message of connection) {
    messages.push(message);
    if (messages.length === count) break;
  }
  return messages;
}

function codeOf(info: ClosedInfo): string | undefined {
  return info.cause instanceof FullduplexError ? info.cause.code : undefined;
}

describe('exchanging messages', () => {
  test('text arrives as a string and binary as a plain Uint8Array, in order', async () => {
    const { client, server } = connectionPair();
    client.send('one');
    client.send(new Uint8Array([1, 2]).buffer);
    client.send(new Uint16Array([0x0403]));
    client.send('');
    const received = await take(server, 4);
    expect(received).toEqual(['one', new Uint8Array([1, 2]), new Uint8Array([3, 4]), '']);
    expect(Object.getPrototypeOf(received[1])).toBe(Uint8Array.prototype);
  });

  test('a Buffer arrives as a plain Uint8Array that is not a view of a pool', async () => {
    const { client, server } = connectionPair();
    client.send(Buffer.from('abc'));
    const [received] = await take(server, 1);
    expect(Buffer.isBuffer(received)).toBe(false);
    expect(received instanceof Uint8Array && received.buffer.byteLength).toBe(3);
  });

  test('all replies to one read leave in one write', async () => {
    const { client, server, serverTransport } = connectionPair();
    const writes = vi.spyOn(serverTransport, 'write');
    server.attach({ message: (connection, message) => void connection.send(message) });
    for (let index = 0; index < 50; index++) client.send(`message ${index}`);
    const replies = await take(client, 50);
    expect(replies[49]).toBe('message 49');
    expect(writes).toHaveBeenCalledTimes(1);
  });

  test('a message prepared once goes to several receivers, whatever their role', async () => {
    const first = connectionPair();
    const second = connectionPair();
    const prepared = new PreparedMessage('to all');
    expect(first.server.sendPrepared(prepared)).toBe(true);
    expect(second.server.sendPrepared(prepared)).toBe(true);
    expect(second.client.sendPrepared(new PreparedMessage(new Uint8Array([7])))).toBe(true);
    expect(await take(first.client, 1)).toEqual(['to all']);
    expect(await take(second.client, 1)).toEqual(['to all']);
    expect(await take(second.server, 1)).toEqual([new Uint8Array([7])]);
  });

  test('fragments make one message, with pings between them', async () => {
    const { client, server } = connectionPair();
    const pings: string[] = [];
    server.attach({ ping: (_, payload) => void pings.push(new TextDecoder().decode(payload)) });
    client.sendFragment('to', { fin: false });
    client.ping('between');
    client.sendFragment('gether', { fin: true });
    expect(await take(server, 1)).toEqual(['together']);
    expect(pings).toEqual(['between']);
  });

  test('a whole message inside a fragmented one throws and changes nothing', async () => {
    const { client, server } = connectionPair();
    client.sendFragment('to', { fin: false });
    expect(() => client.send('no')).toThrow(expect.objectContaining({ code: 'WS_STATE_INVALID' }));
    expect(() => client.sendFragment(new Uint8Array(1), { fin: true })).toThrow(
      expect.objectContaining({ code: 'WS_STATE_INVALID' }),
    );
    client.sendFragment('gether', { fin: true });
    expect(await take(server, 1)).toEqual(['together']);
  });

  test.each([[undefined], [null], [5], [{}], [['a']]])('sending %j throws and names it', (data) => {
    const { client } = connectionPair();
    // @ts-expect-error: JavaScript callers can pass anything
    expect(() => client.send(data)).toThrow(expect.objectContaining({ code: 'WS_ARGUMENT_INVALID' }));
    expect(client.readyState).toBe('open');
  });

  test('a pong echoes the payload of the ping and reaches the handler', async () => {
    const { client, server } = connectionPair();
    const pongs: Uint8Array[] = [];
    client.attach({ pong: (_, payload) => void pongs.push(payload.slice()) });
    expect(client.ping(new Uint8Array(125).fill(7))).toBe(true);
    await settle();
    expect(pongs).toEqual([new Uint8Array(125).fill(7)]);
    expect(() => client.ping(new Uint8Array(126))).toThrow(
      expect.objectContaining({ code: 'WS_ARGUMENT_INVALID' }),
    );
    expect(server.readyState).toBe('open');
  });

  test('with autoPong off a ping is answered by hand only', async () => {
    const { client, server } = connectionPair({ server: { autoPong: false } });
    const pongs: number[] = [];
    client.attach({ pong: (_, payload) => void pongs.push(payload[0]) });
    server.attach({ ping: (connection, payload) => void connection.pong(new Uint8Array([payload[0] + 1])) });
    client.ping(new Uint8Array([1]));
    await settle();
    expect(pongs).toEqual([2]);
  });

  test('with validateUtf8 off invalid text arrives with replacement characters', async () => {
    const { client, server } = connectionPair({ server: { validateUtf8: false } });
    client.sendFragment(new Uint8Array([0x61, 0xff]), { fin: true, type: 'text' });
    expect(await take(server, 1)).toEqual(['a\ufffd']);
  });

  test('the observer sees the frames of both directions as they are on the wire', async () => {
    const { client, server } = connectionPair();
    const frames: ObservedFrame[] = [];
    const detach = server.observe(new FrameCollector(10, (frame) => frames.push(frame)));
    server.attach({ message: (connection, message) => void connection.send(message) });
    client.send('seen');
    await take(client, 1);
    detach();
    client.send('unseen');
    await settle();
    expect(frames.map(({ direction, header }) => [direction, header.opcode, header.payloadLength])).toEqual([
      ['in', Opcode.text, 4],
      ['out', Opcode.text, 4],
    ]);
    expect(frames[0].header.maskKey).toBeTypeOf('number');
    expect(frames[1].header.maskKey).toBeUndefined();
    expect(new TextDecoder().decode(frames[1].payload)).toBe('seen');
  });
});

describe('consuming', () => {
  test('messages that arrive before there is a consumer are held and delivered first', async () => {
    const { client, server } = connectionPair();
    client.send('early');
    await settle();
    const seen: unknown[] = [];
    server.attach({ open: () => void seen.push('open'), message: (_, message) => void seen.push(message) });
    client.send('late');
    await settle();
    expect(seen).toEqual(['open', 'early', 'late']);
  });

  test('without a consumer receiving pauses at the high-water mark and loses nothing', async () => {
    const { client, server } = connectionPair({
      capacityBytes: 4 * KiB,
      server: { highWaterMarkBytes: 8 * KiB },
    });
    const count = 100;
    for (let index = 0; index < count; index++) client.send(`${index}:${'x'.repeat(KiB)}`);
    await settle();
    expect(client.bufferedAmount).toBeGreaterThan(50 * KiB);
    const received = await take(server, count);
    expect(received.map((message) => Number.parseInt(String(message), 10))).toEqual([...Array(count).keys()]);
    expect(client.bufferedAmount).toBe(0);
  });

  test('a flood of empty messages is bounded too while nobody consumes', async () => {
    const { client, server } = connectionPair({ capacityBytes: KiB, server: { highWaterMarkBytes: KiB } });
    for (let index = 0; index < 10_000; index++) client.send('');
    await settle();
    expect(client.bufferedAmount).toBeGreaterThan(30 * KiB);
    expect(await take(server, 10_000)).toHaveLength(10_000);
  });

  test('a second consumer throws, whichever comes first', async () => {
    const { client, server } = connectionPair();
    const exists = expect.objectContaining({ code: 'WS_CONSUMER_EXISTS' });
    server.attach({ message: () => undefined });
    expect(() => server[Symbol.asyncIterator]()).toThrow(exists);
    expect(() => server.attach({})).toThrow(exists);
    client[Symbol.asyncIterator]();
    expect(() => client[Symbol.asyncIterator]()).toThrow(exists);
    expect(() => client.attach({ message: () => undefined })).toThrow(exists);
    client.attach({ close: () => undefined });
  });

  test('leaving the loop does not close the connection, and a later loop goes on', async () => {
    const { client, server } = connectionPair();
    client.send('one');
    client.send('two');
    expect(await take(server, 1)).toEqual(['one']);
    expect(server.readyState).toBe('open');
    expect(await take(server, 1)).toEqual(['two']);
  });

  test('the loop ends when the connection closes, behind all messages', async () => {
    const { client, server } = connectionPair();
    client.send('last words');
    void client.close();
    const received: unknown[] = [];
    for await (const message of server) received.push(message);
    expect(received).toEqual(['last words']);
  });

  test('several reads may wait at once', async () => {
    const { client, server } = connectionPair();
    const iterator = server[Symbol.asyncIterator]();
    const reads = [iterator.next(), iterator.next(), iterator.next()];
    client.send('a');
    client.send('b');
    void client.close();
    expect(await Promise.all(reads)).toEqual([
      { done: false, value: 'a' },
      { done: false, value: 'b' },
      { done: true, value: undefined },
    ]);
  });

  test('pause inside a handler stops delivery at once, resume delivers the rest in order', async () => {
    const { client, server } = connectionPair();
    const seen: unknown[] = [];
    server.attach({
      message: (connection, message) => {
        seen.push(message);
        if (message === '2') connection.pause();
      },
    });
    for (let index = 0; index < 6; index++) client.send(String(index));
    await settle();
    expect(seen).toEqual(['0', '1', '2']);
    expect(server.isPaused).toBe(true);
    server.resume();
    await settle();
    expect(seen).toEqual(['0', '1', '2', '3', '4', '5']);
  });

  test('what had arrived before the transport broke is delivered although receiving was paused', async () => {
    const { client, server, serverTransport } = connectionPair();
    const seen: unknown[] = [];
    server.attach({
      message: (connection, message) => {
        seen.push(message);
        connection.pause();
      },
      close: (_, info) => void seen.push(info.by),
    });
    client.send('a');
    client.send('b');
    client.send('c');
    await settle();
    expect(seen).toEqual(['a']);
    serverTransport.fail(new Error('reset'));
    await settle();
    expect(seen).toEqual(['a', 'b', 'c', 'transport']);
  });
});

describe('sending with backpressure', () => {
  test('above the high-water mark send gives one shared promise that is true when drained', async () => {
    const { client, server } = connectionPair({
      capacityBytes: KiB,
      client: { highWaterMarkBytes: 2 * KiB },
    });
    const drains: number[] = [];
    client.attach({ drain: () => void drains.push(client.bufferedAmount) });
    expect(client.send('x'.repeat(KiB))).toBe(true);
    const first = client.send('x'.repeat(8 * KiB));
    const second = client.send('y');
    expect(first).toBeInstanceOf(Promise);
    expect(second).toBe(first);
    expect(client.bufferedAmount).toBeGreaterThan(8 * KiB);
    expect(await take(server, 3)).toHaveLength(3);
    expect(await first).toBe(true);
    expect(drains).toEqual([0]);
    expect(client.send('z')).toBe(true);
  });

  test('the promise gives false when the connection ends first, and never rejects', async () => {
    const { client, clientTransport } = connectionPair({
      capacityBytes: KiB,
      client: { highWaterMarkBytes: KiB },
    });
    const sent = client.send('x'.repeat(64 * KiB));
    clientTransport.fail(new Error('gone'));
    expect(await sent).toBe(false);
    expect(client.send('more')).toBe(false);
  });

  test('send is refused with false once the connection is closing', async () => {
    const { client } = connectionPair();
    const closed = client.close();
    expect(client.send('late')).toBe(false);
    expect(client.ping()).toBe(false);
    await closed;
    expect(client.send('later')).toBe(false);
    expect(client.sendFragment('late', { fin: true })).toBe(false);
  });

  test('a peer that does not read is cut when the queue goes beyond its bound, with a named cause', async () => {
    const { client, server } = connectionPair({
      capacityBytes: KiB,
      server: { highWaterMarkBytes: KiB, maxQueuedBytes: 64 * KiB },
    });
    client.pause();
    let sent = 0;
    while (server.send('x'.repeat(KiB)) !== false) sent++;
    expect(sent).toBeGreaterThan(60);
    expect(sent).toBeLessThan(70);
    const info = await server.closed;
    expect(info).toMatchObject({ code: 1006, clean: false, by: 'local' });
    expect(codeOf(info)).toBe('WS_SEND_QUEUE_OVERFLOW');
  });

  test('one message alone may be longer than the bound of the queue', async () => {
    const { client, server } = connectionPair({ client: { maxQueuedBytes: KiB, highWaterMarkBytes: KiB } });
    expect(await Promise.all([client.send('x'.repeat(200 * KiB)), take(server, 1)])).toMatchObject([
      true,
      [{}],
    ]);
  });

  test('an echo handler that ignores backpressure is paused instead of piling up replies', async () => {
    const { client, server } = connectionPair({
      capacityBytes: 2 * KiB,
      server: { highWaterMarkBytes: 8 * KiB },
    });
    let echoed = 0;
    server.attach({
      message: (connection, message) => {
        echoed++;
        void connection.send(message);
      },
    });
    const count = 200;
    for (let index = 0; index < count; index++) client.send(`${index}:${'x'.repeat(KiB)}`);
    client.pause();
    await settle();
    expect(echoed).toBeLessThan(30);
    expect(server.bufferedAmount).toBeLessThan(16 * KiB);
    client.resume();
    const replies = await take(client, count);
    expect(replies.map((reply) => Number.parseInt(String(reply), 10))).toEqual([...Array(count).keys()]);
  });

  test('with pauseOnBackpressure off replies pile up to the bound', async () => {
    const { client, server } = connectionPair({
      capacityBytes: 2 * KiB,
      server: { highWaterMarkBytes: 8 * KiB, maxQueuedBytes: 64 * KiB, pauseOnBackpressure: false },
    });
    server.attach({ message: (connection, message) => void connection.send(message) });
    client.pause();
    for (let index = 0; index < 200; index++) client.send('x'.repeat(KiB));
    expect(codeOf(await server.closed)).toBe('WS_SEND_QUEUE_OVERFLOW');
  });
});

describe('a loop that only sends', () => {
  const scheduler = {
    queueTask: (callback: () => void) => void setImmediate(callback),
    queueFlush: (callback: () => void) => process.nextTick(callback),
  };

  test('lets the event loop turn, although the peer keeps up and every send is accepted at once', async () => {
    const { client, server } = connectionPair({ scheduler });
    server.attach({ message: () => undefined });
    let turns = 0;
    const count = (): void => {
      turns++;
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    for (let index = 0; index < 400; index++) expect(await client.send('x'.repeat(32 * KiB))).toBe(true);
    clearImmediate(timer);
    expect(turns).toBeGreaterThan(5);
  });

  test('is told by the drain handler too, when it does not await', async () => {
    let drains = 0;
    const { client, server } = connectionPair({ scheduler });
    server.attach({ message: () => undefined });
    const done = new Promise<void>((resolve) => {
      const fill = (): void => {
        while (client.send('x'.repeat(KiB)) === true);
      };
      client.attach({
        open: fill,
        drain: () => {
          if (++drains === 5) resolve();
          else fill();
        },
      });
    });
    await done;
    expect(drains).toBe(5);
  });
});

describe('an extension whose codec takes its time', () => {
  const asyncPair = (): { toy: ToyExtension; pair: ReturnType<typeof connectionPair> } => {
    const toy = new ToyExtension({ isAsync: true });
    const extensions = { client: new ToyExtension(), server: toy };
    return { toy, pair: connectionPair({ extensions, capacityBytes: 4 * KiB }) };
  };

  test('is waited for: what has arrived behind it is delivered in order', async () => {
    const { toy, pair } = asyncPair();
    const seen: unknown[] = [];
    pair.server.attach({ message: (_, message) => void seen.push(message) });
    for (const text of ['a', 'b', 'c']) pair.client.send(text);
    await settle();
    expect(seen).toEqual([]);
    for (const expected of [['a'], ['a', 'b'], ['a', 'b', 'c']]) {
      toy.inflater.release();
      await settle();
      expect(seen).toEqual(expected);
    }
  });

  test('makes the peer feel it: reading pauses while input waits behind it, and goes on afterwards', async () => {
    const { toy, pair } = asyncPair();
    let count = 0;
    pair.server.attach({ message: () => void count++ });
    for (let index = 0; index < 100; index++) pair.client.send('x'.repeat(KiB));
    await settle();
    expect(pair.client.bufferedAmount).toBeGreaterThan(80 * KiB);
    while (toy.inflater.isPending) {
      toy.inflater.release();
      await settle();
    }
    expect(count).toBe(100);
    expect(pair.client.bufferedAmount).toBe(0);
  });

  test('is waited for also when the transport has broken meanwhile', async () => {
    const { toy, pair } = asyncPair();
    const seen: unknown[] = [];
    pair.server.attach({
      message: (_, message) => void seen.push(message),
      close: (_, info) => void seen.push(info.by),
    });
    for (const text of ['a', 'b']) pair.client.send(text);
    await settle();
    pair.serverTransport.fail(new Error('reset'));
    await settle();
    expect(seen).toEqual([]);
    toy.inflater.release();
    toy.inflater.release();
    expect(seen).toEqual(['a', 'b', 'transport']);
  });

  test('is not waited for after terminate', async () => {
    const { pair } = asyncPair();
    pair.client.send('a');
    await settle();
    pair.server.terminate();
    expect(await pair.server.closed).toMatchObject({ code: 1006, by: 'local' });
  });
});

describe('streams', () => {
  test('a message larger than any buffer passes in both directions with bounded memory', async () => {
    const { client, server } = connectionPair({
      capacityBytes: 16 * KiB,
      client: { highWaterMarkBytes: 16 * KiB },
      server: { receive: 'streamed', highWaterMarkBytes: 16 * KiB },
    });
    const pieces = 2000;
    let mostBuffered = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < pieces; index++) {
        mostBuffered = Math.max(mostBuffered, client.bufferedAmount);
        yield new Uint8Array(8 * KiB).fill(index);
      }
    }
    const sent = client.sendStream('binary', source());
    let total = 0;
    for await (const message of server.messageStreams()) {
      if (message.type !== 'binary') throw new Error('expected a binary message');
      for await (const chunk of message.chunks) {
        for (let index = 0; index < chunk.length; index += 997) {
          if (chunk[index] !== (((total + index) >> 13) & 0xff))
            throw new Error(`wrong byte at ${total + index}`);
        }
        total += chunk.length;
      }
      break;
    }
    expect(await sent).toBe(true);
    expect(total).toBe(pieces * 8 * KiB);
    expect(mostBuffered).toBeLessThan(64 * KiB);
  });

  test('text streams are strings cut between characters only', async () => {
    const { client, server } = connectionPair({ maxChunkBytes: 3, server: { receive: 'streamed' } });
    client.send('grün ist 😀 schön');
    client.send('next');
    const texts: string[] = [];
    for await (const message of server.messageStreams()) {
      if (message.type !== 'text') throw new Error('expected a text message');
      let text = '';
      for await (const chunk of message.chunks) {
        expect(chunk).not.toMatch(/\p{Surrogate}/u);
        text += chunk;
      }
      texts.push(text);
      if (texts.length === 2) break;
    }
    expect(texts).toEqual(['grün ist 😀 schön', 'next']);
  });

  test('a stream that is left early is skipped', async () => {
    const { client, server } = connectionPair({
      capacityBytes: KiB,
      server: { receive: 'streamed', highWaterMarkBytes: KiB },
    });
    client.send(new Uint8Array(100 * KiB));
    client.send('next');
    const types: string[] = [];
    for await (const message of server.messageStreams()) {
      types.push(message.type);
      for await (const chunk of message.chunks) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
      if (types.length === 2) break;
    }
    expect(types).toEqual(['binary', 'text']);
  });

  test('a message whose chunks are not asked for is skipped, however long it is', async () => {
    const { client, server } = connectionPair({ server: { receive: 'streamed' } });
    const sent = (async () => {
      for (let index = 0; index < 5; index++) await client.send(new Uint8Array(300 * KiB));
      await client.send('last');
    })();
    const types: string[] = [];
    for await (const message of server.messageStreams()) {
      types.push(message.type);
      if (message.type === 'text') break;
    }
    await sent;
    expect(types).toEqual(['binary', 'binary', 'binary', 'binary', 'binary', 'text']);
  });

  test('the chunks of a message that was skipped cannot be asked for any more', async () => {
    const { client, server } = connectionPair({ server: { receive: 'streamed' } });
    client.send('one');
    client.send('two');
    const streams = server.messageStreams()[Symbol.asyncIterator]();
    const first = await streams.next();
    await streams.next();
    expect(() => first.value?.chunks[Symbol.asyncIterator]()).toThrow(
      expect.objectContaining({ code: 'WS_STATE_INVALID' }),
    );
  });

  test('many messages that nobody reads are bounded together, not each by itself', async () => {
    const { client, server } = connectionPair({ server: { receive: 'streamed' } });
    for (let index = 0; index < 100; index++) client.send(new Uint8Array(60 * KiB));
    await settle();
    expect(client.bufferedAmount).toBeGreaterThan(95 * 60 * KiB);
    let count = 0;
    for await (const message of server.messageStreams()) {
      let bytes = 0;
      for await (const chunk of message.chunks) bytes += chunk.length;
      expect(bytes).toBe(60 * KiB);
      if (++count === 100) break;
    }
  });

  test('a second stream that is sent meanwhile is refused, and the first one arrives as it was', async () => {
    const { client, server } = connectionPair();
    async function* source(letter: string): AsyncGenerator<string> {
      for (let index = 0; index < 3; index++) {
        yield letter;
        await settle();
      }
    }
    const first = client.sendStream('text', source('a'));
    await expect(client.sendStream('text', source('b'))).rejects.toMatchObject({ code: 'WS_STATE_INVALID' });
    expect(await first).toBe(true);
    expect(await client.sendStream('text', source('c'))).toBe(true);
    expect(await take(server, 2)).toEqual(['aaa', 'ccc']);
  });

  test('a source that throws closes the connection with 1011 and throws on', async () => {
    const { client, server } = connectionPair();
    async function* source(): AsyncGenerator<string> {
      yield 'first';
      throw new Error('disk');
    }
    await expect(client.sendStream('text', source())).rejects.toThrow('disk');
    expect(await server.closed).toMatchObject({ code: 1011, by: 'remote' });
  });

  test('iterating whole messages and streams are told apart by the option', () => {
    const { client, server } = connectionPair({ server: { receive: 'streamed' } });
    const invalid = expect.objectContaining({ code: 'WS_STATE_INVALID' });
    expect(() => client.messageStreams()).toThrow(invalid);
    expect(() => server[Symbol.asyncIterator]()).toThrow(invalid);
  });
});

describe('ending', () => {
  test('close gives the same structured reason to both sides, from their own view', async () => {
    const { client, server } = connectionPair();
    const seen: ClosedInfo[] = [];
    server.attach({ close: (_, info) => void seen.push(info) });
    expect(await client.close(4000, 'bye')).toEqual({ code: 4000, reason: 'bye', clean: true, by: 'local' });
    expect(await server.closed).toEqual({ code: 4000, reason: 'bye', clean: true, by: 'remote' });
    expect(seen).toEqual([await server.closed]);
    expect(client.peerClose).toEqual({ code: 4000, reason: '' });
    expect(client.readyState).toBe('closed');
    expect(client.closedInfo).toBe(await client.closed);
  });

  test('an empty close frame is 1005 on both sides', async () => {
    const { client, server } = connectionPair();
    expect(await client.closeWithoutCode()).toEqual({ code: 1005, reason: '', clean: true, by: 'local' });
    expect(await server.closed).toEqual({ code: 1005, reason: '', clean: true, by: 'remote' });
  });

  test('both sides closing at once end cleanly, each with its own code', async () => {
    const { client, server } = connectionPair();
    const [ofClient, ofServer] = await Promise.all([client.close(4001, 'c'), server.close(4002, 's')]);
    expect(ofClient).toEqual({ code: 4001, reason: 'c', clean: true, by: 'local' });
    expect(ofServer).toEqual({ code: 4002, reason: 's', clean: true, by: 'local' });
    expect(client.peerClose).toEqual({ code: 4002, reason: 's' });
  });

  test.each([999, 1004, 1005, 1006, 1015, 2999, 5000, 1.5, Number.NaN])(
    'close code %d throws',
    async (code) => {
      const { client } = connectionPair();
      expect(() => void client.close(code)).toThrow(expect.objectContaining({ code: 'WS_ARGUMENT_INVALID' }));
      expect(client.readyState).toBe('open');
    },
  );

  test('a close reason of 124 bytes throws, 123 pass', async () => {
    const { client } = connectionPair();
    expect(() => void client.close(1000, 'ü'.repeat(62))).toThrow(/124 bytes, at most 123/);
    expect(await client.close(1000, `${'ü'.repeat(61)}x`)).toMatchObject({ clean: true });
  });

  test('a close that is never answered is cut at the deadline', async () => {
    const clock = new FakeClock();
    const { client, serverTransport } = connectionPair({ clock });
    serverTransport.stall();
    const closed = client.close(4000);
    await clock.advanceAsync(4_999);
    expect(client.readyState).toBe('closing');
    await clock.advanceAsync(1);
    const info = await closed;
    expect(info).toMatchObject({ code: 1006, clean: false, by: 'local' });
    expect(codeOf(info)).toBe('WS_CLOSE_TIMEOUT');
  });

  test('a server whose peer answers the close but never ends the transport is cut at the deadline, cleanly', async () => {
    const clock = new FakeClock();
    const { client, server, clientTransport } = connectionPair({ clock });
    vi.spyOn(clientTransport, 'end').mockImplementation(() => undefined);
    const closed = server.close(1001);
    await settle();
    expect(server.readyState).toBe('closing');
    await clock.advanceAsync(5_000);
    expect(await closed).toEqual({ code: 1001, reason: '', clean: true, by: 'local' });
    expect(await client.closed).toMatchObject({ code: 1001, clean: true });
  });

  test('a transport that ends without a close frame is 1006 with its cause', async () => {
    const { server, clientTransport } = connectionPair();
    clientTransport.end();
    const info = await server.closed;
    expect(info).toMatchObject({ code: 1006, clean: false, by: 'transport' });
    expect(codeOf(info)).toBe('WS_TRANSPORT_ENDED');
  });

  test('a transport that fails is 1006 with the error as the cause', async () => {
    const { server, clientTransport } = connectionPair();
    const reset = new Error('read ECONNRESET');
    clientTransport.fail(reset);
    const info = await server.closed;
    expect(info).toMatchObject({ code: 1006, by: 'transport' });
    expect(codeOf(info)).toBe('WS_TRANSPORT_FAILED');
    expect(info.cause?.cause).toBe(reset);
  });

  test('terminate cuts at once and names itself', async () => {
    const { client, server } = connectionPair();
    client.terminate();
    expect(codeOf(await client.closed)).toBe('WS_TERMINATED');
    expect(await server.closed).toMatchObject({ code: 1006, by: 'transport' });
  });

  test('a violation by the peer fails the connection with its code and cause', async () => {
    const { client, server, clientTransport } = connectionPair();
    clientTransport.write([new Uint8Array([0x81, 0x00])]);
    const info = await server.closed;
    expect(info).toMatchObject({ code: 1002, clean: false, by: 'local' });
    expect(info.cause).toBeInstanceOf(ProtocolError);
    expect(codeOf(info)).toBe('WS_FRAME_MASK_MISSING');
    expect(await client.closed).toMatchObject({ code: 1002, by: 'remote' });
  });

  test('what was delivered before a violation stays delivered', async () => {
    const { client, server, clientTransport } = connectionPair();
    client.send('good');
    await settle();
    clientTransport.write([new Uint8Array([0x83, 0x80, 0, 0, 0, 0])]);
    expect(await take(server, 2)).toEqual(['good']);
  });

  test('closing while receiving is paused still finishes the handshake', async () => {
    const { client, server } = connectionPair({ capacityBytes: KiB, server: { highWaterMarkBytes: KiB } });
    for (let index = 0; index < 100; index++) client.send('x'.repeat(KiB));
    server.attach({ message: (connection) => connection.pause() });
    await settle();
    expect(server.isPaused).toBe(true);
    expect(await server.close(1001)).toMatchObject({ code: 1001, clean: true });
  });

  test('closing with nobody consuming finishes the handshake with bounded memory', async () => {
    const { client, server } = connectionPair({ capacityBytes: KiB, server: { highWaterMarkBytes: KiB } });
    for (let index = 0; index < 1000; index++) client.send('x'.repeat(KiB));
    await settle();
    expect(await server.close(1001)).toMatchObject({ code: 1001, clean: true });
  });

  test('messages sent before the peer saw our close are still delivered', async () => {
    const { client, server } = connectionPair();
    const seen: unknown[] = [];
    client.attach({ message: (_, message) => void seen.push(message) });
    void client.close();
    server.send('crossing');
    await client.closed;
    expect(seen).toEqual(['crossing']);
  });

  test('attaching after the end still calls open, the held messages and close', async () => {
    const { client, server } = connectionPair();
    client.send('held');
    await client.close();
    await server.closed;
    const seen: unknown[] = [];
    server.attach({
      open: () => void seen.push('open'),
      message: (_, message) => void seen.push(message),
      close: (_, info) => void seen.push(info.code),
    });
    expect(seen).toEqual(['open', 'held', 1000]);
  });
});

describe('handlers that fail', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('handler');
      },
    ],
    ['rejects', () => Promise.reject(new Error('handler'))],
  ])('one that %s closes its own connection with 1011 and is reported', async (_, message) => {
    const errors: unknown[] = [];
    const { client, server } = connectionPair({ onError: (error) => errors.push(error) });
    const neighbour = connectionPair();
    server.attach({ message });
    client.send('x');
    const info = await server.closed;
    expect(info).toMatchObject({ code: 1011, by: 'local', clean: true });
    expect(codeOf(info)).toBe('WS_HANDLER_FAILED');
    expect(await client.closed).toMatchObject({ code: 1011, by: 'remote' });
    expect(errors).toEqual([new Error('handler')]);
    expect(neighbour.server.readyState).toBe('open');
  });

  test.each(['open', 'ping', 'pong'] as const)(
    'a throwing %s handler is reported and closes with 1011',
    async (name) => {
      const errors: unknown[] = [];
      const { client, server } = connectionPair({ onError: (error) => errors.push(error) });
      server.attach({
        [name]: () => {
          throw new Error(name);
        },
      });
      client.ping();
      client.pong();
      expect(await server.closed).toMatchObject({ code: 1011 });
      expect(errors).toEqual([new Error(name)]);
    },
  );

  test('a throwing close handler is reported and changes nothing', async () => {
    const errors: unknown[] = [];
    const { client, server } = connectionPair({ onError: (error) => errors.push(error) });
    server.attach({
      close: () => {
        throw new Error('close');
      },
    });
    await client.close();
    expect(await server.closed).toMatchObject({ code: 1000, clean: true });
    expect(errors).toEqual([new Error('close')]);
  });

  test('without an onError option the error goes to the console', async () => {
    const console = vi.spyOn(globalThis.console, 'error').mockImplementation(() => undefined);
    const { client, server } = connectionPair();
    server.attach({
      message: () => {
        throw new Error('shown');
      },
    });
    client.send('x');
    await server.closed;
    expect(console).toHaveBeenCalledWith(new Error('shown'));
    console.mockRestore();
  });

  test('an onError whose promise rejects harms nothing', async () => {
    const console = vi.spyOn(globalThis.console, 'error').mockImplementation(() => undefined);
    const onError: (error: unknown) => unknown = () => Promise.reject(new Error('reporter'));
    const { client, server } = connectionPair({ onError });
    server.attach({ message: () => Promise.reject(new Error('handler')) });
    client.send('x');
    expect(await server.closed).toMatchObject({ code: 1011 });
    await settle();
    expect(console).toHaveBeenCalledWith(new Error('reporter'));
    console.mockRestore();
  });

  test('an onError that throws harms nothing', async () => {
    const console = vi.spyOn(globalThis.console, 'error').mockImplementation(() => undefined);
    const { client, server } = connectionPair({
      onError: () => {
        throw new Error('reporter');
      },
    });
    server.attach({
      message: () => {
        throw new Error('handler');
      },
    });
    client.send('x');
    expect(await server.closed).toMatchObject({ code: 1011 });
    expect(console).toHaveBeenCalledWith(new Error('reporter'));
    console.mockRestore();
  });
});

describe('features that a platform lacks', () => {
  test('are refused with WS_UNSUPPORTED, naming the method', () => {
    const lacking = { ping: false, pause: false, fragments: false, observe: false, terminate: false };
    const transport = {
      protocol: '',
      extensions: '',
      supports: lacking,
      bufferedBytes: 0,
      writeProgress: 0,
      retainedBytes: 0,
      isMessageOpen: false,
      addTrafficTo: () => undefined,
      attach: () => undefined,
      sendText: () => undefined,
      sendBinary: () => undefined,
      sendPrepared: () => undefined,
      sendFragment: () => undefined,
      sendPing: () => undefined,
      sendPong: () => undefined,
      sendClose: () => undefined,
      pause: () => undefined,
      resume: () => undefined,
      terminate: () => undefined,
      observe: () => undefined,
    };
    const connection = new Connection(transport, undefined);
    const calls = [
      () => connection.ping(),
      () => connection.pong(),
      () => connection.pause(),
      () => connection.terminate(),
      () => connection.sendFragment('x', { fin: true }),
      () => connection.observe(new FrameCollector(1, () => undefined)),
    ];
    for (const call of calls) expect(call).toThrow(expect.objectContaining({ code: 'WS_UNSUPPORTED' }));
    expect(connection.send('text')).toBe(true);
  });
});
