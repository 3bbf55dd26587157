import { describe, expect, test } from 'vitest';
import { connect } from '../../src/node/connect.ts';
import type { ConnectOptions } from '../../src/node/connect-options.ts';
import { rejectionOf } from './raw-server.ts';

describe('wrong options are refused before anything is dialled', () => {
  test.each<[ConnectOptions, string]>([
    [{ handshakeTimeoutMs: 0 }, 'option handshakeTimeoutMs is 0, expected an integer from 1 to 2147483647'],
    [{ maxMessageBytes: -1 }, 'option maxMessageBytes is -1'],
    [{ protocols: ['a', 'a'] }, 'option protocols has "a" twice'],
    [{ protocols: ['a b'] }, 'option protocols has "a b", expected tokens'],
    [
      { headers: { Host: 'x' } },
      'option headers has "Host", expected none of those that the handshake writes',
    ],
    [{ headers: { 'X-A': 'b\r\nX-C: d' } }, 'value of header X-A is'],
    [{ headers: { origin: 'x' }, origin: 'y' }, 'option headers has Origin beside the option origin'],
    [{ headers: { cookie: 'x' }, cookies: 'y' }, 'option headers has Cookie beside the option cookies'],
    [
      { headers: { authorization: 'x' }, auth: { token: 'y' } },
      'option headers has Authorization beside the option auth',
    ],
    [{ auth: { username: 'a:b', password: '' } }, 'option auth has no username and password, or a colon'],
    [{ auth: { token: 'a b' } }, 'option auth.token is empty or has a forbidden character'],
    [{ auth: { token: '' } }, 'option auth.token is empty or has a forbidden character'],
    [{ cookies: { a: 'b; c=d' } }, 'option cookies has "a" with a forbidden character'],
    [{ cookies: { 'a=': 'b' } }, 'option cookies has "a=" with a forbidden character'],
    [{ origin: 'a\nb' }, 'value of header Origin is "a\\nb"'],
  ])('%j', async (options, message) => {
    let isDialled = false;
    const createConnection = (): never => {
      isDialled = true;
      throw new Error('nothing may be dialled');
    };
    const error = await rejectionOf(connect('ws://example.test', { createConnection, ...options }));
    expect(error).toMatchObject({ code: 'WS_OPTION_INVALID', message: expect.stringContaining(message) });
    expect(isDialled).toBe(false);
  });

  test('socket options that Node refuses', async () => {
    const lookup: unknown = 'no function';
    const options = { socket: { lookup } } as ConnectOptions;
    expect(await rejectionOf(connect('ws://example.test', options))).toMatchObject({
      code: 'WS_OPTION_INVALID',
      message: expect.stringMatching(/^option socket cannot be used: /),
    });
  });
});
