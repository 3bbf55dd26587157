import { beforeEach, describe, expect, test } from 'vitest';
import { portableTextCodec } from '../../src/base/text-codec.ts';
import { ServerConnection } from '../../src/server/server-connection.ts';
import { Topics, type WhenSlow } from '../../src/server/topics.ts';
import { settle } from '../../src/testing.ts';
import { newTopics, type ServerPair, serverPair } from './server-pair.ts';

let topics: Topics;
beforeEach(() => {
  topics = newTopics();
});

/** A connection that is subscribed, whose client reads nothing, and whose queue is above the high-water mark. */
async function slowPair(whenSlow: WhenSlow, options = {}): Promise<ServerPair> {
  const pair = serverPair(topics, options);
  pair.server.subscribe('t', { whenSlow });
  pair.clientTransport.stall();
  void pair.server.send('x'.repeat(4000));
  await settle();
  return pair;
}

describe('subscribing', () => {
  test('brings what is published, as text or as binary, until unsubscribed', async () => {
    const { server, received } = serverPair(topics);
    server.subscribe('t');
    server.subscribe('u');
    expect(server.topics).toEqual(['t', 'u']);
    expect(topics.publish('t', 'grüße')).toBe(1);
    expect(topics.publish('u', new Uint8Array([1, 2]))).toBe(1);
    expect(topics.publish('u', new Uint8Array([3]).buffer)).toBe(1);
    expect(server.unsubscribe('t')).toBe(true);
    expect(server.unsubscribe('t')).toBe(false);
    expect(topics.publish('t', 'late')).toBe(0);
    await settle();
    expect(received).toEqual(['grüße', new Uint8Array([1, 2]), new Uint8Array([3])]);
  });

  test('twice to one topic brings each message once', async () => {
    const { server, received } = serverPair(topics);
    server.subscribe('t');
    server.subscribe('t', { whenSlow: 'drop' });
    expect(topics.publish('t', 'once')).toBe(1);
    await settle();
    expect(received).toEqual(['once']);
  });

  test('publish() of a connection excludes itself, whether it is subscribed or not', async () => {
    const [first, second] = [serverPair(topics), serverPair(topics)];
    second.server.subscribe('t');
    expect(first.server.publish('t', 'one')).toBe(1);
    first.server.subscribe('t');
    expect(first.server.publish('t', 'two')).toBe(1);
    await settle();
    expect([first.received, second.received]).toEqual([[], ['one', 'two']]);
  });

  test('publish and send keep the order of their calls', async () => {
    const { server, received } = serverPair(topics);
    server.subscribe('t');
    void server.send('1');
    topics.publish('t', '2');
    void server.send('3');
    topics.publish('t', 'x'.repeat(5000));
    void server.send('5');
    await settle();
    expect(received).toEqual(['1', '2', '3', 'x'.repeat(5000), '5']);
  });

  test('wrong arguments throw', () => {
    const { server } = serverPair(topics);
    expect(() => server.subscribe(1 as unknown as string)).toThrow('topic is 1, expected a string');
    expect(() => server.subscribe('t', { whenSlow: 'wait' as WhenSlow })).toThrow(
      'option whenSlow is "wait"',
    );
    expect(() => topics.publish(undefined as unknown as string, 'x')).toThrow('topic is undefined');
    expect(() => topics.publish('nobody', 5 as unknown as string)).toThrow('data is 5, expected a string');
    expect(server.topics).toEqual([]);
  });
});

describe('leaving', () => {
  test('a connection that closes leaves its topics, and empty topics vanish', async () => {
    const [first, second] = [serverPair(topics), serverPair(topics)];
    first.server.subscribe('a');
    first.server.subscribe('b');
    second.server.subscribe('b');
    expect([...topics.names]).toEqual(['a', 'b']);
    await first.client.close();
    await first.server.closed;
    expect([...topics.names]).toEqual(['b']);
    expect(topics.countOf('b')).toBe(1);
    expect(first.server.topics).toEqual([]);
    second.server.terminate();
    await second.server.closed;
    expect([...topics.names]).toEqual([]);
  });

  test('a connection that is closing gets nothing more and cannot subscribe', async () => {
    const { server, received } = serverPair(topics);
    server.subscribe('t');
    void server.close();
    expect(topics.publish('t', 'too late')).toBe(0);
    server.subscribe('u');
    await server.closed;
    server.subscribe('v');
    expect([...topics.names]).toEqual([]);
    expect(received).toEqual([]);
  });
});

