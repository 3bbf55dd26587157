import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it, test } from 'vitest';
import { LoopTurns } from '../../../src/node/zlib/loop-turns.ts';
import { bothWays, deflate, expectBytes, inflate, large, stage, usual, usualInflate } from './zlib-stage.ts';

const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

const MiB = 1024 * 1024;

describe('LoopTurns', () => {
  it('let work go on at once until 4 MiB were made, and again after a turn of the event loop', async () => {
    const turns = new LoopTurns();
    turns.spend(3 * MiB);
    await nextTurn();
    expect(turns.mustWait).toBe(false);
    turns.spend(MiB);
    expect(turns.mustWait).toBe(true);
    await nextTurn();
    expect(turns.mustWait).toBe(false);
  });

  it('count each message as 1 KiB at least, so that tiny ones are bounded too', () => {
    const turns = new LoopTurns();
    for (let message = 0; message < 4095; message++) turns.spend(0);
    expect(turns.mustWait).toBe(false);
    turns.spend(1);
    expect(turns.mustWait).toBe(true);
  });

  it('start what waits in its order, as much of it in a turn as makes 4 MiB, the newest last', async () => {
    const turns = new LoopTurns();
    const started: string[] = [];
    turns.spend(4 * MiB);
    for (const name of ['a', 'b', 'c']) {
      turns.wait(() => {
        started.push(name);
        turns.spend(3 * MiB);
        // The next message of the same connection.
        if (turns.mustWait) turns.wait(() => started.push(name.toUpperCase()));
      });
    }
    expect(started).toEqual([]);
    await nextTurn();
    expect(started).toEqual(['a', 'b']);
    expect(turns.mustWait).toBe(true);
    await nextTurn();
    expect(started).toEqual(['a', 'b', 'c', 'A', 'B', 'C']);
    await nextTurn();
    expect(turns.mustWait).toBe(false);
  });

  it('start nothing more while messages that went on elsewhere hold 16 MiB', async () => {
    const turns = new LoopTurns();
    const started: string[] = [];
    turns.hold(12 * MiB);
    await nextTurn();
    expect(turns.mustWait).toBe(false);
    turns.hold(4 * MiB);
    await nextTurn();
    expect(turns.mustWait).toBe(true);
    turns.wait(() => started.push('a'));
    await nextTurn();
    expect(started).toEqual([]);
    turns.release(12 * MiB);
    await nextTurn();
    expect(started).toEqual(['a']);
    expect(turns.mustWait).toBe(false);
  });

  it('start it in the asynchronous context of its caller', async () => {
    const turns = new LoopTurns();
    const storage = new AsyncLocalStorage<number>();
    const seen: unknown[] = [];
    turns.spend(4 * MiB);
    for (const user of [1, 2]) storage.run(user, () => turns.wait(() => seen.push(storage.getStore())));
    await nextTurn();
    expect(seen).toEqual([1, 2]);
  });
});

describe.each(bothWays)('codecs over %s contexts', (way) => {
  it('decompress no more than that in a turn, all connections together, and leave none of them out', async () => {
    const { codec, memory, clock } = stage(way);
    const payload = new Uint8Array(200_000).fill(7);
    const deflated = await deflate(codec.createDeflater(usual), payload);
    const done: number[] = [];
    const inflaters = Array.from({ length: 60 }, () =>
      codec.createInflater({ ...usualInflate, maxInflationRatio: 2000 }),
    );
    for (const [index, inflater] of inflaters.entries()) {
      inflater.inflate(deflated, true, large, (error, output) => {
        expect(error).toBeUndefined();
        expectBytes(output, payload);
        done.push(index);
      });
    }
    expect(done).toHaveLength(Math.ceil((4 * MiB) / (payload.length + 1024)));
    // What is closed while it waits is not called back.
    inflaters[50].close();
    await nextTurn();
    expect(done.length).toBeLessThan(50);
    await nextTurn();
    expect(done).toEqual(inflaters.map((_, index) => index).filter((index) => index !== 50));
    for (const inflater of inflaters) inflater.close();
    clock.advance(30_000);
    expect(memory.usedBytes).toBe(0);
  });
});

test('messages that outgrow the event loop hold no more than 16 MiB together, and all come to their end', async () => {
  const { codec, memory } = stage('live');
  const count = 200;
  const deflated = await deflate(codec.createDeflater(usual), new Uint8Array(MiB));
  const contextBytes = (1 << usualInflate.windowBits) + 7 * 1024;
  let mostInWork = 0;
  const inflaters = Array.from({ length: count }, () =>
    codec.createInflater({ ...usualInflate, maxInflationRatio: 2000 }),
  );
  const messages = inflaters.map(async (inflater) => {
    const output = await inflate(inflater, deflated);
    mostInWork = Math.max(mostInWork, memory.usedBytes / contextBytes);
    return output.length;
  });
  // What is closed in the thread pool, or waits for it, makes room for others.
  for (const inflater of inflaters.slice(0, 40)) inflater.close();
  expect(await Promise.all(messages.slice(40))).toEqual(Array.from({ length: count - 40 }, () => MiB));
  // Each holds 256 KiB, and a context.
  expect(mostInWork).toBeLessThan(64 + 20);
});

test('what the one-shot API has made in vain counts for the turn, so that others wait instead of the event loop', async () => {
  const { codec } = stage('oneShot');
  const bomb = await deflate(codec.createDeflater(usual), new Uint8Array(MiB));
  const small = await deflate(codec.createDeflater(usual), Uint8Array.of(1, 2, 3));
  const inflaters = Array.from({ length: 20 }, () =>
    codec.createInflater({ ...usualInflate, maxInflationRatio: 2000 }),
  );
  const bombs = inflaters.map((inflater) => inflate(inflater, bomb));
  const last = codec.createInflater(usualInflate);
  let isDone = false;
  const done = new Promise<Uint8Array>((resolve) => {
    last.inflate(small, true, large, (_error, output) => {
      isDone = true;
      resolve(output);
    });
  });
  expect(isDone).toBe(false);
  expectBytes(await done, Uint8Array.of(1, 2, 3));
  for (const output of await Promise.all(bombs)) expect(output.length).toBe(MiB);
});
