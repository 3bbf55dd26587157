import { describe, expect, it } from 'vitest';
import { MemoryBudget } from '../../src/protocol/memory-budget.ts';
import { RetainedBytes } from '../../src/protocol/retained-bytes.ts';

describe('RetainedBytes', () => {
  it('counts up to the limit of the connection and names it beyond', () => {
    const retained = new RetainedBytes(100, undefined);
    expect(retained.add(100)).toBeUndefined();
    expect(retained.add(1)).toMatchObject({ code: 'WS_MEMORY_EXHAUSTED', closeCode: 1009 });
    expect(retained.count).toBe(100);
    retained.subtract(60);
    expect(retained.add(60)).toBeUndefined();
  });

  it('counts against a budget that connections share, and tells a peer of ours to try later', () => {
    const budget = new MemoryBudget(150);
    const one = new RetainedBytes(100, budget);
    const two = new RetainedBytes(100, budget);
    expect(one.add(90)).toBeUndefined();
    expect(two.add(61)).toMatchObject({ code: 'WS_MEMORY_EXHAUSTED', closeCode: 1013 });
    expect(two.count).toBe(0);
    expect(budget.retainedBytes).toBe(90);
    one.subtract(90);
    expect(two.add(61)).toBeUndefined();
  });

  it('grants the wanted size while there is room for it', () => {
    const retained = new RetainedBytes(1000, undefined);
    expect(retained.resize(0, 100, 200)).toBe(200);
    expect(retained.resize(200, 210, 1000)).toBe(1000);
    expect(retained.count).toBe(1000);
    expect(retained.resize(1000, 10, 10)).toBe(10);
    expect(retained.count).toBe(10);
  });

  it('grants an eighth more than is needed, or all that is left, when the limit is near', () => {
    const retained = new RetainedBytes(1000, undefined);
    expect(retained.resize(0, 800, 1600)).toBe(900);
    expect(retained.resize(900, 901, 1802)).toBe(1000);
    expect(retained.resize(1000, 1000, 2000)).toBe(1000);
    expect(retained.resize(1000, 1001, 2000)).toMatchObject({ code: 'WS_MEMORY_EXHAUSTED' });
    expect(retained.count).toBe(1000);
  });

  it('grants what the shared budget has left', () => {
    const budget = new MemoryBudget(1000);
    const retained = new RetainedBytes(5000, budget);
    budget.reserve(400);
    expect(retained.resize(0, 500, 1000)).toBe(563);
    expect(retained.resize(563, 599, 2000)).toBe(600);
    expect(retained.resize(600, 601, 2000)).toMatchObject({ closeCode: 1013 });
    expect(budget.availableBytes).toBe(0);
  });
});
