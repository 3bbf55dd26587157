import { describe, expect, it } from 'vitest';
import {
  defaultLimits,
  type ProtocolLimits,
  requireInteger,
  resolveLimits,
} from '../../src/protocol/limits.ts';

const names: (keyof ProtocolLimits)[] = [
  'maxMessageBytes',
  'maxFrameBytes',
  'maxFragments',
  'maxRetainedBytes',
];

describe('resolveLimits', () => {
  it('completes what is given with the defaults', () => {
    expect(resolveLimits()).toEqual(defaultLimits);
    expect(resolveLimits({ maxFragments: 7, maxMessageBytes: undefined })).toEqual({
      ...defaultLimits,
      maxFragments: 7,
    });
    expect(Object.isFrozen(defaultLimits)).toBe(true);
  });

  it('leaves the length of a streamed message open unless a limit is given', () => {
    expect(resolveLimits({}, true)).toEqual({ ...defaultLimits, maxMessageBytes: Infinity });
    expect(resolveLimits({ maxMessageBytes: 5 }, true).maxMessageBytes).toBe(5);
  });

  it.each(
    names.flatMap((name) => [0, -1, 1.5, Number.NaN, -Infinity].map((value) => [name, value] as const)),
  )('refuses %s of %d, naming the option', (name, value) => {
    expect(() => resolveLimits({ [name]: value })).toThrow(
      expect.objectContaining({
        code: 'WS_OPTION_INVALID',
        message: expect.stringContaining(`${name} is ${value}`),
      }),
    );
  });

  it.each(['1000', null, {}, true].map((value): [unknown] => [value]))(
    'refuses %o where a number belongs',
    (value) => {
      expect(() => Reflect.apply(requireInteger, undefined, ['maxFragments', value, 1])).toThrow(
        'option maxFragments is',
      );
    },
  );

  it('says which range an option with an end has', () => {
    expect(requireInteger('keptBuffers', 5, 0, 5)).toBe(5);
    expect(() => requireInteger('keptBuffers', 6, 0, 5)).toThrow(
      'option keptBuffers is 6, expected an integer from 0 to 5',
    );
    expect(() => requireInteger('keptBuffers', Infinity, 0, 5)).toThrow('an integer from 0 to 5');
    expect(requireInteger('maxFragments', Infinity, 1)).toBe(Infinity);
  });

  it('keeps room for a control frame and for one small read', () => {
    expect(resolveLimits({ maxFrameBytes: 125, maxRetainedBytes: 1024 })).toMatchObject({
      maxFrameBytes: 125,
    });
    expect(() => resolveLimits({ maxFrameBytes: 124 })).toThrow('at least 125');
    expect(() => resolveLimits({ maxRetainedBytes: 1023 })).toThrow('at least 1024');
  });
});
