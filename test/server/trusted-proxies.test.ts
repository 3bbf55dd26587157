import { describe, expect, test } from 'vitest';
import type { ForwardedHeader } from '../../src/server/forwarded-header.ts';
import { TrustedProxies } from '../../src/server/trusted-proxies.ts';
import { authorityOf, type IncomingUpgrade, peerAddressOf } from '../../src/server/upgrade-request.ts';
import { incomingUpgrade } from './server-pair.ts';

interface Seen {
  readonly client: string | undefined;
  readonly peer: string | undefined;
  readonly isSecure: boolean;
  readonly host: string;
}

function seen(
  proxies: readonly string[],
  headers: Readonly<Record<string, string>>,
  more: Partial<Omit<IncomingUpgrade, 'head'>> = {},
  header: ForwardedHeader = 'X-Forwarded-For',
): Seen {
  const upgrade = incomingUpgrade(headers, { remoteAddress: '10.0.0.1', ...more });
  const resolved = new TrustedProxies(proxies, header).resolve(upgrade);
  return {
    client: resolved.remoteAddress,
    peer: peerAddressOf(resolved),
    isSecure: resolved.isSecure,
    host: authorityOf(resolved),
  };
}

const spoofed = {
  'X-Forwarded-For': '203.0.113.66',
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Host': 'bank.example',
  Forwarded: 'for=203.0.113.66;proto=https;host=bank.example',
};
const direct: Seen = { client: '10.0.0.1', peer: '10.0.0.1', isSecure: false, host: 'example.com' };

describe('headers of a peer that is not trusted are ignored', () => {
  test.each<[string, readonly string[]]>([
    ['nobody is', []],
    ['another address is', ['10.0.0.2']],
    ['another range is', ['192.168.0.0/16', '::/0']],
    ['only the machine itself is', ['loopback']],
    ['only unix sockets are', ['unix']],
  ])('%s', (_, proxies) => {
    expect(seen(proxies, spoofed)).toEqual(direct);
    expect(seen(proxies, spoofed, {}, 'Forwarded')).toEqual(direct);
  });

  test('also when it has no address although it came over TCP, as one that is gone already', () => {
    const gone = { remoteAddress: undefined, isUnixSocket: false };
    expect(seen(['unix', 'private'], spoofed, gone).client).toBeUndefined();
    expect(seen(['unix', 'private'], spoofed, gone).host).toBe('example.com');
  });
});

describe('a trusted peer says who the client is', () => {
  test.each<[string, readonly string[], Partial<IncomingUpgrade>]>([
    ['by its address', ['10.0.0.1'], {}],
    ['by a range', ['10.0.0.0/24'], {}],
    ['by a name', ['private'], {}],
    ['over IPv4 inside of IPv6', ['10.0.0.0/8'], { remoteAddress: '::ffff:10.0.0.1' }],
    ['on the machine itself', ['loopback'], { remoteAddress: '::1' }],
    ['over a unix socket', ['unix'], { remoteAddress: undefined, isUnixSocket: true }],
  ])('%s', (_, proxies, more) => {
    const peer = 'remoteAddress' in more ? more.remoteAddress : '10.0.0.1';
    const expected: Seen = { client: '203.0.113.66', peer, isSecure: true, host: 'bank.example' };
    expect(seen(proxies, spoofed, more)).toEqual(expected);
    expect(seen(proxies, spoofed, more, 'Forwarded')).toEqual(expected);
  });

  test('and is believed about nothing that it does not say', () => {
    expect(seen(['private'], {})).toEqual(direct);
    expect(seen(['private'], { 'X-Forwarded-For': '203.0.113.1' })).toEqual({
      ...direct,
      client: '203.0.113.1',
    });
    expect(seen(['private'], { 'X-Forwarded-Proto': 'https' })).toEqual({ ...direct, isSecure: true });
    expect(seen(['private'], { 'X-Forwarded-Proto': 'http' }, { isSecure: true }).isSecure).toBe(false);
  });

  test('in the header that was agreed only: the other one may be of the client', () => {
    expect(seen(['private'], { Forwarded: spoofed.Forwarded })).toEqual(direct);
    expect(seen(['private'], { 'X-Forwarded-For': '203.0.113.1' }, {}, 'Forwarded')).toEqual(direct);
  });
});

