// A fast producer against a reader that has stopped, by every way of sending and over every road: what is retained stays
// within the bound that docs/guide.md states, nothing is lost or reordered, and everything flows again.

import { describe, expect, test, vi } from 'vitest';
import { otherRoads, Pair, type Road, tcp } from './peers.ts';
import { faultOf } from './numbered.mjs';
import { pause, type SubjectConfig, until } from './subject.ts';

// Two processes share what cores there are with all other tests.
vi.setConfig({ testTimeout: 60_000 });

const KiB = 1024;
const MiB = 1024 * KiB;
// The defaults (docs/guide.md, Backpressure).
const highWaterMarkBytes = 64 * KiB;
const stagingBytes = 128 * KiB;
// What differs between two measurements of a process that has done the same.
const noiseBytes = 1 * MiB;

// So many messages that all parts have worked, and no more.
const manyOf = (messageBytes: number): number => Math.max(5, Math.min(200, (2 * MiB) / messageBytes));

type Waiting = 'send' | 'webSocketStream';

/** Sends whose promise is awaited. */
async function awaited(
  road: Road,
  role: SubjectConfig['role'],
  producer: Waiting,
  messageBytes: number,
): Promise<void> {
  await using pair = await Pair.join(road, { role, producer, messageBytes });
  const { subject, socket } = pair;
  await subject.produce();
  await pair.hasReceived(manyOf(messageBytes));
  const early = await subject.stopProducing();
  await pair.hasReceived(early);
  await subject.measure(true);

  socket.pause();
  await subject.produce();
  await subject.isStuck();
  const measure = await subject.measure();
  // A message beyond the mark, and while it is compressed what becomes of it.
  const queuedBytes = highWaterMarkBytes + messageBytes * (road.isDeflated ? 2 : 1);
  // The standard's streams do not say what waits.
  if (producer === 'send') expect(measure.bufferedAmount).toBeGreaterThan(0);
  expect(measure.bufferedAmount).toBeLessThanOrEqual(queuedBytes + 14);
  expect(measure.retainedBytes).toBeLessThan(2 * queuedBytes + stagingBytes + noiseBytes);

  socket.resume();
  await pair.hasReceived(measure.produced + manyOf(messageBytes));
  const produced = await subject.stopProducing();
  await pair.hasReceived(produced);
  expect(pair.fault).toBeUndefined();
  expect((await subject.look()).faults).toEqual([]);
}

/** Sends that nobody waits for, a few bytes in each turn of the event loop. */
async function unawaited(
  road: Road,
  role: SubjectConfig['role'],
  producer: 'turns' | 'publish' | 'webSocket',
  messageBytes: number,
): Promise<void> {
  const stopAtBytes = 128 * KiB;
  const maxQueuedBytes = 256 * KiB;
  await using pair = await Pair.join(road, {
    role,
    producer,
    messageBytes,
    stopAtBytes: 1,
    options: { maxQueuedBytes },
    ...(producer === 'publish' ? { whenSlow: 'close' } : {}),
  });
  const { subject, socket } = pair;
  await subject.produce();
  await pair.hasReceived(50);
  await subject.measure(true);

  socket.pause();
  await subject.stopAt(stopAtBytes);
  const { bufferedAmount } = await subject.isStuck();
  const measure = await subject.measure();
  expect(bufferedAmount).toBeGreaterThanOrEqual(stopAtBytes);
  expect(measure.retainedBytes).toBeLessThan(2 * bufferedAmount + stagingBytes + noiseBytes);

  socket.resume();
  await pair.hasReceived(measure.produced + 100);
  expect(pair.fault).toBeUndefined();

  // Without end it is cut: for a named reason, and with nothing left out before that.
  socket.pause();
  await subject.stopAt(undefined, 1000);
  const { code, cause } = await subject.ended();
  expect(code).toBe(1006);
  // The standard's CloseEvent says no more.
  if (producer !== 'webSocket') expect(cause).toBe('WS_SEND_QUEUE_OVERFLOW');
  expect((await subject.measure()).retainedBytes).toBeLessThan(stagingBytes + noiseBytes);
  expect((await subject.look()).faults).toEqual([]);
}

