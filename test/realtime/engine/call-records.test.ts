import { describe, expect, it } from 'vitest';
import { CallRecords } from '../../../src/realtime/engine/call-records.ts';
import { Leases } from '../../../src/realtime/engine/leases.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';

const windowMs = 1_000;
const large = `["${'x'.repeat(400)}"]`;

function recordsOf(maxResultLength: number): CallRecords {
  return new CallRecords(new Leases(new FakeClock(), () => undefined), maxResultLength);
}

function run(records: CallRecords, key: string, result: string, nowMs: number): void {
  expect(records.claim(key, 'node', windowMs, nowMs)).toEqual({ kind: 'claimed' });
  records.complete(key, result, windowMs, nowMs);
}

describe('the records of calls', () => {
  it('let go of the oldest results when all are too much, and nobody runs such a call again', () => {
    const records = recordsOf(1_000);
    for (const key of ['a', 'b', 'c']) run(records, key, large, 0);
    run(records, 'small', '["x"]', 0);
    expect(['a', 'b', 'c', 'small'].map((key) => records.claim(key, 'node', windowMs, 10))).toEqual([
      { kind: 'unknown' },
      { kind: 'completed', result: large },
      { kind: 'completed', result: large },
      { kind: 'completed', result: '["x"]' },
    ]);
  });

  it('count a result no longer when its window is over, or when another takes its place', () => {
    const records = recordsOf(1_000);
    run(records, 'a', large, 0);
    records.complete('a', large, windowMs, 1);
    run(records, 'b', large, 2);
    expect(records.claim('a', 'node', windowMs, 3).kind).toBe('completed');
    records.sweep(2_000);
    for (const key of ['c', 'd']) run(records, key, large, 2_000);
    expect(['c', 'd'].map((key) => records.claim(key, 'node', windowMs, 2_001).kind)).toEqual([
      'completed',
      'completed',
    ]);
  });
});
