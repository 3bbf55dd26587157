// One subscriber that stops reading, over a real socket, beside 999 that keep up: whatever the policy of the channel is, what the server
// holds for the one stays below its bound, the others get everything, and the one gets what the policy promises when it reads again.

import { afterEach, describe, expect, test } from 'vitest';
import { defineContract } from '../../../src/realtime/contract/contract.ts';
import { typed } from '../../../src/realtime/contract/standard-schema.ts';
import { Hub } from '../../../src/realtime/server/hub.ts';
import type { WhenSlow } from '../../../src/realtime/server/follower.ts';
import { serveRealtime } from '../../../src/node/realtime/serve-realtime.ts';
import { maxBatchBytes } from '../../../src/realtime/server/stream-frames.ts';
import { FakeClock } from '../../../src/testing.ts';
import { fields } from './hub-stage.ts';
import { HealthyCrowd, StoppedClient, turn } from './stopped-client.ts';

interface Sent {
  readonly n: number;
  readonly key: string;
  readonly text: string;
}

const event = typed<Sent>();
const contract = defineContract({
  version: '1.0',
  channels: {
    log: { events: { sent: event } },
    latest: { delivery: 'latest', events: { sent: event } },
    volatile: { delivery: 'volatile', events: { sent: event } },
  },
});
type Name = keyof typeof contract.channels;

const healthyCount = 999;
const highWaterMarkBytes = 64 * 1024;
const text = 'x'.repeat(16_000);
// Full from the mark on; what is sent at once when it is not is no more than one batch. A volatile channel holds as much again beside it.
const boundBytes: Readonly<Record<Name, number>> = {
  log: highWaterMarkBytes + maxBatchBytes,
  latest: highWaterMarkBytes + maxBatchBytes,
  volatile: 2 * highWaterMarkBytes + maxBatchBytes,
};
const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
});

interface Scene {
  readonly hub: Hub<typeof contract>;
  readonly clock: FakeClock;
  readonly healthy: HealthyCrowd;
  readonly stopped: StoppedClient;
  /** Publishes the next one, and sees to it that it is sent. */
  publish(): Promise<void>;
  /** How many were published. */
  readonly count: number;
  /** The most that waited at any time for the one. */
  readonly mostBytes: number;
}

/** A server with everybody, and the one has stopped: ten times as much as may be held was published since it could take no more. */
async function stopOne(
  name: Name,
  whenSlow: WhenSlow,
  { retention = {}, rate, stepMs = 0 }: { retention?: object; rate?: number; stepMs?: number } = {},
): Promise<Scene> {
  const clock = new FakeClock();
  const hub = new Hub(contract, { clock, highWaterMarkBytes, maxBufferedBytes: 1024 * 1024 });
  hub.channel(name, { whenSlow, retention, key: (_event, data) => String(fields(data).key) });
  // One that is ended may read what was sent to it however late that is.
  const server = await serveRealtime(hub, { port: 0, host: '127.0.0.1', clock });
  open.push({
    [Symbol.asyncDispose]: async () => {
      const over = new AbortController();
      const closing = server.close({ timeoutMs: 0 }).finally(() => over.abort());
      while (!over.signal.aborted) {
        clock.advance(1_000);
        await turn();
      }
      await closing;
      await hub.close();
    },
  });
  const wish = rate === undefined ? {} : { rate };
  const stopped = await StoppedClient.open(server.port ?? 0, [[1, name, wish]]);
  open.push(stopped);
  const healthy = await HealthyCrowd.gather(hub, healthyCount, name);
  const channel = hub.channel(name);
  let [count, mostBytes] = [0, 0];
  const publish = async (): Promise<void> => {
    count++;
    await channel.publish('sent', { n: count, key: keys[count % keys.length], text });
    clock.advance(stepMs);
    await turn();
    await turn();
    mostBytes = Math.max(mostBytes, hub.snapshot().bufferedBytes);
  };
  stopped.stop();
  // What the kernel takes for it is not the server's memory.
  const isStuck = (): boolean => {
    const { slowConsumers, bufferedBytes, sessions } = hub.snapshot();
    // The kernel may take the rest at the very moment in which one is closed for what waited.
    return slowConsumers > 0 || bufferedBytes > highWaterMarkBytes || sessions.goodbyes.SLOW_CONSUMER === 1;
  };
  while (!isStuck()) await publish();
  const bound = boundBytes[name];
  for (let bytes = 0; bytes < 10 * bound; bytes += text.length) await publish();
  return {
    hub,
    clock,
    healthy,
    stopped,
    publish,
    get count() {
      return count;
    },
    get mostBytes() {
      return mostBytes;
    },
  };
}

function numbers(frames: readonly (readonly unknown[])[]): number[] {
  return frames.filter((frame) => frame[0] === 2).map((frame) => Number(fields(frame[4]).n));
}

function upTo(last: number, first = 1): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function expectBounded({ mostBytes, healthy, count }: Scene, name: Name): void {
  expect(mostBytes).toBeLessThanOrEqual(boundBytes[name]);
  expect(healthy.isComplete).toBe(true);
  expect(numbers(healthy.frames)).toEqual(upTo(count));
}

function newest({ frames }: StoppedClient): number {
  const frame = frames.findLast(([type]) => type === 2);
  return frame === undefined ? 0 : Number(fields(frame[4]).n);
}

async function untilLast({ stopped }: Scene, last: number): Promise<void> {
  await stopped.until(() => newest(stopped) === last);
}

