import { describe, expect, test } from 'vitest';
import { isExempt } from '../../../src/node/proxy/no-proxy.ts';

/** Whether the list names the destination, written as `host:port` or as an address. */
function exempts(list: string, host: string, port = 443): boolean {
  return isExempt(list, { host, port }, 'environment variable NO_PROXY');
}

describe('NO_PROXY names', () => {
  test.each([
    ['*', 'example.org'],
    ['other.test,*', '2001:db8::1'],
    ['example.org', 'example.org'],
    ['example.org', 'a.b.example.org'],
    ['.example.org', 'example.org'],
    ['.example.org', 'a.example.org'],
    ['*.example.org', 'a.example.org'],
    ['EXAMPLE.org', 'example.ORG'],
    ['example.org.', 'example.org'],
    ['example.org', 'example.org.'],
    ['example.org:443', 'example.org'],
    ['.example.org:443', 'a.example.org'],
    [' a.test ,\texample.org ', 'example.org'],
    ['a.test example.org', 'example.org'],
    [',,example.org,,', 'example.org'],
    ['192.0.2.7', '192.0.2.7'],
    ['192.0.2.7:443', '192.0.2.7'],
    ['2001:db8::7', '2001:db8::7'],
    ['2001:0DB8:0::7', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['[2001:db8::7]:443', '2001:db8::7'],
    ['10.0.0.0/8', '10.255.0.1'],
    ['10.1.2.3/32', '10.1.2.3'],
    ['0.0.0.0/0', '203.0.113.1'],
    ['fd00::/8', 'fd12::1'],
    ['[fd00::]/8', 'fd12::1'],
    ['2001:db8::7/128', '2001:db8::7'],
    ['10.0.0.0/8', '::ffff:a01:203'],
  ])('%j: %s', (list, host) => {
    expect(exempts(list, host)).toBe(true);
  });
});

describe('NO_PROXY does not name', () => {
  test.each([
    ['', 'example.org'],
    [' , ', 'example.org'],
    ['example.org', 'example.com'],
    ['example.org', 'badexample.org'],
    ['a.example.org', 'example.org'],
    ['org.', 'example.test'],
    ['.', 'example.org'],
    ['*.', 'example.org'],
    ['ex*', 'example.org'],
    ['example.org:80', 'example.org'],
    ['192.0.2.7', '192.0.2.70'],
    ['2.7', '192.0.2.7'],
    ['192.0.2.7:80', '192.0.2.7'],
    ['2001:db8::7', '2001:db8::8'],
    ['[2001:db8::7]:80', '2001:db8::7'],
    ['10.0.0.0/8', '11.0.0.1'],
    ['10.0.0.0/8', 'ten.example'],
    ['10.0.0.0/8', 'fd00::1'],
    ['fd00::/8', '10.0.0.1'],
    ['fd00::/8', 'fe00::1'],
    ['<local>', 'example.org'],
  ])('%j: %s', (list, host) => {
    expect(exempts(list, host)).toBe(false);
  });
});

test.each(['10.0.0.0/33', '10.0.0/8', 'fd00::/129', '10.0.0.0/', '10.0.0.0/x', '/8', 'a.test/8'])(
  'a block that is none is an error, wherever it stands: %s',
  (block) => {
    expect(() => exempts(`example.org,${block}`, 'example.org')).toThrow(
      expect.objectContaining({
        code: 'WS_OPTION_INVALID',
        message: `environment variable NO_PROXY has "${block}", expected a block of addresses such as 10.0.0.0/8 or fd00::/8`,
      }),
    );
  },
);
