import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { concat, copyOf, noBytes, plainView, viewOf } from '../../src/base/bytes.ts';

describe('viewOf', () => {
  it('gives a Uint8Array as it is', () => {
    const bytes = Uint8Array.of(1, 2);
    expect(viewOf(bytes)).toBe(bytes);
  });

  it('sees just the part of the buffer that another view shows', () => {
    const buffer = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7).buffer;
    expect([...viewOf(new DataView(buffer, 2, 3))]).toEqual([2, 3, 4]);
    expect([...viewOf(new Uint16Array(buffer, 4, 1))]).toEqual([4, 5]);
  });

  it('covers a whole buffer, shared ones too, without copying', () => {
    const buffer = new ArrayBuffer(3);
    viewOf(buffer)[1] = 7;
    expect([...new Uint8Array(buffer)]).toEqual([0, 7, 0]);
    const shared: unknown = new SharedArrayBuffer(2);
    expect(Reflect.apply(viewOf, undefined, [shared])).toHaveLength(2);
  });

  it('takes a buffer of another realm', () => {
    const foreign: unknown = runInNewContext('new Uint8Array([1, 2, 3]).buffer');
    expect(foreign).not.toBeInstanceOf(ArrayBuffer);
    expect(Reflect.apply(viewOf, undefined, [foreign])).toHaveLength(3);
  });

  it.each([5, '5', null, undefined, [1, 2], {}, 5n])(
    'refuses %s instead of making bytes of it',
    (wrong: unknown) => {
      expect(() => Reflect.apply(viewOf, undefined, [wrong])).toThrow(
        expect.objectContaining({ code: 'WS_ARGUMENT_INVALID' }),
      );
    },
  );
});

describe('plainView', () => {
  it('gives a plain Uint8Array as it is', () => {
    const bytes = Uint8Array.of(1);
    expect(plainView(bytes)).toBe(bytes);
  });

  it('gives the memory of a Buffer a class whose slice copies', () => {
    const buffer = Buffer.from([9, 1, 2, 9]).subarray(1, 3);
    const view = plainView(buffer);
    expect(Object.getPrototypeOf(view)).toBe(Uint8Array.prototype);
    const copy = view.slice();
    buffer[0] = 7;
    expect([...view]).toEqual([7, 2]);
    expect([...copy]).toEqual([1, 2]);
  });
});

describe('copyOf', () => {
  it('copies the range into memory of its own', () => {
    const bytes = Buffer.from([0, 1, 2, 3]);
    const copy = copyOf(bytes, 1, 3);
    bytes.fill(9);
    expect([...copy]).toEqual([1, 2]);
    expect(copy.buffer.byteLength).toBe(2);
    expect([...copyOf(bytes)]).toEqual([9, 9, 9, 9]);
  });
});

describe('concat', () => {
  it('joins chunks in order, and gives a single one as it is', () => {
    const one = Uint8Array.of(1);
    expect(concat([one])).toBe(one);
    expect([...concat([one, noBytes, Uint8Array.of(2, 3)])]).toEqual([1, 2, 3]);
    expect(concat([])).toHaveLength(0);
  });
});
