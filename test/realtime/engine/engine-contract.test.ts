import { describe, it } from 'vitest';
import { MemoryEngine } from '../../../src/realtime/engine/memory-engine.ts';
import { engineContract } from '../../../src/testing/engine-contract.ts';
import type { EngineUnderTest } from '../../../src/testing/engine-contract/contract-case.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';

async function makeMemoryEngine(): Promise<EngineUnderTest> {
  const clock = new FakeClock();
  const engine = new MemoryEngine({ clock, onError: () => undefined });
  return {
    nodes: [engine, engine],
    unitMs: 1000,
    advance: async (durationMs) => clock.advance(durationMs),
    settle: async () => undefined,
    close: () => engine.close(),
  };
}

describe('the engine in memory keeps the contract', () => {
  for (const { name, run } of engineContract) it(name, () => run(makeMemoryEngine));
});