describe('a receiver that reads too slowly', () => {
  test("with 'drop' misses what is published until it has drained", async () => {
    const { server, clientTransport, received } = await slowPair('drop');
    expect(topics.publish('t', 'missed')).toBe(0);
    clientTransport.unstall();
    await settle();
    expect(topics.publish('t', 'arrives')).toBe(1);
    await settle();
    expect(received).toEqual(['x'.repeat(4000), 'arrives']);
    expect(server.readyState).toBe('open');
  });

  test("with 'latest' gets the newest of each topic once it has drained", async () => {
    const { server, clientTransport, received } = await slowPair('latest');
    server.subscribe('u', { whenSlow: 'latest' });
    server.subscribe('v', { whenSlow: 'drop' });
    expect(topics.publish('t', 't1')).toBe(1);
    expect(topics.publish('u', 'u1')).toBe(1);
    expect(topics.publish('v', 'v1')).toBe(0);
    expect(topics.publish('t', 't2')).toBe(1);
    expect(received).toEqual([]);
    clientTransport.unstall();
    await settle();
    expect(received).toEqual(['x'.repeat(4000), 't2', 'u1']);
    topics.publish('t', 't3');
    await settle();
    expect(received.slice(3)).toEqual(['t3']);
  });

  test("with 'latest' several large messages wait for one another", async () => {
    const { server, clientTransport, received } = await slowPair('latest');
    server.subscribe('u', { whenSlow: 'latest' });
    topics.publish('t', 't'.repeat(3000));
    topics.publish('u', 'u'.repeat(3000));
    clientTransport.unstall();
    await settle();
    expect(received.map((message) => String(message)[0])).toEqual(['x', 't', 'u']);
  });

  test('forgets the latest message of a topic that it leaves, or whose policy it changes', async () => {
    const { server, clientTransport, received } = await slowPair('latest');
    server.subscribe('u', { whenSlow: 'latest' });
    topics.publish('t', 't1');
    topics.publish('u', 'u1');
    server.unsubscribe('t');
    server.subscribe('u', { whenSlow: 'drop' });
    clientTransport.unstall();
    await settle();
    expect(received).toEqual(['x'.repeat(4000)]);
  });

  test("with 'close' gets everything, up to the bound of its queue, and is then ended for a named reason", async () => {
    const { server, clientTransport, received } = await slowPair('close', { maxQueuedBytes: 20_000 });
    expect(topics.publish('t', 'waits')).toBe(1);
    clientTransport.unstall();
    await settle();
    expect(received).toEqual(['x'.repeat(4000), 'waits']);

    clientTransport.stall();
    const other = serverPair(topics);
    other.server.subscribe('t');
    for (let count = 0; count < 20; count++) topics.publish('t', 'y'.repeat(1000));
    expect(await server.closed).toMatchObject({
      code: 1006,
      by: 'local',
      cause: { code: 'WS_SEND_QUEUE_OVERFLOW' },
    });
    await settle();
    expect(other.received).toHaveLength(20);
    expect(topics.countOf('t')).toBe(1);
  });
});

describe('between the fragments of a message', () => {
  test('what is published waits for the end of the message', async () => {
    const { server, received } = serverPair(topics);
    server.subscribe('t');
    void server.sendFragment('one ', { fin: false });
    expect(topics.publish('t', 'between')).toBe(1);
    void server.sendFragment('message', { fin: true });
    topics.publish('t', 'behind');
    await settle();
    expect(received).toEqual(['one message', 'between', 'behind']);
  });

  test('the same holds for a stream', async () => {
    const { server, received } = serverPair(topics);
    server.subscribe('t');
    const source = async function* (): AsyncGenerator<string> {
      yield 'a';
      topics.publish('t', 'between');
      await settle();
      yield 'b';
    };
    expect(await server.sendStream('text', source())).toBe(true);
    await settle();
    expect(received).toEqual(['ab', 'between']);
  });

  test('what waits is bounded like the queue', async () => {
    const { server } = serverPair(topics, { maxQueuedBytes: 5000 });
    server.subscribe('t');
    void server.sendFragment('one ', { fin: false });
    for (let count = 0; count < 6; count++) topics.publish('t', 'y'.repeat(1000));
    expect(await server.closed).toMatchObject({ cause: { code: 'WS_SEND_QUEUE_OVERFLOW' } });
  });

  test('what waits is bounded also when it has no content', async () => {
    const { server } = serverPair(topics, { maxQueuedBytes: 10_000 });
    server.subscribe('t');
    void server.sendFragment('one ', { fin: false });
    for (let count = 0; count < 60; count++) topics.publish('t', '');
    expect(await server.closed).toMatchObject({ cause: { code: 'WS_SEND_QUEUE_OVERFLOW' } });
  });

  test("'latest' waits for the end of the message too", async () => {
    const { server, clientTransport, received } = serverPair(topics);
    server.subscribe('t', { whenSlow: 'latest' });
    clientTransport.stall();
    void server.sendFragment('x'.repeat(4000), { fin: false });
    topics.publish('t', 't1');
    topics.publish('t', 't2');
    clientTransport.unstall();
    await settle();
    void server.sendFragment('', { fin: true });
    await settle();
    expect(received).toEqual(['x'.repeat(4000), 't2']);
  });
});

test('a message is encoded once for all its receivers', () => {
  let encodings = 0;
  const counting = new Topics({
    ...portableTextCodec,
    encodeInto: (text, target, offset) => {
      encodings++;
      return portableTextCodec.encodeInto(text, target, offset);
    },
  });
  for (let count = 0; count < 10; count++) serverPair(counting).server.subscribe('t');
  expect(counting.publish('t', 'hello')).toBe(10);
  expect(counting.publish('nobody', 'hello')).toBe(0);
  expect(encodings).toBe(1);
});

test('a connection of a server tells who is there', () => {
  const { server } = serverPair(topics);
  expect(server).toBeInstanceOf(ServerConnection);
  expect([server.remoteAddress, server.url.href]).toEqual(['192.0.2.1', 'ws://example.com/chat?a=b']);
  expect(server.url).toBe(server.url);
});
