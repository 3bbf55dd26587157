import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutputBuffer } from '../../src/protocol/output-buffer.ts';
import { StagingPool } from '../../src/protocol/staging-pool.ts';
import { joined, toHex } from './wire.ts';

/** Spoils what is given back: memory that somebody still refers to is found out at once. */
class PoisonPool extends StagingPool {
  readonly lent = new Set<Uint8Array>();

  override take(): Uint8Array {
    const buffer = super.take();
    if (this.lent.has(buffer)) throw new Error('a buffer was lent twice');
    this.lent.add(buffer);
    return buffer.fill(0xdb);
  }

  override give(buffer: Uint8Array): void {
    if (!this.lent.delete(buffer)) throw new Error('a buffer came back that was not lent');
    super.give(buffer.fill(0xdb));
  }
}

function write(output: OutputBuffer, bytes: Uint8Array): void {
  output.reserve(bytes.length);
  output.buffer.set(bytes, output.offset);
  output.offset += bytes.length;
}

function flushed(output: OutputBuffer, isFree: boolean): readonly Uint8Array[] {
  let chunks: readonly Uint8Array[] = [];
  output.flush({
    write: (parts) => {
      chunks = isFree ? parts.map((part) => part.slice()) : parts;
      return isFree;
    },
  });
  return chunks;
}

