import { describe, expect, test } from 'vitest';
import { Connection } from '../../src/connection/connection.ts';
import { type ConnectionOptions, resolveConnectionOptions } from '../../src/connection/connection-options.ts';
import { FramedTransport } from '../../src/connection/framed-transport.ts';
import type { Message } from '../../src/connection/message-transport.ts';
import { protocolOptionsOf } from '../../src/connection/protocol-options.ts';
import { ReceiveBuckets, type ReceiveRate } from '../../src/connection/receive-rates.ts';
import {
  FakeClock,
  immediateScheduler,
  type MemoryTransport,
  memoryTransportPair,
} from '../../src/testing.ts';

interface Stage {
  readonly clock: FakeClock;
  readonly client: Connection;
  readonly server: Connection;
  readonly received: Message[];
  readonly pings: number[];
}

function connectionOver(
  transport: MemoryTransport,
  role: 'client' | 'server',
  clock: FakeClock,
  buckets?: ReceiveBuckets,
  options: Partial<ConnectionOptions> = {},
): Connection {
  const resolved = resolveConnectionOptions({ pingIntervalMs: 0, ...options });
  const framed = new FramedTransport({
    transport,
    protocol: protocolOptionsOf(resolved, role),
    scheduler: immediateScheduler,
    subprotocol: '',
    extensions: '',
  });
  return new Connection(framed, undefined, resolved, {
    clock,
    scheduler: immediateScheduler,
    ...(buckets === undefined ? {} : { receiveBuckets: buckets }),
  });
}

function join(clock: FakeClock, buckets: ReceiveBuckets, options?: Partial<ConnectionOptions>): Stage {
  const [clientTransport, serverTransport] = memoryTransportPair();
  const server = connectionOver(serverTransport, 'server', clock, buckets, options);
  const client = connectionOver(clientTransport, 'client', clock);
  const received: Message[] = [];
  const pings: number[] = [];
  server.attach({
    message: (_, message) => void received.push(message),
    ping: () => void pings.push(clock.now()),
  });
  client.attach({});
  return { clock, client, server, received, pings };
}

function stage(rates: { messages?: ReceiveRate; bytes?: ReceiveRate }, options?: Partial<ConnectionOptions>) {
  const clock = new FakeClock();
  const limits = { messages: rates.messages, bytes: rates.bytes };
  return join(clock, new ReceiveBuckets(limits, clock.now()), options);
}

describe('too many messages', () => {
  test('are put off: each comes as soon as it is paid for, in order, and none is lost', async () => {
    const { clock, client, server, received } = stage({ messages: { perSecond: 10, burst: 3 } });
    for (let index = 0; index < 20; index++) client.send(`${index}`);
    await clock.advanceAsync(0);
    expect(received).toEqual(['0', '1', '2']);
    await clock.advanceAsync(99);
    expect(received).toHaveLength(3);
    await clock.advanceAsync(1);
    expect(received).toHaveLength(4);
    await clock.advanceAsync(1600);
    expect(received).toEqual(Array.from({ length: 20 }, (_, index) => `${index}`));
    expect(server.readyState).toBe('open');
    // After a quiet time there is a burst again.
    await clock.advanceAsync(1000);
    expect(clock.pendingTimers).toBe(0);
    for (let index = 0; index < 3; index++) client.send('x');
    await clock.advanceAsync(0);
    expect(received).toHaveLength(23);
  });

  test('close the connection with 1008 and what is allowed, and the one too many is not delivered', async () => {
    const { clock, client, server, received } = stage({
      messages: { perSecond: 10, burst: 3, exceeded: 'close' },
    });
    for (let index = 0; index < 20; index++) client.send(`${index}`);
    await clock.advanceAsync(0);
    expect(received).toEqual(['0', '1', '2']);
    expect(client.peerClose).toMatchObject({ code: 1008 });
    expect(client.peerClose?.reason).toContain('too many messages, at most 10 a second and 3 at once');
    const { code, by, cause } = await server.closed;
    expect([code, by]).toEqual([1008, 'local']);
    expect(cause).toMatchObject({ code: 'WS_RATE_EXCEEDED' });
    expect(clock.pendingTimers).toBe(0);
  });

  test('are pings and pongs too', async () => {
    const delayed = stage({ messages: { perSecond: 1, burst: 2 } });
    for (let index = 0; index < 3; index++) delayed.client.ping();
    delayed.client.pong();
    delayed.client.send('behind them');
    await delayed.clock.advanceAsync(1999);
    expect(delayed.pings).toEqual([0, 0, 1000]);
    await delayed.clock.advanceAsync(1000);
    expect(delayed.received).toEqual([]);
    await delayed.clock.advanceAsync(1);
    expect(delayed.received).toEqual(['behind them']);

    const closed = stage({ messages: { perSecond: 1, burst: 2, exceeded: 'close' } });
    for (let index = 0; index < 3; index++) closed.client.ping();
    await closed.clock.advanceAsync(0);
    expect(closed.pings).toHaveLength(2);
    expect((await closed.server.closed).code).toBe(1008);
  });

  test('wait also for a loop, and as streams', async () => {
    const clock = new FakeClock();
    const limits = { messages: { perSecond: 1, burst: 1 }, bytes: undefined };
    const [clientTransport, serverTransport] = memoryTransportPair();
    const server = connectionOver(serverTransport, 'server', clock, new ReceiveBuckets(limits, 0), {
      receive: 'streamed',
    });
    const client = connectionOver(clientTransport, 'client', clock);
    for (let index = 0; index < 3; index++) client.send(`${index}`);
    const seen: [number, string][] = [];
    void (async () => {
      for await (const message of server.messageStreams()) {
        for await (const chunk of message.chunks) seen.push([clock.now(), String(chunk)]);
      }
    })();
    await clock.advanceAsync(5000);
    expect(seen).toEqual([
      [0, '0'],
      [1000, '1'],
      [2000, '2'],
    ]);
  });
});

