// Whatever the network, the engine and the nodes do: what is promised is kept. Each seed is one life of a small world; one that fails
// fails again with FULLDUPLEX_SEED=<seed>, and tells what happened with FULLDUPLEX_VERBOSE=1:
//
//     FULLDUPLEX_SEED=97 FULLDUPLEX_VERBOSE=1 npx vitest run test/realtime/histories

import { describe, expect, it } from 'vitest';
import type { LinkKind } from '../../../src/realtime/link/link.ts';
import type { HistoryRates } from '../../../src/testing/history-checker/violation.ts';
import { useReplayableDigest } from '../replayable-digest.ts';
import { runScenario } from './scenario.ts';

const isLong = process.env['FULLDUPLEX_LONG'] !== undefined;
const wanted = process.env['FULLDUPLEX_SEED'];
const onEvent =
  process.env['FULLDUPLEX_VERBOSE'] === undefined ? undefined : (event: string) => console.log(event);

const worlds: readonly (readonly [name: string, transports: readonly LinkKind[], seeds: number])[] = [
  ['WebSocket', ['websocket'], isLong ? 4_000 : 50],
  ['all kinds of links', ['websocket', 'stream', 'poll'], isLong ? 2_000 : 30],
  ['streams and polls', ['stream', 'poll'], isLong ? 1_000 : 20],
];

/** The seeds of a world: the one that is wanted, or as many as there shall be. */
function seedsOf(count: number): readonly number[] {
  const first = Number(process.env['FULLDUPLEX_FIRST_SEED'] ?? 1);
  const many = Number(process.env['FULLDUPLEX_SEEDS'] ?? count);
  return wanted === undefined ? Array.from({ length: many }, (_, index) => first + index) : [Number(wanted)];
}

describe('histories', () => {
  useReplayableDigest();

  for (const [name, transports, count] of worlds) {
    it(
      `keep every promise over ${name}`,
      async () => {
        const seeds = seedsOf(count);
        const sum = { recovered: 0, lost: 0, delivered: 0, calls: 0 };
        const broken: string[] = [];
        for (const seed of seeds) {
          const { violations, rates } = await runScenario({ seed, transports, onEvent });
          add(sum, rates);
          for (const { kind, found } of violations) broken.push(`seed ${seed}: ${kind}: ${found}`);
        }
        console.log(
          `${name}, ${seeds.length} seeds: ${sum.delivered} publications seen, ${sum.calls} calls; of what was missed, ` +
            `${sum.recovered} times all was recovered, and ${sum.lost} times history was gone; ${broken.length} promises broken`,
        );
        expect(broken).toEqual([]);
        // A world in which nothing happens proves nothing.
        if (seeds.length < 20) return;
        expect(sum.recovered).toBeGreaterThan(seeds.length);
        expect(sum.lost).toBeGreaterThan(seeds.length / 2);
        expect(sum.calls).toBeGreaterThan(seeds.length * 5);
      },
      isLong ? 3_600_000 : 120_000,
    );
  }

  it('are the same for the same seed', async () => {
    for (const [, transports] of worlds) {
      const first = await runScenario({ seed: 11, transports });
      const second = await runScenario({ seed: 11, transports });
      expect(second).toEqual(first);
      expect((await runScenario({ seed: 12, transports })).trace).not.toBe(first.trace);
    }
  });
});

function add(sum: { -readonly [Name in keyof HistoryRates]: number }, rates: HistoryRates): void {
  sum.recovered += rates.recovered;
  sum.lost += rates.lost;
  sum.delivered += rates.delivered;
  sum.calls += rates.calls;
}
