import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RetainedBytes } from '../../src/protocol/retained-bytes.ts';
import { WaitingInput } from '../../src/protocol/waiting-input.ts';
import { fromHex, toHex } from './wire.ts';

function inputWith(limitBytes = 1_000_000): { input: WaitingInput; retained: RetainedBytes } {
  const retained = new RetainedBytes(limitBytes, undefined);
  return { input: new WaitingInput(retained), retained };
}

/** Takes up to `count` bytes from the front. */
function take(input: WaitingInput, count: number): string {
  let taken = '';
  input.consume((bytes, start, end) => {
    const stop = Math.min(end, start + count);
    taken = toHex(bytes.subarray(start, stop));
    // As the decoder does, which unmasks in place.
    bytes.fill(0xdb, start, stop);
    return stop;
  });
  return taken;
}

describe('WaitingInput', () => {
  it('takes just the size of a single rest', () => {
    const { input, retained } = inputWith();
    input.append(fromHex('00 01 02 03'), 1);
    expect([input.length, retained.count]).toEqual([3, 3]);
    expect(take(input, 2)).toBe('0102');
    expect(take(input, 2)).toBe('03');
    expect([input.length, retained.count]).toEqual([0, 0]);
  });

  it('is decoded in place: a reader who stops after each message does not cause copies', () => {
    const { input } = inputWith();
    input.append(new Uint8Array(1000), 0);
    const arrays = new Set<Uint8Array>();
    for (let count = 0; count < 1000; count++) {
      input.consume((bytes, start) => {
        arrays.add(bytes);
        return start + 1;
      });
    }
    expect([arrays.size, input.length]).toEqual([1, 0]);
  });

  it('keeps order when input is added in front, behind and while it is consumed', () => {
    const { input, retained } = inputWith();
    input.append(fromHex('0304'), 0);
    input.prepend(fromHex('ff0102'), 1);
    expect(take(input, 1)).toBe('01');
    let seen = '';
    input.consume((bytes, start, end) => {
      input.append(fromHex('0506070809'), 0);
      seen = toHex(bytes.subarray(start, end));
      return start + 2;
    });
    expect(seen).toBe('020304');
    expect(take(input, 99)).toBe('040506070809');
    expect(retained.count).toBe(0);
    input.prepend(fromHex('0a'), 0);
    expect(take(input, 99)).toBe('0a');
  });

  it('ends where the bytes ran out, whatever is appended and taken in turn', () => {
    const steps = fc.array(fc.oneof(fc.uint8Array({ maxLength: 50 }), fc.nat(60)), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (list) => {
        const { input, retained } = inputWith();
        let model = '';
        for (const step of list) {
          if (typeof step === 'number') {
            expect(take(input, step)).toBe(model.slice(0, step * 2));
            model = model.slice(step * 2);
          } else {
            expect(input.append(step, 0)).toBeUndefined();
            model += toHex(step);
          }
          expect(input.length).toBe(model.length / 2);
          expect(retained.count).toBeGreaterThanOrEqual(input.length);
        }
        expect(take(input, Infinity)).toBe(model);
        expect(retained.count).toBe(0);
      }),
    );
  });

  it('copies a bounded number of times when input trickles in', () => {
    const { input } = inputWith(17 * 1024 * 1024);
    const started = performance.now();
    for (let count = 0; count < 2_000_000; count++) input.append(Uint8Array.of(1), 0);
    // A copy for each byte would be 2 * 10^12 bytes: minutes, not milliseconds.
    expect(performance.now() - started).toBeLessThan(5000);
    expect(input.length).toBe(2_000_000);
  });

  it('refuses what the limit forbids, in front and behind, and keeps what it had', () => {
    const { input } = inputWith(10);
    input.append(new Uint8Array(8), 0);
    expect(input.append(new Uint8Array(3), 0)).toMatchObject({ code: 'WS_MEMORY_EXHAUSTED' });
    expect(input.prepend(new Uint8Array(3), 0)).toMatchObject({ code: 'WS_MEMORY_EXHAUSTED' });
    expect(input.length).toBe(8);
    expect(input.append(new Uint8Array(2), 0)).toBeUndefined();
  });

  it('may be cleared while it is consumed', () => {
    const { input, retained } = inputWith();
    input.append(new Uint8Array(8), 0);
    input.consume((_, start) => {
      input.clear();
      return start + 3;
    });
    expect([input.length, retained.count]).toEqual([0, 0]);
  });

  it('forgets what a consumer was shown who throws', () => {
    const { input, retained } = inputWith();
    input.append(new Uint8Array(8), 0);
    expect(() =>
      input.consume(() => {
        throw new Error('handler');
      }),
    ).toThrow('handler');
    expect([input.length, retained.count]).toEqual([0, 0]);
  });
});
