import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeKey, readJson, writeJson } from '../../../src/realtime/wire/json-codec.ts';

describe('bytes', () => {
  test('are written as base64url without padding, under one key', () => {
    expect(writeJson(new Uint8Array([0xfb, 0xff, 0xbf, 0x01]))).toBe('{"$bytes":"-_-_AQ"}');
    expect(writeJson({ icon: new Uint8Array() })).toBe('{"icon":{"$bytes":""}}');
  });

  test('arrive as plain Uint8Arrays, also out of a Buffer and other views', () => {
    const floats = new Float32Array([1, 2]);
    const arrived = readJson(writeJson({ list: [Buffer.from('hi'), floats.subarray(1)] }));
    expect(arrived).toEqual({ list: [new Uint8Array([104, 105]), new Uint8Array(floats.buffer.slice(4))] });
    const { list } = Object(arrived);
    const [first] = list;
    expect(Object.getPrototypeOf(first)).toBe(Uint8Array.prototype);
  });

  test('are read with padding too', () => {
    expect(readJson('{"$bytes":"AQ=="}')).toEqual(new Uint8Array([1]));
  });

  test('of a megabyte arrive', () => {
    const bytes = Uint8Array.from({ length: 1_000_000 }, (_, index) => index & 255);
    const arrived = readJson(writeJson(bytes));
    // Not toEqual, which looks at each of a million.
    expect(arrived instanceof Uint8Array && Buffer.compare(arrived, bytes)).toBe(0);
  });

  test('deep down cost no more than each level once', () => {
    let levels = 0;
    const wrap = (value: unknown): unknown => ({ a: 1, toJSON: () => (levels++, { value }) });
    let value: unknown = new Uint8Array([1]);
    for (let depth = 0; depth < 40; depth++) value = wrap(value);
    expect(writeJson(value)).toContain('"$bytes"');
    expect(levels).toBe(40);
  });

  test('are found in what toJSON gives', () => {
    const value = { at: new Date(0), part: { toJSON: () => ({ bytes: new Uint8Array([1]) }) } };
    expect(writeJson(value)).toBe('{"at":"1970-01-01T00:00:00.000Z","part":{"bytes":{"$bytes":"AQ"}}}');
  });
});

describe('objects that look like bytes', () => {
  test.each([
    [{ $bytes: 'AQ' }, '{"$$bytes":"AQ"}'],
    [{ $bytes: 5, other: 1 }, '{"$$bytes":5,"other":1}'],
    [{ $$bytes: { $bytes: [] } }, '{"$$$bytes":{"$$bytes":[]}}'],
    [{ $bytesize: 1, bytes: 2, $: 3 }, '{"$bytesize":1,"bytes":2,"$":3}'],
  ])('%j is written as %s and arrives as it was', (value, text) => {
    expect(writeJson(value)).toBe(text);
    expect(readJson(text)).toEqual(value);
  });

  test('of someone else, with no base64url or more keys, stay as they are', () => {
    for (const text of ['{"$bytes":"*"}', '{"$bytes":"AQ","more":1}', '{"$bytes":1}']) {
      expect(JSON.stringify(readJson(text))).toBe(text);
    }
  });

  test('have their key escaped alone', () => {
    expect(['$bytes', '$$bytes', 'bytes', '$x'].map(escapeKey)).toEqual([
      '$$bytes',
      '$$$bytes',
      'bytes',
      '$x',
    ]);
  });
});

describe('values without bytes', () => {
  test('are written and read as JSON does', () => {
    const value = { a: [1, { b: null, at: new Date(0) }], c: 'text', d: undefined };
    expect(writeJson(value)).toBe(JSON.stringify(value));
    expect(readJson(writeJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
  });

  test('that go round in a circle, or are no JSON, are refused', () => {
    const circle: unknown[] = [];
    circle.push(circle);
    expect(() => writeJson(circle)).toThrow(RangeError);
    expect(() => writeJson({ a: 1n })).toThrow(TypeError);
  });

  test('keep a key named __proto__ as a key', () => {
    const text = '{"__proto__":{"isAdmin":true},"icon":{"$bytes":"AQ"}}';
    const value = readJson(text);
    expect(value).not.toHaveProperty('isAdmin');
    expect(writeJson(value)).toBe(text);
  });

  test('that are undefined become null', () => {
    expect(writeJson(undefined)).toBe('null');
    expect(writeJson([undefined, () => 1])).toBe('[null,null]');
  });
});

test('every value of JSON and bytes arrives as it was', () => {
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.jsonValue({ maxDepth: 0 }),
      fc.uint8Array({ maxLength: 8 }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom('$bytes', '$$bytes', '$', 'bytes', '__proto__', 'a'), tie('value'), {
        noNullPrototype: true,
      }),
    ),
  })).value;
  fc.assert(
    fc.property(value, (before) => {
      // -0 is 0 in JSON.
      const plain: unknown = JSON.parse(
        JSON.stringify(before, (_, item: unknown) => (item === 0 ? 0 : item)),
      );
      const arrived = readJson(writeJson(before));
      expect(JSON.parse(JSON.stringify(arrived))).toEqual(plain);
      expect(writeJson(arrived)).toBe(writeJson(before));
    }),
  );
});
