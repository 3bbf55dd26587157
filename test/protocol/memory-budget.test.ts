import { describe, expect, it } from 'vitest';
import { MemoryBudget } from '../../src/protocol/memory-budget.ts';

describe('MemoryBudget', () => {
  it('takes up to its limit and not a byte more', () => {
    const budget = new MemoryBudget(1000);
    expect(budget.reserve(600)).toBe(true);
    expect(budget.reserve(401)).toBe(false);
    expect(budget.retainedBytes).toBe(600);
    expect(budget.reserve(400)).toBe(true);
    expect([budget.retainedBytes, budget.availableBytes, budget.limitBytes]).toEqual([1000, 0, 1000]);
    budget.release(1000);
    expect(budget.retainedBytes).toBe(0);
  });

  it.each([Number.NaN, 0, -5, 1.5])('refuses a limit of %d, which would bound nothing or all', (limit) => {
    expect(() => new MemoryBudget(limit)).toThrow(expect.objectContaining({ code: 'WS_OPTION_INVALID' }));
  });
});