describe('one subscriber of a thousand that stops reading holds little, costs the others nothing, and', () => {
  test('reads on from the history of a log when it goes on, without a gap', async () => {
    const scene = await stopOne('log', 'recover', { retention: { maxEntries: 5_000 } });
    const { stopped } = scene;
    expect(numbers(stopped.frames).length).toBeLessThan(scene.count - 50);
    stopped.goOn();
    await untilLast(scene, scene.count);
    await scene.publish();
    await untilLast(scene, scene.count);
    expect(numbers(stopped.frames)).toEqual(upTo(scene.count));
    expect(stopped.of(12)).toEqual([]);
    expectBounded(scene, 'log');
  });

  test('is told of the gap when the history of a log has passed it, and how many it misses', async () => {
    const scene = await stopOne('log', 'recover', { retention: { maxEntries: 20 } });
    const { stopped } = scene;
    stopped.goOn();
    await stopped.until(() => stopped.of(12).length > 0);
    const before = scene.count;
    await scene.publish();
    await untilLast(scene, scene.count);
    const [skipped, ...more] = stopped.of(12);
    expect(more).toEqual([]);
    const had = before - Number(skipped[2]);
    expect(skipped).toMatchObject([
      12,
      expect.any(Number),
      expect.any(Number),
      { position: [expect.any(String), before, expect.any(String)], gap: 'overrun' },
    ]);
    expect(numbers(stopped.frames)).toEqual([...upTo(had), scene.count]);
    expectBounded(scene, 'log');
  });

  test('gets the newest of each key of a latest channel', async () => {
    const scene = await stopOne('latest', 'conflate');
    const { stopped } = scene;
    const had = scene.count;
    stopped.goOn();
    await untilLast(scene, had);
    const got = numbers(stopped.frames);
    const last = got.slice(-keys.length);
    expect(last).toEqual(upTo(had, had - keys.length + 1));
    const live = got.slice(0, -keys.length);
    expect(live).toEqual(upTo(live.length));
    expect(live.length).toBeLessThan(had - 50);
    await scene.publish();
    await untilLast(scene, scene.count);
    expectBounded(scene, 'latest');
  });

  test('loses the oldest of a volatile channel, and is told exactly how many', async () => {
    const scene = await stopOne('volatile', 'drop');
    const { stopped } = scene;
    stopped.goOn();
    await untilLast(scene, scene.count);
    const [skipped, ...more] = stopped.of(12);
    expect(more).toEqual([]);
    const got = numbers(stopped.frames);
    const dropped = Number(skipped[2]);
    const at = stopped.frames.indexOf(skipped);
    const live = numbers(stopped.frames.slice(0, at));
    expect(live).toEqual(upTo(live.length));
    expect(got).toEqual([...live, ...upTo(scene.count, live.length + dropped + 1)]);
    // No more than was allowed was held beside the link.
    expect((got.length - live.length) * text.length).toBeLessThanOrEqual(highWaterMarkBytes);
    expect(got.length).toBeGreaterThan(live.length);
    expectBounded(scene, 'volatile');
  });

  test('is told how many it misses of a log that drops', async () => {
    const scene = await stopOne('log', 'drop', { retention: { maxEntries: 5_000 } });
    const { stopped } = scene;
    const before = scene.count;
    stopped.goOn();
    await stopped.until(() => stopped.of(12).length > 0);
    await scene.publish();
    await untilLast(scene, scene.count);
    const [skipped, ...more] = stopped.of(12);
    expect(more).toEqual([]);
    const had = before - Number(skipped[2]);
    expect(numbers(stopped.frames)).toEqual([...upTo(had), scene.count]);
    expect(fields(skipped[3]).gap).toBeUndefined();
    expectBounded(scene, 'log');
  });

  for (const name of ['log', 'latest', 'volatile'] as const) {
    test(`is ended where a ${name} channel closes, and is told why`, async () => {
      const scene = await stopOne(name, 'close');
      const { stopped, hub } = scene;
      expect(hub.snapshot().sessions).toMatchObject({
        connected: healthyCount,
        goodbyes: { SLOW_CONSUMER: 1 },
      });
      stopped.goOn();
      await stopped.until(() => stopped.closeCode !== undefined);
      expect(stopped.closeCode).toBe(4007);
      const got = numbers(stopped.frames);
      expect(got).toEqual(upTo(got.length));
      expect(stopped.of(10)).toMatchObject([[10, { code: 'SLOW_CONSUMER', retryable: true }]]);
      expectBounded(scene, name);
    });
  }

  for (const name of ['log', 'volatile'] as const) {
    test(`gets the newest of a ${name} channel at the rate that it asked for, and the count of the others`, async () => {
      const whenSlow = name === 'log' ? 'recover' : 'drop';
      const scene = await stopOne(name, whenSlow, {
        rate: 500,
        stepMs: 2,
        retention: { maxEntries: 20 },
      });
      const { stopped, clock } = scene;
      const had = numbers(stopped.frames).length;
      expect(had).toBeLessThan(scene.count - 50);
      stopped.goOn();
      while (newest(stopped) !== scene.count) {
        clock.advance(2);
        await turn();
      }
      const got = numbers(stopped.frames);
      const skipped = stopped.of(12);
      const dropped = skipped.reduce((sum, frame) => sum + Number(frame[2]), 0);
      expect(got.length + dropped).toBe(scene.count);
      expect(got).toEqual(got.toSorted((a, b) => a - b));
      // It wanted no more than that: nothing is missing.
      expect(skipped.filter((frame) => 'gap' in fields(frame[3]))).toEqual([]);
      expectBounded(scene, name);
    });
  }
});
