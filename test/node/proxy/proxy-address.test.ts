import { describe, expect, test } from 'vitest';
import { connect } from '../../../src/node/connect.ts';
import type { ConnectOptions } from '../../../src/node/connect-options.ts';
import {
  parseProxyAddress,
  proxyAddressOf,
  type ProxyOption,
  type ProxyOptions,
} from '../../../src/node/proxy/proxy-address.ts';
import { rejectionOf } from '../raw-server.ts';

describe('a proxy is read from its URL', () => {
  test.each([
    ['http://proxy.test', 'connect', 'proxy.test', 80, false],
    ['HTTP://PROXY.test:3128/', 'connect', 'proxy.test', 3128, false],
    ['https://proxy.test', 'connect', 'proxy.test', 443, true],
    ['http://[2001:DB8::1]:8080', 'connect', '2001:db8::1', 8080, false],
    ['socks5://proxy.test', 'socks5', 'proxy.test', 1080, false],
    ['socks5://PROXY.test:80', 'socks5', 'proxy.test', 80, false],
    ['socks5h://[::1]:9050', 'socks5h', '::1', 9050, false],
    ['socks://127.1/', 'socks5h', '127.0.0.1', 1080, false],
    ['socks5h://bücher.test', 'socks5h', 'xn--bcher-kva.test', 1080, false],
  ])('%s', (url, kind, host, port, isSecure) => {
    expect(parseProxyAddress({ url })).toMatchObject({ kind, host, port, isSecure });
  });

  test('with user and password, which the option auth goes before', () => {
    const address = parseProxyAddress({ url: 'http://j%C3%B6rg:p%3Aw@proxy.test' });
    expect(address.headers.get('Proxy-Authorization')).toBe(
      `Basic ${Buffer.from('jörg:p:w').toString('base64')}`,
    );
    expect(address.label).toBe('the proxy proxy.test:80');
    const given = { url: 'http://a:b@proxy.test', auth: { token: 'abc' } };
    expect(parseProxyAddress(given).headers.get('Proxy-Authorization')).toBe('Bearer abc');
    expect(parseProxyAddress({ url: 'socks5://a@proxy.test' }).credentials).toEqual({
      username: 'a',
      password: '',
    });
  });

  test('unless there is to be none', () => {
    expect(proxyAddressOf(false)).toBeUndefined();
  });
});

describe('a wrong proxy is refused before anything is dialled, and no secret is shown', () => {
  const wrong: unknown[] = [
    '',
    'proxy.test:3128',
    'ftp://a:hunter2@proxy.test',
    'socks4://a:hunter2@proxy.test',
    'http://',
    'http://a:hunter2@',
    'http://a:hunter2@bad host',
    'http://a:hunter2@proxy.test/path',
    'http://a:hunter2@proxy.test?query',
    'http://a:hunter2@proxy.test#fragment',
    'http://a:hunter2@proxy.test:0',
    'http://a:hunter2@proxy.test:99999',
    'http://hunter2%ff@proxy.test',
    'http://a%3Ab:hunter2@proxy.test',
    'socks5://:hunter2@proxy.test',
    `socks5://${'a'.repeat(256)}:hunter2@proxy.test`,
    5,
    true,
    {},
    { url: 5 },
    { url: 'http://proxy.test', auth: { token: 'hunter2 hunter2' } },
    { url: 'http://proxy.test', auth: { username: 'a:hunter2', password: '' } },
    { url: 'http://proxy.test', headers: { Host: 'x' } },
    { url: 'socks5://proxy.test', auth: { token: 'hunter2' } },
    { url: 'socks5://proxy.test', headers: { A: 'b' } },
    { url: 'socks5://proxy.test', tls: {} },
    { url: 'https://proxy.test', tls: { key: 'hunter2' } },
  ];
  test.each(wrong)('%j', async (proxy) => {
    const error = await rejectionOf(connect('ws://example.test', { proxy: proxy as ProxyOption }));
    expect(error).toMatchObject({
      code: 'WS_OPTION_INVALID',
      message: expect.stringMatching(/^option proxy(\.\w+)? (is|has|cannot be used)/),
    });
    expect(String(error)).not.toContain('hunter2');
  });

  test.each<[ConnectOptions, string]>([
    [{ headers: { 'proxy-authorization': 'Basic hunter2' } }, 'option headers has Proxy-Authorization'],
    [{ proxy: 'http://p.test', agent: new URL('http://x') as never }, 'option agent is no agent'],
  ])('%j', async (options, message) => {
    const error = await rejectionOf(connect('ws://example.test', options));
    expect(error).toMatchObject({ code: 'WS_OPTION_INVALID', message: expect.stringContaining(message) });
    expect(String(error)).not.toContain('hunter2');
  });

  test('one for a unix socket', async () => {
    const proxy: ProxyOptions = { url: 'http://proxy.test' };
    expect(await rejectionOf(connect('ws+unix:/a.sock:/', { proxy }))).toMatchObject({
      code: 'WS_OPTION_INVALID',
      message: expect.stringContaining('option proxy is given for a unix socket'),
    });
  });
});
