import { describe, expect, test } from 'vitest';
import { maxJsonDepth, readClientJson, readClientText } from '../../../src/realtime/wire/client-text.ts';
import { RealtimeError } from '../../../src/realtime/wire/error-codes.ts';

function refusal(text: string): string {
  try {
    readClientText(text);
  } catch (error) {
    expect(error).toBeInstanceOf(RealtimeError);
    expect(error).toHaveProperty('code', 'BAD_FRAME');
    return error instanceof Error ? error.message : '';
  }
  throw new Error('it was accepted');
}

function nested(depth: number): string {
  return `${'['.repeat(depth)}${']'.repeat(depth)}`;
}

describe('a message', () => {
  test.each([
    ['[]', [[]]],
    ['[7,1]', [[7, 1]]],
    ['[[7,1]]', [[7, 1]]],
    ['[[7,1],[],5]', [[7, 1], [], 5]],
    ['[[]]', [[]]],
    [' [7 , 1] ', [[7, 1]]],
  ])('%s has the frames %j', (text, frames) => {
    expect(readClientText(text)).toEqual(frames);
  });

  test.each(['', '[7,1', '[7,1]]', '{', 'hello', '[1,{v:1}]', '[NaN]'])('%j is no JSON', (text) => {
    expect(refusal(text)).toMatch(/^a message is ".*", expected JSON$/);
  });

  test.each(['5', 'null', '"[]"', '{"0":7}'])('%s is no frame', (text) => {
    expect(refusal(text)).toMatch(/expected a frame or an array of frames$/);
  });

  test('carries bytes', () => {
    expect(readClientText('[4,1,0,"put",{"$bytes":"AQI"}]')).toEqual([
      [4, 1, 0, 'put', new Uint8Array([1, 2])],
    ]);
  });
});

describe('depth', () => {
  test('is bounded, in short and in long texts', () => {
    expect(readClientJson(nested(maxJsonDepth))).toBeInstanceOf(Array);
    expect(refusal(nested(maxJsonDepth + 1))).toBe('a message is deeper than 64 levels');
    const objects = `${'{"a":'.repeat(maxJsonDepth)}{}${'}'.repeat(maxJsonDepth)}`;
    expect(refusal(`[${objects}]`)).toBe('a message is deeper than 64 levels');
  });

  test('of half a million levels harms nobody', () => {
    expect(refusal(nested(500_000))).toBe('a message is deeper than 64 levels');
    expect(refusal('['.repeat(500_000))).toMatch(/expected JSON$/);
  });
});

describe('the key __proto__', () => {
  test.each([
    '[4,1,0,"a",{"__proto__":{"isAdmin":true}}]',
    '[4,1,0,"a",{"\\u005f_proto__":1}]',
    '[4,1,0,"a",{"\\u005F\\u005Fproto\\u005f_":1}]',
    '[4,1,0,"a",[[{"__prot\\u006f__":1}]]]',
    '[[],[4,1,0,"a",{"__proto__":null}]]',
  ])('is refused in %s', (text) => {
    expect(refusal(text)).toContain('__proto__');
  });

  test('is harmless as a value', () => {
    expect(readClientText('[4,1,0,"a","__proto__"]')).toEqual([[4, 1, 0, 'a', '__proto__']]);
  });
});
