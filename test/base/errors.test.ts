import { describe as group, expect, it } from 'vitest';
import { describe, FullduplexError } from '../../src/base/errors.ts';

group('FullduplexError', () => {
  it('carries a stable code, a sentence and its cause', () => {
    const cause = new Error('why');
    const error = new FullduplexError('WS_OPTION_INVALID', 'what was found', { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'FullduplexError',
      code: 'WS_OPTION_INVALID',
      message: 'what was found',
      cause,
    });
  });

  it('has no cause of its own making', () => {
    expect('cause' in new FullduplexError('WS_ABORTED', 'x')).toBe(false);
  });
});

group('describe', () => {
  it.each<[unknown, string]>([
    ['text', '"text"'],
    ['a"b\n', '"a\\"b\\n"'],
    ['x'.repeat(60), `"${'x'.repeat(60)}"`],
    ['x'.repeat(61), `"${'x'.repeat(57)}..."`],
    [17, '17'],
    [Number.NaN, 'NaN'],
    [10n, '10'],
    [null, 'null'],
    [undefined, 'undefined'],
    [Symbol('s'), 'Symbol(s)'],
    [() => 1, 'a function'],
    [new Uint8Array(3), 'Uint8Array of 3 bytes'],
    [new DataView(new ArrayBuffer(2)), 'DataView of 2 bytes'],
    [[1, 2], 'an array of 2'],
    [{ secret: 'hidden' }, 'an object (Object)'],
    [new Map(), 'an object (Map)'],
  ])('shows %o as %s', (value, text) => {
    expect(describe(value)).toBe(text);
  });
});
