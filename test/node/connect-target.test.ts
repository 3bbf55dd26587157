import { describe, expect, test } from 'vitest';
import { parseConnectTarget } from '../../src/node/connect-target.ts';

describe('a URL says where to dial and what to request', () => {
  test.each([
    ['ws://example.org', 'example.org', 80, false, 'ws://example.org/', 'example.org:80'],
    [
      'http://EXAMPLE.org:8080/a?b',
      'example.org',
      8080,
      false,
      'ws://example.org:8080/a?b',
      'example.org:8080',
    ],
    ['wss://example.org/x', 'example.org', 443, true, 'wss://example.org/x', 'example.org:443'],
    ['https://example.org:443', 'example.org', 443, true, 'wss://example.org/', 'example.org:443'],
    ['wss://[2001:db8::1]:444/', '2001:db8::1', 444, true, 'wss://[2001:db8::1]:444/', '[2001:db8::1]:444'],
    ['ws://u:p@example.org/', 'example.org', 80, false, 'ws://example.org/', 'example.org:80'],
  ])('%s', (url, host, port, isSecure, requestUrl, label) => {
    const target = parseConnectTarget(url);
    expect({ ...target, requestUrl: target.requestUrl.href, credentials: undefined }).toEqual({
      host,
      port,
      socketPath: undefined,
      isSecure,
      requestUrl,
      credentials: undefined,
      label,
    });
  });

  test.each([
    ['ws+unix:/run/a.sock', '/run/a.sock', 'ws://localhost/'],
    ['ws+unix:/run/a.sock:/', '/run/a.sock', 'ws://localhost/'],
    ['ws+unix:///run/a.sock:/x/y?z=:/', '/run/a.sock', 'ws://localhost/x/y?z=:/'],
    ['ws+unix:/run/a%3Ab.sock:/x', '/run/a:b.sock', 'ws://localhost/x'],
    ['ws+unix:./a.sock:/x', './a.sock', 'ws://localhost/x'],
    ['wss+unix:/run/a.sock:/x', '/run/a.sock', 'wss://localhost/x'],
  ])('%s is a unix socket', (url, socketPath, requestUrl) => {
    const target = parseConnectTarget(url);
    expect([target.socketPath, target.requestUrl.href, target.label]).toEqual([
      socketPath,
      requestUrl,
      socketPath,
    ]);
  });

  test('credentials are decoded', () => {
    expect(parseConnectTarget(new URL('ws://j%C3%B6rg:p%3Aw@h/')).credentials).toEqual({
      username: 'jörg',
      password: 'p:w',
    });
  });
});

describe('a URL is refused', () => {
  test.each([
    '',
    '/chat',
    'example.org',
    'ftp://example.org/',
    'ws://example.org/#',
    'ws://example.org/#top',
    'ws+unix://run/a.sock:/x',
    'ws+unix:',
    'ws+unix::/x',
    'ws+unix:/a.sock:/x#y',
    'ws+unix:/%ff.sock',
    'ws://%ff@example.org/',
  ])('%j', (url) => {
    expect(() => parseConnectTarget(url)).toThrow(expect.objectContaining({ code: 'WS_URL_INVALID' }));
  });

  test('when it is no text at all', () => {
    const notText: unknown = 5;
    expect(() => parseConnectTarget(notText as string)).toThrow('URL is 5, expected ws://host/path');
  });

  test('without showing its password', () => {
    expect(() => parseConnectTarget('ws://ann:secret@example.org/#x')).toThrow(
      /^(?!.*secret)URL is "ws:\/\/ann@ex/,
    );
  });
});
