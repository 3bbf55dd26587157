import { describe, expect, test } from 'vitest';
import { connect as connectInBrowser } from '../../src/browser/connect.ts';
import { connect as connectOnNode } from '../../src/node/connect.ts';
import { reconnectBy } from '../../src/connection/reconnect.ts';

// As a program without types would call it.
type Connect = (url: string, options?: object, handlers?: unknown) => Promise<unknown>;

describe.each<[string, unknown]>([
  ['on Node', connectOnNode],
  ['in a browser', connectInBrowser],
])('what is called later is checked before anything is dialled, %s', (_, function_) => {
  const connect = function_ as Connect;

  test.each<[object, unknown, string]>([
    [{ signal: 5 }, undefined, 'option signal is 5, expected an AbortSignal'],
    [{ signal: null }, undefined, 'option signal is null, expected an AbortSignal'],
    [{ onError: 'log' }, undefined, 'option onError is "log", expected a function'],
    [{}, 'message', 'handlers is "message", expected an object'],
    [{}, null, 'handlers is null, expected an object'],
    [{}, { message: 5 }, 'handler message is 5, expected a function'],
    [{}, { closing: {} }, 'handler closing is an object (Object), expected a function'],
  ])('%j %j', async (options, handlers, message) => {
    await expect(connect('ws://127.0.0.1:1/', options, handlers)).rejects.toMatchObject({
      code: 'WS_OPTION_INVALID',
      message,
    });
  });
});

test('a loop that reconnects checks its signal too', () => {
  const options: object = { signal: 'stop' };
  expect(() => reconnectBy(() => Promise.reject(new Error('dialled')), options)).toThrow(
    expect.objectContaining({ code: 'WS_OPTION_INVALID' }),
  );
});
