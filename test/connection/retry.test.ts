import { expect, test } from 'vitest';
import { type ErrorCode, FullduplexError } from '../../src/base/errors.ts';
import { ProxyError } from '../../src/connection/proxy-error.ts';
import { isTransient, retryAfterMsOf } from '../../src/connection/retry.ts';
import { HandshakeError } from '../../src/protocol/handshake/handshake-error.ts';
import { HeaderList } from '../../src/protocol/handshake/header-list.ts';

const refusals = [
  ['the server', (status: number) => new HandshakeError('WS_HANDSHAKE_REFUSED', 'no', { status })],
  ['a proxy', (status: number) => new ProxyError('WS_PROXY_REFUSED', 'no', { status })],
] as const;

test.each(refusals)('a refusal by %s passes by itself with 408, 425, 429 and 5xx only', (_who, refusal) => {
  const passing = [302, 400, 401, 403, 404, 407, 408, 425, 426, 429, 500, 502, 503, 504, 599].filter(
    (status) => isTransient(refusal(status)),
  );
  expect(passing).toEqual([408, 425, 429, 500, 502, 503, 504, 599]);
});

test('a SOCKS proxy that could not reach the server may do so later, one that does not allow it will not', () => {
  const passing = Array.from({ length: 10 }, (_, reply) => reply).filter((socksReply) =>
    isTransient(new ProxyError('WS_PROXY_REFUSED', 'no', { socksReply })),
  );
  expect(passing).toEqual([1, 3, 4, 5, 6]);
  expect(isTransient(new ProxyError('WS_PROXY_REFUSED', 'no credentials'))).toBe(false);
});

test.each<[ErrorCode, boolean]>([
  ['WS_CONNECT_FAILED', true],
  ['WS_HANDSHAKE_TIMEOUT', true],
  ['WS_CERTIFICATE_INVALID', false],
  ['WS_REDIRECT_REFUSED', false],
  ['WS_OPTION_INVALID', false],
  ['WS_ABORTED', false],
])('%s passes by itself: %j', (code, isPassing) => {
  expect(isTransient(new FullduplexError(code, ''))).toBe(isPassing);
});

test('what is not of this library, or no answer of a proxy, does not pass by itself', () => {
  expect(isTransient(new Error('ECONNREFUSED'))).toBe(false);
  expect(isTransient(new ProxyError('WS_PROXY_INVALID', 'garbage', { status: 503 }))).toBe(false);
});

test('the wait that a server or a proxy asks for is kept', () => {
  const details = (status: number) => ({ status, headers: new HeaderList().append('Retry-After', '7') });
  expect(retryAfterMsOf(new HandshakeError('WS_HANDSHAKE_REFUSED', 'no', details(503)), 0)).toBe(7000);
  expect(retryAfterMsOf(new ProxyError('WS_PROXY_REFUSED', 'no', details(429)), 0)).toBe(7000);
  expect(retryAfterMsOf(new ProxyError('WS_PROXY_REFUSED', 'no', details(502)), 0)).toBe(0);
  expect(retryAfterMsOf(new Error('no'), 0)).toBe(0);
});
