// The same contract written with three schema libraries and with none: what each must give in types and at run time is the same.

import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import { defineContract, typed } from '../../../src/contract.ts';

export const withZod = defineContract({
  version: '1.2',
  channels: {
    'chat:{room}': {
      events: { message: z.object({ text: z.string().trim().max(20) }) },
      presence: z.object({ name: z.string() }),
    },
  },
  calls: { add: { input: z.object({ a: z.number(), b: z.number() }), output: z.number(), idempotent: true } },
});

export const withValibot = defineContract({
  version: '1.2',
  channels: {
    'chat:{room}': {
      events: { message: v.object({ text: v.pipe(v.string(), v.trim(), v.maxLength(20)) }) },
      presence: v.object({ name: v.string() }),
    },
  },
  calls: {
    add: { input: v.object({ a: v.number(), b: v.number() }), output: v.number(), idempotent: true },
  },
});

export const withArktype = defineContract({
  version: '1.2',
  channels: {
    'chat:{room}': {
      events: { message: type({ text: type('string.trim').to('string <= 20') }) },
      presence: type({ name: 'string' }),
    },
  },
  calls: { add: { input: type({ a: 'number', b: 'number' }), output: type('number'), idempotent: true } },
});

export const withTypes = defineContract({
  version: '1.2',
  channels: {
    'chat:{room}': {
      events: { message: typed<{ text: string }>() },
      presence: typed<{ name: string }>(),
    },
  },
  calls: { add: { input: typed<{ a: number; b: number }>(), output: typed<number>(), idempotent: true } },
});
