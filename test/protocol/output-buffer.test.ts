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
});