/** What is published to a subscription that leaves messages out by its own choice: the queue stays at the mark. */
async function published(road: Road, whenSlow: 'drop' | 'latest', messageBytes: number): Promise<void> {
  await using pair = await Pair.join(road, { role: 'server', producer: 'publish', messageBytes, whenSlow });
  const { subject, socket } = pair;
  const numbers: number[] = [];
  pair.onMessage = (bytes) => {
    const seq = bytes.readUInt32BE();
    numbers.push(seq);
    pair.fault ??= faultOf(bytes, seq);
  };
  await subject.stopAt(undefined, 5);
  await subject.produce();
  await until(() => numbers.length > 50);
  await subject.measure(true);
  socket.pause();
  // Long enough that what the system takes is full: then the queue stays where it is while more and more is published.
  await until(async () => {
    const before = await subject.look();
    await pause(300);
    const after = await subject.look();
    return before.bufferedAmount > highWaterMarkBytes && after.bufferedAmount === before.bufferedAmount;
  });
  const measure = await subject.measure();
  const queuedBytes = highWaterMarkBytes + Math.max(64 * KiB, messageBytes) * (road.isDeflated ? 2 : 1);
  expect(measure.bufferedAmount).toBeLessThanOrEqual(queuedBytes + 14);
  // 'latest' holds one more.
  expect(measure.retainedBytes).toBeLessThan(2 * queuedBytes + messageBytes + stagingBytes + noiseBytes);

  socket.resume();
  await until(() => numbers.length > 0 && numbers[numbers.length - 1] > measure.produced);
  const last = (await subject.stopProducing()) - 1;
  // The newest is never lost by 'latest', however slow its receiver was.
  if (whenSlow === 'latest') await until(() => numbers[numbers.length - 1] === last);
  expect(pair.fault).toBeUndefined();
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  expect(new Set(numbers).size).toBe(numbers.length);
}

/** One message without end, from a source that is as fast as it can be. */
async function streamed(road: Road, role: SubjectConfig['role'], pieceBytes: number): Promise<void> {
  await using pair = await Pair.join(road, { role, producer: 'sendStream', messageBytes: pieceBytes });
  const { subject, socket } = pair;
  const messages: Buffer[] = [];
  pair.onMessage = (bytes) => messages.push(bytes);
  await subject.measure(true);
  socket.pause();
  await subject.produce();
  await subject.isStuck();
  const measure = await subject.measure();
  const queuedBytes = highWaterMarkBytes + pieceBytes * (road.isDeflated ? 2 : 1);
  expect(measure.bufferedAmount).toBeGreaterThan(0);
  expect(measure.bufferedAmount).toBeLessThanOrEqual(queuedBytes + 14);
  expect(measure.retainedBytes).toBeLessThan(2 * queuedBytes + stagingBytes + noiseBytes);

  socket.resume();
  await subject.stopProducing();
  await expect.poll(() => messages.length, { timeout: 30_000 }).toBe(1);
  const { produced } = await subject.look();
  const [message] = messages;
  expect(message.length).toBe(produced * pieceBytes);
  for (let index = 0; index < produced; index++) {
    pair.received = index;
    const piece = message.subarray(index * pieceBytes, (index + 1) * pieceBytes);
    pair.fault ??= piece.readUInt32BE() === index ? undefined : `piece ${index} is ${piece.readUInt32BE()}`;
  }
  expect(pair.fault).toBeUndefined();
}

describe('over TCP a producer that waits for every send', () => {
  test.each(['server', 'client'] as const)('keeps a %s within the bound by send()', (role) =>
    awaited(tcp, role, 'send', 16 * KiB),
  );
  test.each(['server', 'client'] as const)('keeps a %s within the bound by send() of 1 MiB', (role) =>
    awaited(tcp, role, 'send', MiB),
  );
  test('keeps a client within the bound by the writable of a WebSocketStream', () =>
    awaited(tcp, 'client', 'webSocketStream', 16 * KiB));
  test.each(['server', 'client'] as const)('keeps a %s within the bound by sendStream()', (role) =>
    streamed(tcp, role, 16 * KiB),
  );
});

describe('over TCP a producer that waits for nothing', () => {
  test.each([20, 1 * KiB])(
    'keeps a server within the bound by messages of %i bytes, and is cut beyond it',
    (bytes) => unawaited(tcp, 'server', 'turns', bytes),
  );
  test('keeps a client within the bound, and is cut beyond it', () => unawaited(tcp, 'client', 'turns', 20));
  test('keeps a server within the bound by what it publishes, and is cut beyond it', () =>
    unawaited(tcp, 'server', 'publish', 20));
  test('keeps a client within the bound by a WebSocket, and is cut beyond it', () =>
    unawaited(tcp, 'client', 'webSocket', 20));
});

describe.each([tcp, otherRoads[2]])('what is published over $name', (road) => {
  test.each(['drop', 'latest'] as const)("to a subscription with '%s' stays at the mark", (whenSlow) =>
    published(road, whenSlow, 4 * KiB),
  );
});

describe.each(otherRoads)('over $name', (road) => {
  test('a server that waits for every send stays within the bound', () =>
    awaited(road, 'server', 'send', 16 * KiB));
  test('a client that streams stays within the bound', () => streamed(road, 'client', 16 * KiB));
  test('a server that waits for nothing stays within the bound, and is cut beyond it', () =>
    unawaited(road, 'server', 'turns', 100));
});
