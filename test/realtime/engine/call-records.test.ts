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
  expect(records.claim('session', key, 'node', windowMs, nowMs)).toEqual({ kind: 'claimed' });
  records.complete('session', key, result, windowMs, nowMs);
}

describe('the records of calls', () => {
  it('let go of the oldest results when all are too much, and nobody runs such a call again', () => {
    const records = recordsOf(1_000);
    for (const key of ['a', 'b', 'c']) run(records, key, large, 0);
    run(records, 'small', '["x"]', 0);
    expect(
      ['a', 'b', 'c', 'small'].map((key) => records.claim('session', key, 'node', windowMs, 10)),
    ).toEqual([
      { kind: 'unknown' },
      { kind: 'completed', result: large },
      { kind: 'completed', result: large },
      { kind: 'completed', result: '["x"]' },
    ]);
  });

  it('count a result no longer when its window is over, or when another takes its place', () => {
    const records = recordsOf(1_000);
    run(records, 'a', large, 0);
    records.complete('session', 'a', large, windowMs, 1);
    run(records, 'b', large, 2);
    expect(records.claim('session', 'a', 'node', windowMs, 3).kind).toBe('completed');
    records.sweep(2_000);
    for (const key of ['c', 'd']) run(records, key, large, 2_000);
    expect(['c', 'd'].map((key) => records.claim('session', key, 'node', windowMs, 2_001).kind)).toEqual([
      'completed',
      'completed',
    ]);
  });

  it('let go of what is over, session by session, and of a session with its last call', () => {
    const records = recordsOf(1_000);
    for (const id of [1, 2, 3]) {
      records.claim('one', id, 'node', windowMs, id * 100);
      records.complete('one', id, '1', windowMs, id * 100);
    }
    records.claim('two', 1, 'node', windowMs, 0);
    expect(records.size).toBe(4);
    records.sweep(1_150);
    expect(records.size).toBe(2);
    expect(records.claim('one', 2, 'node', windowMs, 1_150)).toEqual({ kind: 'completed', result: '1' });
    records.sweep(2_000);
    expect(records.size).toBe(0);
  });

  it('forget at once what nobody asks for again, its length with it', () => {
    const records = recordsOf(1_000);
    for (const id of ['a', 'b']) run(records, id, large, 0);
    records.forget('session', ['a', 'none']);
    records.forget('nobody', ['a']);
    run(records, 'c', large, 1);
    expect(['b', 'c'].map((id) => records.claim('session', id, 'node', windowMs, 2).kind)).toEqual([
      'completed',
      'completed',
    ]);
    records.forget('session', ['b', 'c']);
    expect(records.size).toBe(0);
  });
});
