import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noBytes } from '../../src/base/bytes.ts';
import { MemoryBudget } from '../../src/protocol/memory-budget.ts';
import { PayloadBuffer } from '../../src/protocol/payload-buffer.ts';
import { RetainedBytes } from '../../src/protocol/retained-bytes.ts';
import { joined, toHex } from './wire.ts';

const MiB = 1024 * 1024;

describe('PayloadBuffer', () => {
  it('gives back the pieces joined, in memory that holds nothing else, and counts what it allocates', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 20 }),
        fc.boolean(),
        (pieces, isKnown) => {
          const retained = new RetainedBytes(MiB, undefined);
          const payload = new PayloadBuffer(retained);
          const total = joined(pieces);
          let length = 0;
          for (const piece of pieces) {
            const framed = Uint8Array.of(9, ...piece, 9);
            length += piece.length;
            expect(
              payload.append(framed, 1, framed.length - 1, isKnown ? total.length : length),
            ).toBeUndefined();
            expect(payload.length).toBe(length);
            expect(retained.count).toBeGreaterThanOrEqual(length);
            expect(retained.count).toBeLessThanOrEqual(Math.max(4096, 4 * length, 65_536));
          }
          const taken = payload.take();
          expect(toHex(taken)).toBe(toHex(total));
          expect(taken.buffer.byteLength).toBe(total.length);
          expect([retained.count, payload.length]).toEqual([0, 0]);
        },
      ),
    );
  });

  it('never gives away the empty array that everybody shares', () => {
    const payload = new PayloadBuffer(new RetainedBytes(MiB, undefined));
    const taken = payload.take();
    // The new owner may transfer it to a worker: that would detach the memory of all others.
    expect(taken.buffer).not.toBe(noBytes.buffer);
    structuredClone(taken, { transfer: [taken.buffer] });
    expect(() => new Uint8Array(4).set(noBytes)).not.toThrow();
  });

  it('grows with what arrives, not with what is announced', () => {
    const retained = new RetainedBytes(17 * MiB, undefined);
    const payload = new PayloadBuffer(retained);
    payload.append(new Uint8Array(1), 0, 1, 16 * MiB);
    expect(retained.count).toBe(65_536);
    const block = new Uint8Array(65_536);
    payload.append(block, 0, block.length, 16 * MiB);
    expect(retained.count).toBeLessThanOrEqual(32 * payload.length);
  });

  it('takes just what is announced when that is little', () => {
    const retained = new RetainedBytes(MiB, undefined);
    new PayloadBuffer(retained).append(new Uint8Array(3), 0, 3, 300);
    expect(retained.count).toBe(300);
  });

  it('uses all that the limit allows, and keeps what it had when more is asked', () => {
    const retained = new RetainedBytes(10_000, undefined);
    const payload = new PayloadBuffer(retained);
    const block = new Uint8Array(1000).fill(3);
    for (let count = 1; count <= 10; count++) {
      expect(payload.append(block, 0, 1000, count * 1000)).toBeUndefined();
    }
    expect(payload.append(block, 0, 1, 10_001)).toMatchObject({ code: 'WS_MEMORY_EXHAUSTED' });
    expect(payload.length).toBe(10_000);
    expect(payload.take().every((byte) => byte === 3)).toBe(true);
    expect(retained.count).toBe(0);
  });

  it('copies a long message of tiny fragments a bounded number of times, near the limit too', () => {
    const budget = new MemoryBudget(17 * MiB);
    let reallocations = 0;
    class CountingRetained extends RetainedBytes {
      override resize(held: number, needed: number, wanted: number): ReturnType<RetainedBytes['resize']> {
        reallocations++;
        return super.resize(held, needed, wanted);
      }
    }
    const payload = new PayloadBuffer(new CountingRetained(17 * MiB, budget));
    const fragment = new Uint8Array(128);
    for (let length = 128; length <= 16 * MiB; length += 128) payload.append(fragment, 0, 128, length);
    expect(payload.length).toBe(16 * MiB);
    expect(reallocations).toBeLessThan(30);
  });
});
