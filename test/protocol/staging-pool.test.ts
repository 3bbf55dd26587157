import { describe, expect, it } from 'vitest';
import { StagingPool } from '../../src/protocol/staging-pool.ts';

describe('StagingPool', () => {
  it('lends what came back, and keeps no more than it is told to', () => {
    const pool = new StagingPool(64, 2);
    const buffers = [pool.take(), pool.take(), pool.take()];
    expect(new Set(buffers.map(({ buffer }) => buffer)).size).toBe(3);
    expect(buffers.every(({ length }) => length === 64)).toBe(true);
    for (const buffer of buffers) pool.give(buffer);
    const again = [pool.take(), pool.take(), pool.take()];
    expect(again.filter((buffer) => buffers.includes(buffer))).toHaveLength(2);
  });
});