describe('OutputBuffer', () => {
  it('collects small writes in one chunk', () => {
    const output = new OutputBuffer(new StagingPool(64));
    write(output, Uint8Array.of(1, 2));
    write(output, Uint8Array.of(3));
    expect(output.byteLength).toBe(3);
    expect(flushed(output, true).map(toHex)).toEqual(['010203']);
    expect(output.byteLength).toBe(0);
  });

  it('does not call the transport when there is nothing to write', () => {
    const output = new OutputBuffer(new StagingPool(64));
    output.append(new Uint8Array(0));
    output.reserve(0);
    output.flush({
      write: () => {
        throw new Error('nothing to write');
      },
    });
  });

  it('keeps referenced bytes in their place between staged ones', () => {
    const output = new OutputBuffer(new StagingPool(64));
    const referenced = Uint8Array.of(5, 6);
    write(output, Uint8Array.of(1));
    output.append(referenced);
    write(output, Uint8Array.of(2));
    expect(output.byteLength).toBe(4);
    const chunks = flushed(output, false);
    expect(chunks[1]).toBe(referenced);
    expect(toHex(joined(chunks))).toBe('01050602');
  });

  it('makes room for what is longer than a buffer of the pool, without taking one', () => {
    const pool = new PoisonPool(16);
    const output = new OutputBuffer(pool);
    write(output, new Uint8Array(100).fill(1));
    expect(pool.lent.size).toBe(0);
    expect(flushed(output, true).map(({ length }) => length)).toEqual([100]);
  });

  it('gives the buffer back only when the transport says that the memory is free', () => {
    const pool = new PoisonPool(16);
    const output = new OutputBuffer(pool);
    write(output, Uint8Array.of(1));
    flushed(output, false);
    expect(pool.lent.size).toBe(1);
    write(output, Uint8Array.of(1));
    expect(pool.lent.size).toBe(2);
    flushed(output, true);
    expect(pool.lent.size).toBe(1);
  });

  it('gives nothing back when what it holds is discarded, or when the transport throws', () => {
    const pool = new PoisonPool(16);
    const output = new OutputBuffer(pool);
    write(output, Uint8Array.of(1));
    output.discard();
    expect(output.byteLength).toBe(0);
    write(output, Uint8Array.of(2));
    const broken = (): never => {
      throw new Error('broken pipe');
    };
    expect(() => output.flush({ write: broken })).toThrow('broken pipe');
    expect(pool.lent.size).toBe(2);
  });

  it('can be written to while a flush is under way', () => {
    const pool = new PoisonPool(16);
    const output = new OutputBuffer(pool);
    write(output, Uint8Array.of(1));
    output.flush({
      write: (chunks) => {
        write(output, Uint8Array.of(2));
        expect(toHex(joined(chunks))).toBe('01');
        return true;
      },
    });
    expect(flushed(output, true).map(toHex)).toEqual(['02']);
  });

  it('never lends memory that a chunk still refers to, whatever is written, flushed, kept and discarded', () => {
    const operation = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('write' as const), length: fc.nat(40) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('append' as const), length: fc.nat(40) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('flush' as const), length: fc.nat(1) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('discard' as const), length: fc.constant(0) }) },
    );
    fc.assert(
      fc.property(fc.array(fc.record({ output: fc.nat(2), operation }), { maxLength: 80 }), (steps) => {
        const pool = new PoisonPool(32, 2);
        const outputs = [0, 1, 2].map(() => ({ output: new OutputBuffer(pool), waiting: '' }));
        const kept: { chunks: readonly Uint8Array[]; expected: string }[] = [];
        let next = 0;
        for (const { output: index, operation: step } of steps) {
          const target = outputs[index];
          const bytes = new Uint8Array(step.length).fill(next++);
          if (step.kind === 'write') write(target.output, bytes);
          else if (step.kind === 'append') target.output.append(bytes);
          if (step.kind === 'write' || step.kind === 'append') {
            target.waiting += toHex(bytes);
            expect(target.output.byteLength).toBe(target.waiting.length / 2);
            continue;
          }
          if (step.kind === 'discard') target.output.discard();
          else kept.push({ chunks: flushed(target.output, step.length === 1), expected: target.waiting });
          target.waiting = '';
        }
        for (const { chunks, expected } of kept) expect(toHex(joined(chunks))).toBe(expected);
        for (const { output, waiting } of outputs) {
          expect(toHex(joined(flushed(output, true)))).toBe(waiting);
        }
      }),
      { numRuns: 300 },
    );
  });

  describe('with frames that many connections write', () => {
    const frame = (byte: number, length = 3): Uint8Array => new Uint8Array(length).fill(byte);

    it('passes a single one on as it is, without a buffer', () => {
      const pool = new PoisonPool(64);
      const output = new OutputBuffer(pool);
      const shared = frame(1);
      output.appendShared(shared);
      expect([output.byteLength, pool.lent.size]).toEqual([3, 0]);
      const chunks = flushed(output, false);
      expect(chunks).toHaveLength(1);
      expect(chunks[0]).toBe(shared);
    });

    it('joins a run once for all who flush the same run, and a different run anew', () => {
      const [a, b, c] = [frame(1), frame(2), frame(3)];
      const runs = [
        [a, b],
        [a, b],
        [a, c],
        [a, b, c],
        [b, a],
        [a, b],
      ].map((frames) => {
        const output = new OutputBuffer(new StagingPool(64));
        for (const one of frames) output.appendShared(one);
        return flushed(output, false);
      });
      expect(runs.map((chunks) => chunks.map(toHex))).toEqual([
        ['010101020202'],
        ['010101020202'],
        ['010101030303'],
        ['010101020202030303'],
        ['020202010101'],
        ['010101020202'],
      ]);
      expect(runs[1][0]).toBe(runs[0][0]);
      expect(runs[5][0]).not.toBe(runs[0][0]);
    });

    it('does not join runs that are long', () => {
      const output = new OutputBuffer(new StagingPool(64));
      const frames = [frame(1, 40_000), frame(2, 40_000)];
      for (const one of frames) output.appendShared(one);
      expect(flushed(output, false)).toEqual(frames);
    });

    it('copies a small one behind frames of its own, and leaves a large one or one without room as it is', () => {
      const output = new OutputBuffer(new StagingPool(8 * 1024));
      const [small, large] = [frame(2), frame(3, 4 * 1024 + 1)];
      write(output, frame(1));
      output.appendShared(small);
      output.appendShared(large);
      write(output, frame(4));
      output.appendShared(frame(5, 4 * 1024));
      output.appendShared(frame(6, 4 * 1024));
      expect(output.byteLength).toBe(3 + 3 + large.length + 3 + 8 * 1024);
      const chunks = flushed(output, false);
      expect(chunks.map(({ length }) => length)).toEqual([6, 4097, 3 + 4096, 4096]);
      expect(chunks[1]).toBe(large);
      expect(toHex(chunks[0])).toBe('010101020202');
    });

    it('copies small ones when a great many wait: their objects are larger than they are', () => {
      const output = new OutputBuffer();
      const frames = Array.from({ length: 3000 }, (_, index) => frame(index & 0xff, 20));
      for (const one of frames) output.appendShared(one);
      const chunks = flushed(output, true);
      expect(chunks.length).toBeLessThan(1030);
      expect(toHex(joined(chunks))).toBe(toHex(joined(frames)));
    });

    it('never changes them, and keeps the order of all that is written', () => {
      const step = fc.record({
        output: fc.nat(2),
        kind: fc.constantFrom('own', 'shared', 'shared', 'reference', 'flush'),
        frame: fc.nat(4),
      });
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
          const pool = new PoisonPool(32, 2);
          const frames = [1, 7, 20, 40, 5000].map((length, index) => frame(0x10 + index, length));
          const outputs = [0, 1, 2].map(() => ({ output: new OutputBuffer(pool), waiting: '' }));
          const kept: { chunks: readonly Uint8Array[]; expected: string }[] = [];
          for (const { output: index, kind, frame: which } of steps) {
            const target = outputs[index];
            const bytes = frames[which];
            if (kind === 'flush') {
              kept.push({ chunks: flushed(target.output, which % 2 === 0), expected: target.waiting });
              target.waiting = '';
              continue;
            }
            if (kind === 'own') write(target.output, bytes);
            else if (kind === 'shared') target.output.appendShared(bytes);
            else target.output.append(bytes);
            target.waiting += toHex(bytes);
            expect(target.output.byteLength).toBe(target.waiting.length / 2);
          }
          for (const { output, waiting } of outputs)
            expect(toHex(joined(flushed(output, true)))).toBe(waiting);
          for (const { chunks, expected } of kept) expect(toHex(joined(chunks))).toBe(expected);
          for (const [index, one] of frames.entries()) {
            expect(one.every((byte) => byte === 0x10 + index)).toBe(true);
          }
        }),
        { numRuns: 200 },
      );
    });
  });
});
