import { afterEach, describe, expect, it } from 'vitest';
import type { StreamEntry, StreamListener } from '../../src/realtime/engine/engine.ts';
import { MemoryEngine } from '../../src/realtime/engine/memory-engine.ts';
import type { EngineUnderTest } from '../../src/testing/engine-contract/contract-case.ts';
import { engineContract } from '../../src/testing/engine-contract.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import { HostileEngine } from '../../src/testing/hostile-engine.ts';
import { SeededRandom } from '../../src/testing/seeded-random.ts';

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });
const retention = { maxEntries: 100, maxAgeMs: 1e9 };
let stop = (): void => undefined;

/** A clock that goes on by itself, a little each turn of the loop, so that what waits for it can be awaited. */
function goingClock(): FakeClock {
  const clock = new FakeClock();
  let isGoing = true;
  stop = () => {
    isGoing = false;
  };
  const go = (): void => {
    clock.advance(1);
    if (isGoing) setImmediate(go);
  };
  setImmediate(go);
  return clock;
}

class Ears implements StreamListener {
  readonly heardOf: (number | string)[] = [];

  appended(_channel: string, entry: StreamEntry): void {
    this.heardOf.push(entry.offset);
  }

  heard(): void {}

  interrupted(channel: string): void {
    this.heardOf.push(channel);
  }
}

async function makeFarEngine(): Promise<EngineUnderTest> {
  const clock = goingClock();
  const memory = new MemoryEngine({ clock, onError: () => undefined });
  const random = new SeededRandom(1);
  const node = (): HostileEngine =>
    new HostileEngine(memory, { clock, random, weather: { delayMs: [0, 5] }, onError: () => undefined });
  return {
    nodes: [node(), node()],
    unitMs: 1000,
    advance: async (durationMs) => clock.advance(durationMs),
    settle: async () => {
      for (let turns = 0; turns < 20; turns++) await turn();
    },
    close: async () => {
      stop();
      await memory.close();
    },
  };
}

describe('an engine that is far away', () => {
  afterEach(() => stop());

  for (const { name, run } of engineContract) it(`keeps the contract: ${name}`, () => run(makeFarEngine));

  it('fails while it is away, and says afterwards that something may have been missed', async () => {
    const clock = goingClock();
    const memory = new MemoryEngine({ clock });
    const engine = new HostileEngine(memory, { clock, random: new SeededRandom(1) });
    const ears = new Ears();
    await engine.subscribe('a', ears);
    engine.leave();
    await expect(engine.head('a')).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    await memory.append('a', { name: 'n', data: '1', retention });
    engine.calm();
    await engine.append('a', { name: 'n', data: '2', retention });
    for (let turns = 0; turns < 10; turns++) await turn();
    expect(ears.heardOf).toEqual(['a', 2]);
  });

  it('may have carried out what it does not answer', async () => {
    const clock = goingClock();
    const memory = new MemoryEngine({ clock });
    const random = new SeededRandom(1);
    const engine = new HostileEngine(memory, { clock, random, weather: { delayMs: [10, 10] } });
    clock.setTimer(() => engine.leave(50), 15);
    await expect(engine.append('a', { name: 'n', data: '1', retention })).rejects.toThrow('is away');
    expect((await memory.head('a')).offset).toBe(1);
  });

  it('hears nothing more from a node that was killed, whose lease runs out', async () => {
    const clock = goingClock();
    const memory = new MemoryEngine({ clock });
    const engine = new HostileEngine(memory, { clock, random: new SeededRandom(1) });
    const ears = new Ears();
    await engine.subscribe('a', ears);
    await engine.renewLease('n1', 1000);
    await engine.change('a', [{ key: 'k', value: '1', owner: 'n1' }], retention);
    for (let turns = 0; turns < 10; turns++) await turn();
    engine.kill();
    let isAnswered = false;
    engine.head('a').then(
      () => {
        isAnswered = true;
      },
      () => {
        isAnswered = true;
      },
    );
    clock.advance(5000);
    await turn();
    expect(isAnswered).toBe(false);
    expect(ears.heardOf).toEqual([1]);
    expect(await memory.map('a')).toMatchObject({ entries: [], head: { offset: 2 } });
  });
});