describe('too many bytes', () => {
  test('are put off as they arrive, headers included', async () => {
    const { clock, client, received } = stage({ bytes: { perSecond: 1000, burst: 1000 } });
    // 8 bytes of header and mask, and 992 of payload.
    client.send('x'.repeat(992));
    await clock.advanceAsync(0);
    expect(received).toHaveLength(1);
    for (let index = 0; index < 4; index++) client.send('x'.repeat(992));
    await clock.advanceAsync(0);
    expect(received).toHaveLength(1);
    // What one read has brought is paid for together.
    await clock.advanceAsync(3999);
    expect(received).toHaveLength(1);
    await clock.advanceAsync(1);
    expect(received).toHaveLength(5);
    expect(clock.pendingTimers).toBe(0);
  });

  test('close the connection with 1008', async () => {
    const { clock, client, server, received } = stage({
      bytes: { perSecond: 1000, burst: 1000, exceeded: 'close' },
    });
    client.send('x'.repeat(992));
    await clock.advanceAsync(0);
    expect(received).toHaveLength(1);
    client.send('y');
    await clock.advanceAsync(0);
    expect(received).toHaveLength(1);
    expect(client.peerClose?.code).toBe(1008);
    expect(client.peerClose?.reason).toContain('too many bytes, at most 1000 a second and 1000 at once');
    expect((await server.closed).cause).toMatchObject({ code: 'WS_RATE_EXCEEDED' });
  });

  test('are empty fragments too', async () => {
    const { clock, client, received } = stage({ bytes: { perSecond: 600, burst: 60 } });
    for (let index = 0; index < 100; index++) {
      client.sendFragment('', { fin: false, type: 'text' });
      await clock.advanceAsync(0);
    }
    client.sendFragment('end', { fin: true, type: 'text' });
    await clock.advanceAsync(800);
    expect(received).toEqual([]);
    await clock.advanceAsync(200);
    expect(received).toEqual(['end']);
  });
});

test('connections with one key share its tokens, and both get on', async () => {
  const clock = new FakeClock();
  const buckets = new ReceiveBuckets({ messages: { perSecond: 2, burst: 2 }, bytes: undefined }, 0);
  const one = join(clock, buckets);
  const two = join(clock, buckets);
  for (let index = 0; index < 10; index++) {
    one.client.send('x');
    two.client.send('x');
  }
  await clock.advanceAsync(0);
  expect(one.received.length + two.received.length).toBeLessThanOrEqual(3);
  await clock.advanceAsync(4000);
  const count = one.received.length + two.received.length;
  expect(count).toBeGreaterThanOrEqual(9);
  expect(count).toBeLessThanOrEqual(11);
  await clock.advanceAsync(8000);
  expect([one.received.length, two.received.length]).toEqual([10, 10]);
  expect(clock.pendingTimers).toBe(0);
});

test('many connections with one key do not get one message each when there is one token', async () => {
  const clock = new FakeClock();
  const buckets = new ReceiveBuckets({ messages: { perSecond: 1, burst: 1 }, bytes: undefined }, 0);
  const many = Array.from({ length: 10 }, () => join(clock, buckets));
  const heard = (): number => many.reduce((sum, { received }) => sum + received.length, 0);
  for (const { client } of many) for (let index = 0; index < 3; index++) client.send('x');
  await clock.advanceAsync(0);
  // Each had a message read already, which is a debt of all.
  expect(heard()).toBe(10);
  await clock.advanceAsync(9_999);
  expect(heard()).toBe(10);
  for (let more = 1; more <= 20; more++) {
    await clock.advanceAsync(more === 1 ? 1 : 1000);
    expect(heard()).toBe(10 + more);
  }
});

test('the keep-alive deadline stands still while a rate is waited for', async () => {
  const { clock, client, server, received } = stage(
    { messages: { perSecond: 0.01, burst: 1 } },
    { pingIntervalMs: 1000, pongTimeoutMs: 1000 },
  );
  client.send('first');
  client.send('second');
  await clock.advanceAsync(99_000);
  expect(server.readyState).toBe('open');
  expect(received).toEqual(['first']);
});

test('a close goes through at once, whatever waits for its rate', async () => {
  const { clock, client, server, received } = stage({ messages: { perSecond: 0.001, burst: 1 } });
  for (let index = 0; index < 5; index++) client.send(`${index}`);
  await clock.advanceAsync(0);
  void server.close(4000, 'enough');
  await clock.advanceAsync(0);
  expect((await client.closed).code).toBe(4000);
  expect((await server.closed).clean).toBe(true);
  // Messages that came before the peer's close frame are delivered, as ever.
  expect(received).toHaveLength(5);
  expect(clock.pendingTimers).toBe(0);
});

test('a transport that is cut meanwhile leaves no timer behind', async () => {
  const { clock, client, server, received } = stage({ messages: { perSecond: 0.001, burst: 1 } });
  for (let index = 0; index < 5; index++) client.send(`${index}`);
  await clock.advanceAsync(0);
  client.terminate();
  await clock.advanceAsync(0);
  expect((await server.closed).code).toBe(1006);
  expect(received.length).toBeGreaterThanOrEqual(1);
  expect(clock.pendingTimers).toBe(0);
});
