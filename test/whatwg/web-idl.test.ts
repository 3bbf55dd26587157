import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import {
  bytesOfBufferSource,
  toArrayBuffer,
  toStringOrSequence,
  toUsvString,
} from '../../src/whatwg/web-idl.ts';

test('an ArrayBuffer is made of exactly the bytes that a view shows, and of their own memory where it fits', () => {
  const whole = new Uint8Array([1, 2, 3, 4]);
  expect(toArrayBuffer(whole)).toBe(whole.buffer);
  for (const part of [whole.subarray(1), whole.subarray(0, 2), whole.subarray(4)]) {
    expect(new Uint8Array(toArrayBuffer(part))).toEqual(Uint8Array.from(part));
  }
  const shared = new Uint8Array(new SharedArrayBuffer(2));
  expect(toArrayBuffer(shared)).toBeInstanceOf(ArrayBuffer);
});

test('a buffer of another realm is a buffer, and what only looks like one is none', () => {
  const foreign: unknown = runInNewContext('new Uint8Array([7, 8]).buffer');
  expect(bytesOfBufferSource(foreign)).toEqual(new Uint8Array([7, 8]));
  expect(bytesOfBufferSource(runInNewContext('new DataView(new ArrayBuffer(3))'))).toEqual(new Uint8Array(3));
  expect(bytesOfBufferSource({ byteLength: 2, [Symbol.toStringTag]: 'ArrayBuffer' })).toBeUndefined();
  expect(bytesOfBufferSource('text')).toBeUndefined();
});

test('a USVString has no lone surrogates, and pairs stay', () => {
  expect(toUsvString('a\ud800\udc00b\udc00\ud800')).toBe('a\ud800\udc00b\ufffd\ufffd');
});

test('a string object is a sequence of its characters, as every object with an iterator', () => {
  expect(toStringOrSequence(Object('ab'))).toEqual(['a', 'b']);
  expect(toStringOrSequence('ab')).toEqual(['ab']);
  expect(toStringOrSequence(null)).toEqual(['null']);
});
