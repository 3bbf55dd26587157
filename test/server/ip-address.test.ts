import { isIP } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatIpAddress,
  isInRange,
  isLocalAddress,
  parseIpAddress,
  parseIpRange,
  rateKeyOf,
} from '../../src/server/ip-address.ts';

function formatted(text: string): string | undefined {
  const address = parseIpAddress(text);
  return address === undefined ? undefined : formatIpAddress(address);
}

describe('an address is read and written in one way', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:C000:0201', '192.0.2.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['fe80::1%eth0', 'fe80::1'],
  ])('%s is %s', (text, expected) => {
    expect(formatted(text)).toBe(expected);
  });

  test.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '256.1.1.1',
    '1.2.3.4 ',
    '0x7f.1.1.1',
    '2130706433',
    '1.2.3.-4',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::1',
    '::1.2.3',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '[::1]',
    'example.com',
    '::ffff:1.2.3.4.5',
    `${'0:'.repeat(5000)}1`,
  ])('%j is none', (text) => {
    expect(parseIpAddress(text)).toBeUndefined();
  });

  // Bun writes some of the mixed forms in another way.
  test.skipIf(process.versions.bun !== undefined)(
    'what Node takes for an address, and nothing else, is one; written and read again it is the same',
    () => {
      const texts = fc.oneof(
        fc.ipV4(),
        fc.ipV6(),
        fc.stringMatching(/^[0-9a-f:.]{0,24}$/),
        fc.array(fc.constantFrom('::', ':', '0', 'ffff', '1.2.3.4', 'a')).map((parts) => parts.join('')),
      );
      fc.assert(
        fc.property(texts, (text) => {
          const address = parseIpAddress(text);
          expect(address !== undefined, text).toBe(isIP(text) !== 0);
          if (address === undefined) return;
          const written = formatIpAddress(address);
          expect(formatted(written)).toBe(written);
          if (isIP(text) === 6 && isIP(written) === 6) {
            expect(`[${written}]`).toBe(new URL(`http://[${text}]`).hostname);
          }
        }),
        { numRuns: 2000 },
      );
    },
  );
});

describe('a range', () => {
  function has(range: string, address: string): boolean | undefined {
    const parsed = parseIpRange(range);
    const found = parseIpAddress(address);
    return parsed === undefined || found === undefined ? undefined : isInRange(found, parsed);
  }

  test.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.0.0.1', true],
    ['10.0.0.0/8', 'a00::1', false],
    ['172.16.0.0/12', '172.31.255.255', true],
    ['172.16.0.0/12', '172.32.0.0', false],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.6', false],
    ['192.0.2.6/31', '192.0.2.7', true],
    ['0.0.0.0/0', '198.51.100.1', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '198.51.100.1', false],
    ['::/0', '2001:db8::1', true],
    ['fc00::/7', 'fdff::1', true],
    ['fc00::/7', 'fe00::1', false],
    ['2001:db8::/33', '2001:db8:8000::', false],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['::ffff:10.0.0.0/104', '11.1.2.3', false],
  ])('%s with %s: %s', (range, address, expected) => {
    expect(has(range, address)).toBe(expected);
  });

  test.each([
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '/8',
    '::ffff:1.2.3.4/95',
    'x',
  ])('%s is none', (text) => {
    expect(parseIpRange(text)).toBeUndefined();
  });
});

test.each([
  ['127.0.0.1', true],
  ['::1', true],
  ['::ffff:127.9.9.9', true],
  ['10.1.1.1', true],
  ['172.20.1.1', true],
  ['192.168.1.1', true],
  ['169.254.1.1', true],
  ['100.64.0.1', true],
  ['fd12::1', true],
  ['fe80::1', true],
  ['8.8.8.8', false],
  ['100.128.0.1', false],
  ['172.15.0.1', false],
  ['2001:db8::1', false],
  ['::2', false],
])('%s is local: %s', (text, expected) => {
  const address = parseIpAddress(text);
  expect(address !== undefined && isLocalAddress(address)).toBe(expected);
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8:1:3::9', '2001:db8:1:3::/64'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
])('%s answers as %s', (text, expected) => {
  const address = parseIpAddress(text);
  expect(address === undefined ? undefined : rateKeyOf(address)).toBe(expected);
});
