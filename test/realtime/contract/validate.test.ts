import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { typed } from '../../../src/contract.ts';
import type { StandardSchema } from '../../../src/realtime/contract/standard-schema.ts';
import { validate } from '../../../src/realtime/contract/validate.ts';
import { RealtimeError } from '../../../src/realtime/wire/error-codes.ts';
import { withArktype, withTypes, withValibot, withZod } from './schemas.ts';

async function refusal(
  schema: StandardSchema | undefined,
  value: unknown,
  place = 'data',
): Promise<RealtimeError> {
  try {
    await validate(schema, value, place);
  } catch (error) {
    if (error instanceof RealtimeError) return error;
  }
  throw new Error('it was accepted, or another error was thrown');
}

describe.each([
  ['zod', withZod],
  ['valibot', withValibot],
  ['arktype', withArktype],
])('a schema of %s', (_library, contract) => {
  const { message } = contract.channels['chat:{room}'].events;

  test('gives what it makes of the value, at once', () => {
    expect(validate(message, { text: '  hello ' }, 'data')).toEqual({ text: 'hello' });
  });

  test('refuses with the path and its own words', async () => {
    const error = await refusal(message, { text: 5 });
    expect(error.code).toBe('BAD_DATA');
    expect(error.message).toMatch(/^data\.text: .*string.*(number|5)/);
  });

  test('refuses what is no object, null included', async () => {
    expect((await refusal(message, 'hello')).message).toMatch(/^data: /);
    expect((await refusal(message, null)).message).toMatch(/^data: /);
  });
});

test('a schema of types lets everything through, the very same', () => {
  const value = { text: 5 };
  expect(validate(withTypes.channels['chat:{room}'].events.message, value, 'data')).toBe(value);
});

test('a path names places in arrays and keys that are no words', async () => {
  const schema = z.object({ rows: z.array(z.record(z.string(), z.number())) });
  const error = await refusal(schema, { rows: [{}, { 'a b': 'x' }] }, 'input');
  expect(error.message).toMatch(/^input\.rows\[1\]\["a b"\]: /);
});

test('an error names five issues and counts the others', async () => {
  const error = await refusal(z.array(z.number()), ['a', 'b', 'c', 'd', 'e', 'f', 'g']);
  expect(error.message.split('; ')).toHaveLength(6);
  expect(error.message).toMatch(/; and 2 more$/);
});

test('an error does not repeat an endless message', async () => {
  const schema = z.string().refine(() => false, { message: 'x'.repeat(10_000) });
  expect((await refusal(schema, 'a')).message.length).toBeLessThan(300);
});

describe('a schema that takes its time', () => {
  const schema = v.pipeAsync(
    v.string(),
    v.checkAsync(async (value) => Promise.resolve(value !== 'taken'), 'is taken'),
    v.transform((value) => value.toUpperCase()),
  );

  test('gives a promise of what it makes', async () => {
    const result = validate(schema, 'ada', 'data');
    expect(result).toBeInstanceOf(Promise);
    await expect(result).resolves.toBe('ADA');
  });

  test('refuses later', async () => {
    const error = await refusal(schema, 'taken');
    expect([error.code, error.message]).toEqual(['BAD_DATA', 'data: is taken']);
  });

  test('is asked for undefined when it refuses null', async () => {
    await expect(validate(v.optionalAsync(schema), null, 'data')).resolves.toBeUndefined();
    expect((await refusal(schema, null)).code).toBe('BAD_DATA');
  });
});

describe('null', () => {
  test('stands for undefined where only that fits', () => {
    expect(validate(z.string().optional(), null, 'data')).toBeUndefined();
    expect(validate(z.string().default('none'), null, 'data')).toBe('none');
  });

  test('stays null where it fits', () => {
    expect(validate(z.string().nullish(), null, 'data')).toBeNull();
    expect(validate(typed<null>(), null, 'data')).toBeNull();
  });
});

test('without a schema only nothing passes', async () => {
  expect(validate(undefined, null, 'input')).toBeUndefined();
  expect(validate(undefined, undefined, 'input')).toBeUndefined();
  const error = await refusal(undefined, 5, 'input');
  expect([error.code, error.message]).toEqual([
    'BAD_DATA',
    'input: 5, expected none: the contract has no schema for it',
  ]);
});

test('a schema that throws, now or later, is the fault of the server', async () => {
  const failing = (validateValue: () => Promise<never>): StandardSchema => ({
    '~standard': { version: 1, vendor: 'test', validate: validateValue },
  });
  const cause = new Error('broken');
  const now = await refusal(
    failing(() => {
      throw cause;
    }),
    5,
  );
  const later = await refusal(
    failing(() => Promise.reject(cause)),
    5,
  );
  for (const error of [now, later]) {
    expect(error.code).toBe('HANDLER_FAILED');
    expect(error.cause).toBe(cause);
  }
});
