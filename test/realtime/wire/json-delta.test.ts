import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJson, writeJson } from '../../../src/realtime/wire/json-codec.ts';
import { diffJson, patchJson } from '../../../src/realtime/wire/json-delta.ts';

const clone = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

function roundTrip(before: unknown, after: unknown): unknown {
  const delta = diffJson(before, after);
  return delta === undefined ? before : patchJson(before, Object(readJson(writeJson(delta))));
}

describe('diffJson and patchJson', () => {
  it.each([
    ['a number', 1, 2, [2]],
    ['equal objects', { a: [1, { b: null }] }, { a: [1, { b: null }] }, undefined],
    ['one key of many', { a: 1, b: 2, c: 3 }, { a: 1, b: 5, c: 3 }, { b: [5] }],
    ['a key that is gone, and one that is new', { a: 1 }, { b: 2 }, { b: [2], a: [] }],
    ['a value that becomes null', { a: 1 }, { a: null }, { a: [null] }],
    ['bytes', { a: new Uint8Array([1]) }, { a: new Uint8Array([1, 2]) }, { a: [new Uint8Array([1, 2])] }],
    ['a longer array', [1, 2], [1, 2, 3], [3, { 2: [3] }]],
    ['a shorter array', [1, 2, 3], [1], [1, {}]],
    ['an array in place of an object', { a: 1 }, [1], [[1]]],
    [
      'a deep change',
      { a: { b: [{ c: 1 }, { c: 2 }] } },
      { a: { b: [{ c: 1 }, { c: 7 }] } },
      { a: { b: [2, { 1: { c: [7] } }] } },
    ],
    [
      'the middle of a text',
      `${'x'.repeat(40)}old${'y'.repeat(40)}`,
      `${'x'.repeat(40)}new!${'y'.repeat(40)}`,
      [40, 43, 'new!'],
    ],
  ])('tell what became of %s', (_, before, after, delta) => {
    expect(diffJson(before, after)).toEqual(delta);
    expect(roundTrip(before, after)).toEqual(after);
  });

  it('make the second of any two values out of the first, through JSON, and leave the first as it was', () => {
    // Two values of one origin, so that much of them is equal.
    const related = fc
      .tuple(fc.jsonValue({ maxDepth: 4 }), fc.jsonValue({ maxDepth: 3 }), fc.nat())
      .map(([base, other, seed]) => {
        const before = clone(base);
        return [before, changed(clone(base), clone(other), seed)];
      });
    fc.assert(
      fc.property(fc.oneof(related, fc.tuple(fc.jsonValue(), fc.jsonValue())), ([first, second]) => {
        const [before, after] = [clone(first), clone(second)];
        const text = JSON.stringify(before);
        expect(roundTrip(before, after)).toEqual(after);
        expect(JSON.stringify(before)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it('never cut a character in two', () => {
    const text = fc
      .array(fc.constantFrom('a', '😀', '😁', '🐀', 'é'), { minLength: 30, maxLength: 40 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, text, (before, after) => {
        const delta = diffJson(before, after);
        if (Array.isArray(delta) && typeof delta[2] === 'string')
          expect(new TextDecoder().decode(new TextEncoder().encode(delta[2]))).toBe(delta[2]);
        expect(roundTrip(before, after)).toBe(after);
      }),
      { numRuns: 500 },
    );
  });

  it('are not fooled by a key that names the prototype', () => {
    const before: unknown = JSON.parse('{"__proto__": {"a": 1}, "b": 1}');
    const after: unknown = JSON.parse('{"__proto__": {"a": 2}, "b": 1}');
    expect(JSON.stringify(roundTrip(before, after))).toBe(JSON.stringify(after));
    expect(Object.getPrototypeOf(patchJson({}, JSON.parse('{"__proto__": [{"isAdmin": true}]}')))).toBe(
      Object.prototype,
    );
  });

  it.each([
    ['a change of an array', { a: 1 }, [2, { 1: [3] }]],
    ['a change of an object', 5, { a: [1] }],
    ['a cut of a text', {}, [1, 2, 'x']],
    ['an array of holes', [1], [9, {}]],
    ['a place beyond the end', [1], [1, { 5: [1] }]],
    ['nothing that is a change', { a: 1 }, { a: 7 }],
  ])('refuse %s where the value is something else', (_, before, delta) => {
    expect(() => patchJson(before, JSON.parse(JSON.stringify(delta)))).toThrow(TypeError);
  });
});

// Puts `other` somewhere into `value`.
function changed(value: unknown, other: unknown, seed: number): unknown {
  if (typeof value !== 'object' || value === null) return other;
  const keys = Object.keys(value);
  if (keys.length === 0 || seed % 7 === 0) return other;
  const key = keys[seed % keys.length];
  Reflect.set(value, key, changed(Reflect.get(value, key), other, Math.floor(seed / 7)));
  return value;
}
