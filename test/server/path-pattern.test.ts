import { describe, expect, expectTypeOf, test } from 'vitest';
import { type PathParams, PathPattern, pathOf } from '../../src/server/path-pattern.ts';

function match(pattern: string, target: string): unknown {
  return new PathPattern(pattern).match(pathOf(target));
}

describe('matching', () => {
  test.each([
    ['/', '/', {}],
    ['/chat', '/chat', {}],
    ['/chat', '/chat?x=/y', {}],
    ['/chat', '/chat/', undefined],
    ['/chat', '/Chat', undefined],
    ['/chat', '/chatter', undefined],
    ['/chat/', '/chat/', {}],
    ['/chat/', '/chat', undefined],
    ['/chat/:room', '/chat/blue', { room: 'blue' }],
    ['/chat/:room', '/chat/', undefined],
    ['/chat/:room', '/chat', undefined],
    ['/chat/:room', '/chat/blue/', undefined],
    ['/chat/:room', '/chat/a/b', undefined],
    ['/:a/x/:b_2', '/1/x/2', { a: '1', b_2: '2' }],
    ['/:__proto__', '/1', { ['__proto__']: '1' }],
    ['/files/*', '/files/a', { '*': 'a' }],
    ['/files/*', '/files/a/b/', { '*': 'a/b/' }],
    ['/files/*', '/files/', { '*': '' }],
    ['/files/*', '/files', undefined],
    ['/:user/*', '/ada/x/y', { user: 'ada', '*': 'x/y' }],
    ['/*', '/', { '*': '' }],
  ])('%s against %s gives %j', (pattern, target, expected) => {
    expect(match(pattern, target)).toEqual(expected);
  });

  test.each([
    ['/chat/:room', '/chat/blue%20room', { room: 'blue room' }],
    ['/chat/:room', '/chat/%E2%82%AC', { room: '€' }],
    ['/chat/:room', '/chat/a%2Fb', { room: 'a/b' }],
    ['/chat/:room', '/chat/%', undefined],
    ['/chat/:room', '/chat/%ff', undefined],
    ['/café', '/caf%C3%A9', {}],
    ['/caf%C3%A9', '/caf%c3%a9', {}],
    ['/files/*', '/files/a%20b/c', { '*': 'a b/c' }],
  ])('%s against %s is decoded to %j', (pattern, target, expected) => {
    expect(match(pattern, target)).toEqual(expected);
  });

  test.each([
    ['/files/../admin', undefined],
    ['/files/%2e%2e/admin', undefined],
    ['/files/.%2E/admin', undefined],
    ['/files/a/../b', { '*': 'b' }],
    ['/files/..\\..\\admin', undefined],
    ['/files/..%2f..%2fadmin', undefined],
    ['/files/..%5C..%5Cadmin', undefined],
  ])('nothing climbs out of a folder: %s', (target, expected) => {
    expect(match('/files/*', target)).toEqual(expected);
  });

  test('what is matched is the path that URL sees', () => {
    for (const target of [
      '/a/../b',
      '/a/%2e/b',
      '//evil.example/x',
      '/a\\b',
      'http://host/p/./q?x',
      'https://host',
    ]) {
      const url = new URL(target.startsWith('/') ? `ws://example.com${target}` : target);
      expect(pathOf(target)).toBe(url.pathname);
    }
    expect(pathOf('*')).toBe('');
    expect(pathOf('example.com:443')).not.toMatch(/^\//);
  });
});

describe('order', () => {
  test('literal segments go before parameters, and these before the rest', () => {
    const sources = ['/*', '/a/*', '/a/:x', '/a/:x/b', '/a/b', '/:x', '/a'];
    const sorted = sources
      .map((source) => new PathPattern(source))
      .sort((left, right) => left.compare(right));
    const position = (source: string): number => sorted.findIndex((pattern) => pattern.source === source);
    expect(position('/a/b')).toBeLessThan(position('/a/:x'));
    expect(position('/a/:x')).toBeLessThan(position('/a/*'));
    expect(position('/a/:x/b')).toBeLessThan(position('/a/*'));
    expect(position('/a')).toBeLessThan(position('/:x'));
    expect(position('/:x')).toBeLessThan(position('/*'));
    expect(position('/a/*')).toBeLessThan(position('/*'));
  });

  test('two patterns for the same paths compare as equal', () => {
    expect(new PathPattern('/a/:x').compare(new PathPattern('/a/:y'))).toBe(0);
    expect(new PathPattern('/caf%C3%A9').compare(new PathPattern('/café'))).toBe(0);
    expect(new PathPattern('/a/:x').compare(new PathPattern('/b/:x'))).not.toBe(0);
  });
});

test.each([
  ['', 'a path that starts with "/"'],
  ['chat', 'a path that starts with "/"'],
  [42, 'a path that starts with "/"'],
  ['/a?b', 'a path without query and fragment'],
  ['/a#b', 'a path without query and fragment'],
  ['/*/a', '"*" only as the last segment'],
  ['/a*', '"*" only as a segment of its own'],
  ['/:', 'behind ":" a name'],
  ['/:a-b', 'behind ":" a name'],
  ['/:1', 'behind ":" a name'],
  ['/:a/:a', '":a" once'],
  ['/%', 'percent signs only'],
])('the pattern %j is refused', (pattern, message) => {
  expect(() => new PathPattern(pattern as string)).toThrow(message);
  expect(() => new PathPattern(pattern as string)).toThrow(
    expect.objectContaining({ code: 'WS_OPTION_INVALID' }) as Error,
  );
});

test('the types of parameters follow the pattern', () => {
  expectTypeOf<PathParams<'/a/:b/c/:d'>>().toEqualTypeOf<{ readonly b: string; readonly d: string }>();
  expectTypeOf<PathParams<'/a/*'>>().toEqualTypeOf<{ readonly '*': string }>();
  expectTypeOf<PathParams<string>>().toEqualTypeOf<{ readonly [name: string]: string }>();
});
