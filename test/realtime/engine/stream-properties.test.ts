// Whatever is appended, however time passes: a read is exact or says that it is not, and what is promised is always exact.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryEngine } from '../../../src/realtime/engine/memory-engine.ts';
import type { StreamPosition } from '../../../src/realtime/wire/stream-position.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('append'), count: fc.integer({ min: 1, max: 40 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.oneof(fc.nat(10), fc.constant(10_000)) }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('read'), place: fc.nat(), limit: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forge'), place: fc.nat(), offset: fc.nat(300) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('page'), before: fc.nat(300), count: fc.nat(20) }) },
);
const scenes = fc.record({
  maxEntries: fc.integer({ min: 0, max: 50 }),
  maxAgeMs: fc.oneof(fc.nat(20), fc.nat(60_000)),
  steps: fc.array(step, { minLength: 1, maxLength: 40 }),
});

describe('streams in memory', () => {
  it('give exactly what came after a position or say that they cannot, and always can within the promise', async () => {
    let [exact, gaps] = [0, 0];
    await fc.assert(
      fc.asyncProperty(scenes, async ({ maxEntries, maxAgeMs, steps }) => {
        const clock = new FakeClock();
        const engine = new MemoryEngine({ clock });
        const retention = { maxEntries, maxAgeMs };
        const positions: StreamPosition[] = [await engine.head('a')];
        const appendedAtMs = [0];
        for (const action of steps) {
          const last = positions.length - 1;
          if ('ms' in action) clock.advance(action.ms);
          if (action.kind === 'append' && 'count' in action) {
            for (let number = last + 1; number <= last + action.count; number++) {
              const { position } = await engine.append('a', { name: 'n', data: `${number}`, retention });
              positions.push(position);
              appendedAtMs.push(clock.now());
            }
          }
          if ('limit' in action) {
            const place = action.place % positions.length;
            const read = await engine.read('a', positions[place], action.limit);
            const missed = last - place;
            const isYoung = missed === 0 || appendedAtMs[place + 1] >= clock.now() - maxAgeMs;
            const isPromised = missed <= maxEntries && isYoung;
            expect(read.head).toEqual(positions[last]);
            if (read.kind === 'read') {
              exact++;
              expect(missed).toBeLessThanOrEqual(action.limit);
              expect(read.entries.map(({ data }) => Number(data))).toEqual(
                Array.from({ length: missed }, (_, index) => place + 1 + index),
              );
              expect(isYoung).toBe(true);
            } else {
              gaps++;
              expect(read.reason).toBe(isPromised ? 'limit' : 'expired');
              if (isPromised) expect(missed).toBeGreaterThan(action.limit);
            }
          }
          if ('offset' in action) {
            // The id of one place at another: never the same history.
            const place = action.place % positions.length;
            if (action.offset === place) continue;
            const forged = { ...positions[place], offset: action.offset };
            expect((await engine.read('a', forged, 1000)).kind).toBe('gap');
          }
          if ('before' in action) {
            const { entries } = await engine.history('a', action.before, action.count);
            const first = Math.max(1, last - maxEntries + 1);
            const wanted = Array.from({ length: last }, (_, index) => index + 1).filter(
              (offset) =>
                offset >= first && offset < action.before && appendedAtMs[offset] >= clock.now() - maxAgeMs,
            );
            expect(entries.map(({ offset }) => offset)).toEqual(
              action.count === 0 ? [] : wanted.slice(-action.count),
            );
          }
        }
        await engine.close();
      }),
      { numRuns: 400 },
    );
    // Both outcomes were there, many times.
    expect(exact).toBeGreaterThan(200);
    expect(gaps).toBeGreaterThan(200);
  });

  it('let go of the data of what is no longer promised', async () => {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    if (typeof collect !== 'function') throw new Error('there is no collector of garbage to call');
    const engine = new MemoryEngine({ clock: new FakeClock() });
    const told: WeakRef<object>[] = [];
    await engine.subscribe('a', {
      appended: (_channel, entry) => told.push(new WeakRef(entry)),
      heard: () => undefined,
      interrupted: () => undefined,
    });
    for (let number = 0; number < 1000; number++) {
      const retention = { maxEntries: 10, maxAgeMs: 60_000 };
      await engine.append('a', { name: 'n', data: `${number}`, retention });
    }
    // What a WeakRef was made of lives until its turn ends.
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 0);
    });
    collect();
    expect(told).toHaveLength(1000);
    const alive = told.filter((reference) => reference.deref() !== undefined).length;
    expect(alive).toBeGreaterThanOrEqual(10);
    expect(alive).toBeLessThanOrEqual(12);
    expect((await engine.head('a')).offset).toBe(1000);
  });
});
