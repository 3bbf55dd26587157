import { expect, test } from 'vitest';
import { parseLabRequest } from '../../src/app/lab-request.ts';

test.each([
  ['{"experiment":"close","code":4000}', { experiment: 'close', code: 4000 }],
  ['{"experiment":"ping","code":"x"}', { experiment: 'ping' }],
])('%s is understood', (text, request) => {
  expect(parseLabRequest(text)).toEqual(request);
});

test.each(['', 'ping', 'null', '7', '[]', '{}', '{"experiment":"explode"}', '{"experiment":"__proto__"}'])(
  '%j is none',
  (text) => {
    expect(parseLabRequest(text)).toBeUndefined();
  },
);
