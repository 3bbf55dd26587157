import { expect, test } from 'vitest';
import { isLoopbackTarget, requirePlatformTarget } from '../../src/server/platform-target.ts';

test.each<[string, object]>([
  ['nothing', {}],
  ['two places', { port: 0, socketPath: '/x' }],
  ['listen: true', { listen: true }],
  ['a port that is none', { port: 70_000 }],
  ['a host that is none', { port: 0, host: '' }],
  ['an empty path', { socketPath: '' }],
  ['a certificate as bytes', { port: 0, tls: { cert: new Uint8Array(1), key: 'x' } }],
  ['a certificate without a key', { port: 0, tls: { cert: 'x' } }],
])('%s is refused', (_, target) => {
  expect(() => Reflect.apply(requirePlatformTarget, undefined, [target])).toThrow(
    expect.objectContaining({ code: 'WS_OPTION_INVALID' }),
  );
});

test('a port, a unix socket or nowhere are fine', () => {
  expect(requirePlatformTarget({ port: 1, host: 'a', tls: { cert: 'c', key: 'k' } })).toEqual({
    port: 1,
    host: 'a',
  });
  expect(requirePlatformTarget({ socketPath: '/x' })).toEqual({ socketPath: '/x' });
  expect(requirePlatformTarget({ listen: false })).toBeUndefined();
});

test.each<[Parameters<typeof isLoopbackTarget>[0], boolean]>([
  [{ port: 1, host: '127.0.0.1' }, true],
  [{ port: 1, host: 'localhost' }, true],
  [{ port: 1, host: '::1' }, true],
  [{ port: 1, host: '0.0.0.0' }, false],
  [{ port: 1 }, false],
  [{ socketPath: '/x' }, false],
])('%j is on loopback: %s', (address, isOnLoopback) => {
  expect(isLoopbackTarget(address)).toBe(isOnLoopback);
});
