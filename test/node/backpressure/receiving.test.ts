// A fast producer against a consumer of ours that has stopped, by every way of receiving and over every road: the peer
// feels it, what is retained stays within the bound that docs/guide.md states, nothing is lost or reordered, and
// everything flows again.

import { describe, expect, test, vi } from 'vitest';
import { otherRoads, Pair, type Road, tcp } from './peers.ts';
import { type SubjectConfig, until } from './subject.ts';

// Two processes share what cores there are with all other tests.
vi.setConfig({ testTimeout: 60_000 });

const KiB = 1024;
const MiB = 1024 * KiB;
// The defaults (docs/guide.md, Backpressure).
const highWaterMarkBytes = 64 * KiB;
const readBytes = 64 * KiB;
const noiseBytes = 1 * MiB;

type Consumer = NonNullable<SubjectConfig['consumer']>;

async function receive(
  road: Road,
  role: SubjectConfig['role'],
  consumer: Consumer,
  messageBytes: number,
): Promise<void> {
  const options = consumer === 'streams' ? ({ receive: 'streamed' } as const) : {};
  await using pair = await Pair.join(road, { role, consumer, options, consumeUntil: 20 });
  const { subject } = pair;
  pair.send(20, messageBytes);
  await until(async () => (await subject.look()).consumed === 20);
  await subject.measure(true);

  const sent = await pair.flood(messageBytes);
  const measure = await subject.measure();
  expect(measure.consumed).toBe(20);
  // The mark, the message that went beyond it, and what was read with it; the stream of a socket may hold another read.
  const boundBytes = highWaterMarkBytes + messageBytes * (road.isDeflated ? 2 : 1) + 2 * readBytes;
  expect(measure.retainedBytes).toBeLessThan(boundBytes + noiseBytes);

  await subject.consume(sent);
  await expect.poll(async () => (await subject.look()).consumed, { timeout: 30_000 }).toBe(sent);
  await subject.consume();
  pair.send(50, messageBytes);
  await expect.poll(async () => (await subject.look()).consumed, { timeout: 30_000 }).toBe(sent + 50);
  expect((await subject.look()).faults).toEqual([]);
}

describe('over TCP a consumer that stops', () => {
  test.each(['server', 'client'] as const)('as a handler that pauses, in a %s', (role) =>
    receive(tcp, role, 'handler', 16 * KiB),
  );
  test.each(['server', 'client'] as const)('as a loop that takes nothing, in a %s', (role) =>
    receive(tcp, role, 'iterator', 16 * KiB),
  );
  test('as a loop that takes no messages of 1 MiB', () => receive(tcp, 'server', 'iterator', MiB));
  test('as a loop that takes no tiny messages', () => receive(tcp, 'server', 'iterator', 100));
  test.each(['server', 'client'] as const)('in the middle of a stream, in a %s', (role) =>
    receive(tcp, role, 'streams', MiB),
  );
  test('between streams of tiny messages', () => receive(tcp, 'server', 'streams', 250));
  test('as the readable of a WebSocketStream', () => receive(tcp, 'client', 'webSocketStream', 16 * KiB));
});

describe.each(otherRoads)('over $name a consumer that stops', (road) => {
  test('as a loop', () => receive(road, 'server', 'iterator', 16 * KiB));
  test('as a handler that pauses', () => receive(road, 'client', 'handler', 16 * KiB));
  test('in the middle of a stream', () => receive(road, 'client', 'streams', 256 * KiB));
});

describe('a peer that sends and never reads', () => {
  test.each([tcp, ...otherRoads])('stops an echo handler over $name, which loses nothing', async (road) => {
    const messageBytes = 16 * KiB;
    await using pair = await Pair.join(road, { role: 'server', consumer: 'echo' });
    const { subject, socket } = pair;
    pair.send(20, messageBytes);
    await pair.hasReceived(20);
    await subject.measure(true);
    socket.pause();
    const sent = await pair.flood(messageBytes);
    const measure = await subject.measure();
    expect(measure.bufferedAmount).toBeLessThan(highWaterMarkBytes + messageBytes * 2);
    const boundBytes = 2 * (highWaterMarkBytes + messageBytes * 2) + 128 * KiB + 2 * readBytes;
    expect(measure.retainedBytes).toBeLessThan(boundBytes + noiseBytes);
    socket.resume();
    await pair.hasReceived(sent);
    pair.send(50, messageBytes);
    await pair.hasReceived(sent + 50);
    expect(pair.fault).toBeUndefined();
  });
});

test('a WebSocket cannot pause by its standard: its listeners get everything as it comes, so that nothing piles up', async () => {
  await using pair = await Pair.join(tcp, { role: 'client', consumer: 'webSocket' });
  const { subject } = pair;
  pair.send(20, 16 * KiB);
  await expect.poll(async () => (await subject.look()).consumed, { timeout: 30_000 }).toBe(20);
  await subject.measure(true);
  pair.send(2000, 16 * KiB);
  await expect.poll(async () => (await subject.look()).consumed, { timeout: 30_000 }).toBe(2020);
  const measure = await subject.measure();
  expect(measure.retainedBytes).toBeLessThan(noiseBytes);
  expect(measure.faults).toEqual([]);
});
