import { describe, expect, test } from 'vitest';
import {
  type AllowedOrigins,
  isLoopbackAddress,
  isLoopbackHost,
  originProblem,
  requireAllowedOrigins,
} from '../../src/server/origin.ts';

function isSameOrigin(origin: string | undefined, authority: string, isSecure = false): boolean {
  return originProblem({ origin, authority, isSecure, isOnLoopback: false }, 'same-origin') === undefined;
}

describe('same origin', () => {
  test.each([
    ['http://example.com', 'example.com'],
    ['https://example.com', 'example.com'],
    ['http://example.com', 'example.com:80'],
    ['https://example.com', 'example.com:443'],
    ['http://example.com:8080', 'example.com:8080'],
    ['https://EXAMPLE.com', 'Example.COM'],
    ['http://[::1]:8080', '[::1]:8080'],
    ['http://127.0.0.1:8080', '127.0.0.1:8080'],
    ['https://bücher.example', 'xn--bcher-kva.example'],
  ])('%s is that of Host %s', (origin, host) => {
    expect(isSameOrigin(origin, host)).toBe(true);
  });

  test('no Origin passes: no browser asks', () => {
    expect(isSameOrigin(undefined, 'example.com')).toBe(true);
  });

  test.each([
    ['null', 'null'],
    ['', 'example.com'],
    ['http://example.com', 'example.org'],
    ['http://example.com.evil.example', 'example.com'],
    ['http://example.com', 'example.com:8080'],
    ['http://example.com:8080', 'example.com'],
    ['http://example.com', 'example.com:443'],
    ['https://example.com', 'example.com:80'],
    ['http://sub.example.com', 'example.com'],
    ['http://example.com@evil.example', 'evil.example'],
    ['http://user@example.com', 'example.com'],
    ['file://', ''],
    ['chrome-extension://example.com', 'example.com'],
    ['javascript:alert(1)', 'alert(1)'],
    ['http://example.com, http://example.com', 'example.com'],
    ['http://example.com', 'a b'],
  ])('%j is not that of Host %j', (origin, host) => {
    expect(isSameOrigin(origin, host)).toBe(false);
  });

  test('over our own TLS a page that came without encryption is another origin', () => {
    expect(isSameOrigin('https://example.com', 'example.com', true)).toBe(true);
    expect(isSameOrigin('https://example.com:443', 'example.com', true)).toBe(true);
    expect(isSameOrigin('http://example.com', 'example.com', true)).toBe(false);
    expect(isSameOrigin('http://example.com:8443', 'example.com:8443', true)).toBe(true);
  });

  test('a server for this machine only hears no other name, whether there is an Origin or not', () => {
    const problem = (authority: string, origin: string | undefined): string | undefined =>
      originProblem({ origin, authority, isSecure: false, isOnLoopback: true }, 'same-origin');
    expect(problem('attacker.example:8080', 'http://attacker.example:8080')).toContain('not this machine');
    expect(problem('attacker.example', undefined)).toContain('not this machine');
    expect(problem('localhost:8080', 'http://localhost:8080')).toBeUndefined();
    expect(problem('localhost:8080', 'http://127.0.0.1:8080')).toContain('Origin');
    expect(problem('[::1]:8080', undefined)).toBeUndefined();
  });
});

describe('a list', () => {
  const check = (origin: string | undefined): string | undefined =>
    originProblem({ origin, authority: 'any.example', isSecure: false, isOnLoopback: true }, [
      'https://a.example',
      'null',
    ]);

  test('lets in its members and those without Origin, and nobody else', () => {
    expect([check('https://a.example'), check('null'), check(undefined)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(check('http://a.example')).toContain('not among the allowed origins');
    expect(check('https://any.example')).toContain('not among');
  });

  test.each([
    'https://a.example/',
    'a.example',
    'https://a.example/path',
    'HTTPS://a.example',
    'https://a.example:443',
    'https://*.a.example?',
    5,
  ])('is refused with %j in it, which no browser sends', (origin) => {
    expect(() => requireAllowedOrigins([origin] as string[])).toThrow('option allowedOrigins has');
  });

  test('may name origins of browser extensions', () => {
    expect(requireAllowedOrigins(['chrome-extension://abcdef', 'http://localhost:3000'])).toHaveLength(2);
  });

  test('anything but the four forms is refused', () => {
    expect(() => requireAllowedOrigins('https://a.example' as AllowedOrigins)).toThrow(
      'expected "same-origin", "any"',
    );
    expect(() => requireAllowedOrigins(true as unknown as AllowedOrigins)).toThrow(
      'option allowedOrigins is true',
    );
  });
});

test.each([
  ['localhost', true],
  ['app.localhost:80', true],
  ['127.0.0.1', true],
  ['127.9.9.9:1', true],
  ['[::1]:8080', true],
  ['[::ffff:127.0.0.1]', true],
  ['2130706433', true],
  ['localhost.example.com', false],
  ['127.0.0.1.example.com', false],
  ['0.0.0.0', false],
  ['[::2]', false],
  ['192.168.0.1', false],
  ['', false],
])('Host %j means this machine: %s', (host, expected) => {
  expect(isLoopbackHost(host)).toBe(expected);
});

test('addresses of this machine are told from others', () => {
  expect(['127.0.0.1', '::1', '::ffff:127.0.0.1'].map(isLoopbackAddress)).toEqual([true, true, true]);
  expect(['0.0.0.0', '::', '10.0.0.1', 'fe80::1'].map(isLoopbackAddress)).toEqual([
    false,
    false,
    false,
    false,
  ]);
});
