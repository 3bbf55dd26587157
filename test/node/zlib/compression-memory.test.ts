import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FullduplexError } from '../../../src/base/errors.ts';
import {
  CompressionMemory,
  compressionMemory,
  defaultCompressionMemoryOptions,
  type MemoryLease,
} from '../../../src/node/zlib/compression-memory.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';

function memoryOf(maxBytes: number): {
  memory: CompressionMemory;
  clock: FakeClock;
  evicted: string[];
  lease: (name: string, byteCount: number) => MemoryLease | undefined;
} {
  const clock = new FakeClock();
  const memory = new CompressionMemory({ maxBytes, clock });
  const evicted: string[] = [];
  return { memory, clock, evicted, lease: (name, bytes) => memory.lease(bytes, () => evicted.push(name)) };
}

describe('CompressionMemory', () => {
  it('counts what is leased until it is released, once', () => {
    const { memory, lease } = memoryOf(100);
    const first = lease('first', 60);
    expect(memory.usedBytes).toBe(60);
    expect(memory.hasRoomFor(40)).toBe(true);
    expect(memory.hasRoomFor(41)).toBe(false);
    expect(lease('second', 41)).toBeUndefined();
    expect(memory.usedBytes).toBe(60);
    first?.release();
    first?.release();
    expect(memory.usedBytes).toBe(0);
  });

  it('takes back what is idle, least recently used first, and no more than it needs', () => {
    const { memory, evicted, lease } = memoryOf(100);
    const leases = ['a', 'b', 'c'].map((name) => lease(name, 30));
    for (const one of leases) one?.markIdle();
    leases[0]?.markBusy();
    leases[0]?.markIdle();
    expect(lease('d', 30)).toBeDefined();
    expect(evicted).toEqual(['b']);
    expect(memory.usedBytes).toBe(90);
  });

  it('takes back nothing that is busy, and then has no room', () => {
    const { memory, evicted, lease } = memoryOf(100);
    lease('busy', 70);
    lease('idle', 30)?.markIdle();
    expect(lease('too much', 31)).toBeUndefined();
    expect(evicted).toEqual([]);
    expect(lease('fits', 30)).toBeDefined();
    expect(evicted).toEqual(['idle']);
    expect(memory.usedBytes).toBe(100);
  });

  it('passes its bound for what cannot be refused, and goes back below it as soon as something is idle', () => {
    const { memory, evicted, lease } = memoryOf(100);
    const first = lease('first', 80);
    memory.leaseAnyway(50, () => evicted.push('second'));
    expect(memory.usedBytes).toBe(130);
    first?.markIdle();
    expect(evicted).toEqual(['first']);
    expect(memory.usedBytes).toBe(50);
  });

  it('gives idle memory back after 30 seconds, counted from its last use', () => {
    const { memory, clock, evicted, lease } = memoryOf(100);
    const first = lease('first', 10);
    first?.markIdle();
    clock.advance(20_000);
    lease('second', 10)?.markIdle();
    first?.markBusy();
    first?.markIdle();
    clock.advance(29_999);
    expect(evicted).toEqual([]);
    clock.advance(1);
    expect(evicted).toEqual(['second', 'first']);
    expect(memory.usedBytes).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('needs one timer, however many are idle', () => {
    const { clock, evicted, lease } = memoryOf(1000);
    for (let index = 0; index < 10; index++) {
      lease(`${index}`, 10)?.markIdle();
      clock.advance(1000);
      expect(clock.pendingTimers).toBe(1);
    }
    clock.advance(20_000);
    expect(evicted).toEqual(['0']);
    clock.advance(5_000);
    expect(evicted.length).toBe(6);
    expect(clock.pendingTimers).toBe(1);
  });

  it('gives back at once what a smaller bound does not allow', () => {
    const { memory, evicted, lease } = memoryOf(100);
    lease('a', 40)?.markIdle();
    lease('b', 40)?.markIdle();
    memory.maxBytes = 50;
    expect(evicted).toEqual(['a']);
    expect(memory.maxBytes).toBe(50);
    expect(memory.usedBytes).toBe(40);
  });

  it('refuses bounds that are none, naming them', () => {
    for (const value of [0, -1, 1.5, Number.NaN]) {
      expect(() => new CompressionMemory({ maxBytes: value })).toThrow(FullduplexError);
      expect(() => new CompressionMemory({ maxBytes: value })).toThrow(/option maxBytes is .*expected/);
      expect(() => new CompressionMemory({ idleMs: value })).toThrow(/option idleMs is/);
    }
    const memory = new CompressionMemory();
    expect(() => {
      memory.maxBytes = 0;
    }).toThrow(/option maxBytes is 0/);
    expect(memory.maxBytes).toBe(defaultCompressionMemoryOptions.maxBytes);
  });

  it('has one instance for the process, of 64 MiB', () => {
    expect(compressionMemory.maxBytes).toBe(64 * 1024 * 1024);
  });

  it('never counts wrong, whatever happens in whatever order', () => {
    const step = fc.record({
      act: fc.constantFrom('lease', 'idle', 'busy', 'release', 'wait', 'bound'),
      which: fc.nat(9),
      amount: fc.integer({ min: 1, max: 60 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const clock = new FakeClock();
        const memory = new CompressionMemory({ maxBytes: 100, clock });
        const held = new Map<number, { lease: MemoryLease; byteCount: number; isIdle: boolean }>();
        for (const { act, which, amount } of steps) {
          const one = held.get(which);
          if (act === 'wait') clock.advance(amount * 1000);
          else if (act === 'bound') memory.maxBytes = amount * 2;
          else if (act === 'lease' && one === undefined) {
            const lease = memory.lease(amount, () => {
              expect(held.get(which)?.isIdle).toBe(true);
              held.delete(which);
            });
            if (lease !== undefined) held.set(which, { lease, byteCount: amount, isIdle: false });
          } else if (one !== undefined) {
            if (act === 'release') {
              one.lease.release();
              held.delete(which);
            } else if (act === 'busy') {
              one.isIdle = false;
              one.lease.markBusy();
            } else if (act === 'idle') {
              one.isIdle = true;
              one.lease.markIdle();
            }
          }
          const counted = [...held.values()].reduce((sum, { byteCount }) => sum + byteCount, 0);
          expect(memory.usedBytes).toBe(counted);
          const busy = [...held.values()].filter(({ isIdle }) => !isIdle);
          const busyBytes = busy.reduce((sum, { byteCount }) => sum + byteCount, 0);
          expect(memory.hasRoomFor(7)).toBe(busyBytes + 7 <= memory.maxBytes);
          if (act !== 'bound') expect(counted <= memory.maxBytes || busyBytes === counted).toBe(true);
        }
        clock.advance(100_000);
        expect(clock.pendingTimers).toBe(0);
      }),
    );
  });
});