describe('the first address from the end that is not trusted is the client', () => {
  test.each([
    ['203.0.113.1', '203.0.113.1'],
    ['6.6.6.6, 203.0.113.1', '203.0.113.1'],
    ['6.6.6.6, 203.0.113.1, 10.0.0.7', '203.0.113.1'],
    ['203.0.113.1, 10.0.0.7, 10.0.0.8', '203.0.113.1'],
    ['10.0.0.6, 10.0.0.7', '10.0.0.6'],
    ['[2001:db8::1]:443, 10.0.0.7', '2001:db8::1'],
    ['6.6.6.6, unknown, 10.0.0.7', '10.0.0.7'],
    ['6.6.6.6, _hidden', '10.0.0.1'],
    ['6.6.6.6, junk', '10.0.0.1'],
    ['6.6.6.6, ', '10.0.0.1'],
  ])('X-Forwarded-For: %s', (text, client) => {
    expect(seen(['10.0.0.0/8'], { 'X-Forwarded-For': text }).client).toBe(client);
  });

  test.each([
    ['for=6.6.6.6, for="203.0.113.1:5", for=10.0.0.7;proto=https', '203.0.113.1', true],
    ['for=6.6.6.6, for=203.0.113.1;proto=https, for=10.0.0.7;proto=http', '203.0.113.1', true],
    ['for=6.6.6.6;proto=https, for=203.0.113.1', '203.0.113.1', false],
    ['for=unknown', '10.0.0.1', false],
    ['for="', '10.0.0.1', false],
    ['for=", for=203.0.113.1', '203.0.113.1', false],
  ])('Forwarded: %s', (text, client, isSecure) => {
    const result = seen(['10.0.0.0/8'], { Forwarded: text }, {}, 'Forwarded');
    expect([result.client, result.isSecure]).toEqual([client, isSecure]);
  });
});

test.each(['gopher', '', 'https://', 'javascript'])('a scheme %j is none', (scheme) => {
  expect(seen(['private'], { 'X-Forwarded-For': '203.0.113.1', 'X-Forwarded-Proto': scheme }).isSecure).toBe(
    false,
  );
});

test.each(['', 'a/b', 'a@b', 'a b', 'a?', 'a#', 'a\\b', '[::x]', 'a:99999'])(
  'a host %j is none, and the one of the request counts',
  (host) => {
    expect(seen(['private'], { 'X-Forwarded-For': '203.0.113.1', 'X-Forwarded-Host': host }).host).toBe(
      'example.com',
    );
  },
);

test('a request that came through a proxy on the machine itself is not of a page that was led there', () => {
  const proxies = new TrustedProxies(['loopback'], 'X-Forwarded-For');
  const peer = { remoteAddress: '127.0.0.1', isOnLoopback: true };
  const forwarded = proxies.resolve(incomingUpgrade({ 'X-Forwarded-For': '203.0.113.1' }, peer));
  expect(forwarded.isOnLoopback).toBe(false);
  expect(proxies.resolve(incomingUpgrade({}, peer)).isOnLoopback).toBe(true);
});

test('the request of a platform, its signal and its transport stay what they are behind a proxy', () => {
  const request = new Request('http://inner/chat');
  const facts = { remoteAddress: '10.0.0.1', request, isCounted: true };
  const upgrade = incomingUpgrade({ 'X-Forwarded-For': '203.0.113.1' }, facts);
  const forwarded = new TrustedProxies(['private'], 'X-Forwarded-For').resolve(upgrade);
  expect(forwarded).not.toBe(upgrade);
  expect(forwarded.request).toBe(request);
  expect(forwarded.signal).toBe(upgrade.signal);
  expect([forwarded.isCounted, forwarded.isUnixSocket]).toEqual([true, false]);
});

test.each<[unknown, string]>([
  ['loopback', 'option trustedProxies is "loopback", expected a list of addresses and names'],
  [['everybody'], 'option trustedProxies has "everybody", expected addresses'],
  [['10.0.0.0/33'], 'option trustedProxies has "10.0.0.0/33", expected addresses'],
  [[7], 'option trustedProxies has 7, expected addresses'],
])('the option %j is refused', (given, message) => {
  expect(() => new TrustedProxies(given as never, 'Forwarded')).toThrow(message);
});

test('another header than the two is refused', () => {
  expect(() => new TrustedProxies([], 'X-Real-IP' as never)).toThrow(
    'option forwardedHeader is "X-Real-IP", expected "X-Forwarded-For" or "Forwarded"',
  );
});
