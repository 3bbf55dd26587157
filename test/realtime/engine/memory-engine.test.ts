import { describe, expect, it, vi } from 'vitest';
import type { AppendRequest, StreamEntry, StreamListener } from '../../../src/realtime/engine/engine.ts';
import { MemoryEngine } from '../../../src/realtime/engine/memory-engine.ts';
import type { MemoryEngineOptions } from '../../../src/realtime/engine/memory-engine-options.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';

const retention = { maxEntries: 3, maxAgeMs: 60_000 };

function request(data: string, more: Partial<AppendRequest> = {}): AppendRequest {
  return { name: 'message', data, retention, ...more };
}

function newEngine(options: MemoryEngineOptions = {}): { engine: MemoryEngine; clock: FakeClock } {
  const clock = new FakeClock();
  return { engine: new MemoryEngine({ clock, timeOfDay: () => 5_000 + clock.now(), ...options }), clock };
}

class Ears implements StreamListener {
  readonly offsets: number[] = [];
  readonly onEntry: (entry: StreamEntry) => void;

  constructor(onEntry: (entry: StreamEntry) => void = () => undefined) {
    this.onEntry = onEntry;
  }

  appended(_channel: string, entry: StreamEntry): void {
    this.offsets.push(entry.offset);
    this.onEntry(entry);
  }

  heard(): void {}

  interrupted(): void {}
}

describe('the engine in memory', () => {
  it('tells on when both a listener and the one who is told of that throw', async () => {
    const { engine } = newEngine({
      onError: () => {
        throw new Error('no more');
      },
    });
    const consoleError = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const ears = new Ears();
    await engine.subscribe(
      'a',
      new Ears(() => {
        throw new Error('a mistake');
      }),
    );
    await engine.subscribe('a', ears);
    for (const data of ['1', '2']) await engine.append('a', request(data));
    expect(ears.offsets).toEqual([1, 2]);
    expect(consoleError).toHaveBeenCalledTimes(2);
    consoleError.mockRestore();
  });

  it('stamps entries with the time of day, also while its own clock begins at 0', async () => {
    const { engine, clock } = newEngine();
    clock.advance(7);
    await engine.append('a', request('1'));
    const { entries } = await engine.history('a', undefined, 1);
    expect(entries[0].atMs).toBe(5_007);
  });

  it('tells every listener in one order when a listener appends while it is told', async () => {
    const { engine } = newEngine();
    const late = new Ears();
    const first = new Ears((entry) => {
      if (entry.offset < 3) void engine.append('a', request('again'));
    });
    await engine.subscribe('a', first);
    await engine.subscribe('a', late);
    await engine.append('a', request('1'));
    expect(first.offsets).toEqual([1, 2, 3]);
    expect(late.offsets).toEqual([1, 2, 3]);
  });

  it('tells the other listeners, and resolves, when one throws, and reports what it threw', async () => {
    const errors: unknown[] = [];
    const { engine } = newEngine({ onError: (error) => errors.push(error) });
    const broken = new Error('broken');
    await engine.subscribe(
      'a',
      new Ears(() => {
        throw broken;
      }),
    );
    const other = new Ears();
    await engine.subscribe('a', other);
    await engine.append('a', request('1'));
    await engine.append('a', request('2'));
    expect(other.offsets).toEqual([1, 2]);
    expect(errors).toEqual([broken, broken]);
  });

  it('forgets a stream that nobody uses after the time that it states, and not before', async () => {
    const { engine, clock } = newEngine({ idleStreamMs: 100_000 });
    const { position } = await engine.append('a', request('1'));
    clock.advance(60_000 + 10_000 + 90_000);
    expect(engine.snapshot()).toMatchObject({ streams: 1, idleStreams: 1 });
    expect(await engine.read('a', position, 10)).toMatchObject({ kind: 'read', entries: [] });
    clock.advance(120_000);
    expect(engine.snapshot()).toMatchObject({ streams: 0, idleStreams: 0 });
    expect(await engine.read('a', position, 10)).toMatchObject({ kind: 'gap', reason: 'epoch' });
  });

  it('keeps a stream with a subscriber, and one with a map, as long as they are', async () => {
    const { engine, clock } = newEngine({ idleStreamMs: 1_000 });
    const ears = new Ears();
    await engine.subscribe('a', ears);
    await engine.change('b', [{ key: 'k', value: '1' }], retention);
    const heads = [await engine.head('a'), await engine.head('b')];
    clock.advance(3_600_000);
    expect([await engine.head('a'), await engine.head('b')]).toEqual(heads);
    engine.unsubscribe('a', ears);
    await engine.change('b', [{ key: 'k', value: null }], retention);
    clock.advance(3_600_000);
    expect(engine.snapshot().streams).toBe(0);
  });

  it('bounds the streams that nobody uses by number: the longest idle go first', async () => {
    const { engine } = newEngine({ maxIdleStreams: 3 });
    const heads = new Map<string, string>();
    for (const channel of ['a', 'b', 'c']) heads.set(channel, (await engine.head(channel)).epoch);
    await engine.head('a');
    await engine.head('d');
    expect(engine.snapshot()).toMatchObject({ streams: 3, idleStreams: 3 });
    expect((await engine.head('a')).epoch).toBe(heads.get('a'));
    expect((await engine.head('b')).epoch).not.toBe(heads.get('b'));
  });

  it('lets go of calls, sessions and idempotency keys that are over', async () => {
    const { engine, clock } = newEngine();
    for (let index = 0; index < 50; index++) {
      await engine.append('a', request('1', { idempotency: { key: `${index}`, windowMs: 5_000 } }));
      engine.claimCall('session', index, 'node', 6_000);
      await engine.keepSession(`${index}`, { user: undefined, secretHash: 'x' }, 7_000 + index);
    }
    expect(engine.snapshot().records).toBe(150);
    clock.advance(30_000);
    expect(engine.snapshot().records).toBe(0);
  });

  it('stops its timers when everything is gone and when it is closed', async () => {
    const { engine, clock } = newEngine({ idleStreamMs: 1_000 });
    await engine.head('a');
    expect(clock.pendingTimers).toBe(1);
    clock.advance(60_000);
    expect(clock.pendingTimers).toBe(0);
    await engine.renewLease('node', 1_000);
    await engine.head('a');
    await engine.close();
    expect(clock.pendingTimers).toBe(0);
    await expect(engine.head('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('refuses a retention, and options, that are no amounts', async () => {
    const { engine } = newEngine();
    const bad = { maxEntries: Number.NaN, maxAgeMs: 1 };
    await expect(engine.append('a', request('1', { retention: bad }))).rejects.toMatchObject({
      code: 'WS_OPTION_INVALID',
      message: 'maxEntries is NaN, expected a number of at least 0',
    });
    await expect(engine.change('a', [], { maxEntries: 1, maxAgeMs: -1 })).rejects.toMatchObject({
      code: 'WS_OPTION_INVALID',
    });
    expect(() => new MemoryEngine({ maxIdleStreams: 0 })).toThrow('expected a number of at least 1');
    expect(engine.snapshot().streams).toBe(0);
  });
});
