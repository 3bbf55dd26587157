import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HeaderList } from '../../src/protocol/handshake/header-list.ts';
import { eachHop, type ForwardedHeader, parseNode } from '../../src/server/forwarded-header.ts';
import { formatIpAddress } from '../../src/server/ip-address.ts';

type Hop = readonly [string | undefined, string | undefined, string | undefined];

function hops(header: ForwardedHeader, ...fields: string[]): Hop[] {
  const found: Hop[] = [];
  eachHop(header, HeaderList.fromRaw(fields), ({ address, scheme, host }) => {
    found.push([address === undefined ? undefined : formatIpAddress(address), scheme, host]);
    return found.length < 50;
  });
  return found;
}

function addresses(text: string): (string | undefined)[] {
  return hops('Forwarded', 'Forwarded', text).map(([address]) => address);
}

describe('who asked', () => {
  test.each([
    ['192.0.2.43', '192.0.2.43'],
    ['192.0.2.43:47011', '192.0.2.43'],
    ['2001:db8::17', '2001:db8::17'],
    ['[2001:db8:cafe::17]', '2001:db8:cafe::17'],
    ['[2001:db8:cafe::17]:4711', '2001:db8:cafe::17'],
    ['"[2001:db8:cafe::17]:4711"', '2001:db8:cafe::17'],
    ['::ffff:192.0.2.43', '192.0.2.43'],
    ['unknown', undefined],
    ['_gazonk', undefined],
    ['_secret:80', undefined],
    ['', undefined],
    ['"', undefined],
    ['[::1', undefined],
    ['[::1]x', undefined],
    ['localhost', undefined],
    ['192.0.2.43, 192.0.2.44', undefined],
  ])('%j is %s', (text, expected) => {
    const address = parseNode(text);
    expect(address === undefined ? undefined : formatIpAddress(address)).toBe(expected);
  });
});

describe('X-Forwarded-For', () => {
  test('is read from its end, over all its lines', () => {
    const found = hops(
      'X-Forwarded-For',
      'X-Forwarded-For',
      '203.0.113.1, 203.0.113.2',
      'x-forwarded-for',
      ' 203.0.113.3',
    );
    expect(found.map(([address]) => address)).toEqual(['203.0.113.3', '203.0.113.2', '203.0.113.1']);
  });

  test('goes with the entries of its companions where these are as many, else with their last ones', () => {
    expect(
      hops(
        'X-Forwarded-For',
        'X-Forwarded-For',
        '203.0.113.1, 203.0.113.2',
        'X-Forwarded-Proto',
        'HTTPS, http',
        'X-Forwarded-Host',
        'evil.example, a.example, b.example',
      ),
    ).toEqual([
      ['203.0.113.2', 'http', 'b.example'],
      ['203.0.113.1', 'https', 'b.example'],
    ]);
  });

  test('may be missing beside its companions', () => {
    expect(hops('X-Forwarded-For', 'X-Forwarded-Proto', 'https')).toEqual([[undefined, 'https', undefined]]);
    expect(hops('X-Forwarded-For', 'Forwarded', 'for=203.0.113.1')).toEqual([]);
  });
});

describe('Forwarded', () => {
  test.each([
    ['for="_gazonk"', [[undefined, undefined, undefined]]],
    ['For="[2001:db8:cafe::17]:4711"', [['2001:db8:cafe::17', undefined, undefined]]],
    ['for=192.0.2.60;proto=HTTP;by=203.0.113.43', [['192.0.2.60', 'http', undefined]]],
    [
      'for=192.0.2.43, for=198.51.100.17;host="a.example:8443";proto=https',
      [
        ['198.51.100.17', 'https', 'a.example:8443'],
        ['192.0.2.43', undefined, undefined],
      ],
    ],
    ['for=unknown', [[undefined, undefined, undefined]]],
    ['proto=https', [[undefined, 'https', undefined]]],
    ['for=192.0.2.1:80;;host=x ;', [['192.0.2.1', undefined, 'x']]],
    ['for=[::1]:80', [['::1', undefined, undefined]]],
    ['secret="a,b\\",c";for=192.0.2.1', [['192.0.2.1', undefined, undefined]]],
    [' , for=192.0.2.1 , ', [['192.0.2.1', undefined, undefined]]],
    ['', []],
  ])('%s', (text, expected) => {
    expect(hops('Forwarded', 'Forwarded', text)).toEqual(expected);
  });

  test.each([
    'for=192.0.2.1;for=192.0.2.2',
    'for 192.0.2.1',
    'for=',
    'for="192.0.2.1',
    'for="192.0.2.1"x',
    '=192.0.2.1',
    'for=192.0.2.1 x',
  ])('what is malformed (%s) names nobody', (text) => {
    expect(addresses(text)).toEqual([undefined]);
  });

  test('nothing that a client writes takes away what the proxy behind it appends', () => {
    const appended = 'for=203.0.113.9;host="a.example";proto=https';
    const nasty = fc.array(
      fc.constantFrom('"', '\\', ',', ';', '=', 'for', 'for="', '6.6.6.6', ' ', 'a', '\\"', 'host="x'),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(nasty, (parts) => {
        const [nearest] = hops('Forwarded', 'Forwarded', `${parts.join('')}, ${appended}`);
        expect(nearest).toEqual(['203.0.113.9', 'https', 'a.example']);
      }),
      { numRuns: 3000 },
    );
  });

  test('nor does a Host that the proxy quotes as the standard has it', () => {
    const nasty = fc.array(
      fc.constantFrom('"', '\\', ',', ';', '=', 'for=6.6.6.6', 'for="', ' ', 'a', ',for=6.6.6.6;a='),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(nasty, nasty, (parts, host) => {
        const quoted = host.join('').replace(/["\\]/g, '\\$&');
        const [nearest] = hops(
          'Forwarded',
          'Forwarded',
          `${parts.join('')}, for=203.0.113.9;host="${quoted}";by="_proxy"`,
        );
        expect(nearest).toEqual(['203.0.113.9', undefined, host.join('')]);
      }),
      { numRuns: 3000 },
    );
  });

  test('is read in time that grows with its length only', () => {
    for (const piece of [',', 'a=",', ',a="\\', ',for="', ';', ',for=1.1.1.1;a="']) {
      const text = piece.repeat(Math.ceil(16_384 / piece.length));
      const startMs = performance.now();
      addresses(text);
      expect(performance.now() - startMs, piece).toBeLessThan(200);
    }
  });
});
