// Where a proxy is, how it is spoken to and as whom: the option `proxy` and the URLs in the environment, checked. What is
// wrong with one is said without its password.

import { isIP } from 'node:net';
import { describe, FullduplexError } from '../../base/errors.ts';
import { type HeaderInit, HeaderList, requireExtraHeaders } from '../../protocol/handshake/header-list.ts';
import { type Authorization, authorizationHeader, type Credentials } from '../authorization.ts';
import type { ClientTlsOptions } from '../connect-options.ts';
import { makeSecureContext } from '../open-tls.ts';

/** A proxy, and more about it than its URL can say. */
export interface ProxyOptions {
  /**
   * `http://host:port` or `https://host:port` (CONNECT, RFC 9110 9.3.6; with TLS to the proxy), `socks5://host:port` (RFC
   * 1928; the name of the server is looked up here) or `socks5h://host:port` (the proxy looks it up). User and password
   * may stand in it, percent-encoded. Without a port: 80, 443, 1080.
   */
  readonly url: string | URL;
  /** User and password, or for CONNECT a bearer token; goes before what stands in the URL. */
  readonly auth?: Authorization;
  /** Headers of the CONNECT request, such as User-Agent. @defaultValue none */
  readonly headers?: HeaderInit;
  /** TLS to an https: proxy; what the option `tls` of a client says is for the server and not used here. */
  readonly tls?: ClientTlsOptions;
}

/** The option `proxy` as a client takes it: a URL, more about a proxy, `'environment'`, or false for none. */
export type ProxyOption = string | URL | ProxyOptions | false;

/** A proxy to dial. */
export interface ProxyAddress {
  /** What is spoken: HTTP CONNECT, or SOCKS5 with names looked up here (`socks5`) or there (`socks5h`). */
  readonly kind: 'connect' | 'socks5' | 'socks5h';
  /** The name or the address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** Whether TLS is spoken to the proxy. */
  readonly isSecure: boolean;
  /** For SOCKS. */
  readonly credentials: Credentials | undefined;
  /** For CONNECT: headers, with Proxy-Authorization when there are credentials. */
  readonly headers: HeaderList;
  readonly tls: ClientTlsOptions | undefined;
  /** The proxy in words, for messages. */
  readonly label: string;
}

const schemes: ReadonlyMap<string, Pick<ProxyAddress, 'kind' | 'isSecure'> & { defaultPort: number }> =
  new Map([
    ['http:', { kind: 'connect', isSecure: false, defaultPort: 80 }],
    ['https:', { kind: 'connect', isSecure: true, defaultPort: 443 }],
    ['socks5:', { kind: 'socks5', isSecure: false, defaultPort: 1080 }],
    ['socks5h:', { kind: 'socks5h', isSecure: false, defaultPort: 1080 }],
    // What desktops set in ALL_PROXY, without saying which version; most who read it mean this one.
    ['socks:', { kind: 'socks5h', isSecure: false, defaultPort: 1080 }],
  ]);

const expectedUrl = 'http://host:port, https://host:port, socks5://host:port or socks5h://host:port';

/**
 * Checks the option, and reads keys and certificates once for all attempts.
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function requireProxyOption(proxy: ProxyOption): ProxyOptions | 'environment' | false {
  if (proxy === 'environment' || proxy === false) return proxy;
  const options = proxyOptionsOf(proxy);
  const { isSecure } = parseProxyAddress(options);
  if (!isSecure) return options;
  return { ...options, tls: { ...options.tls, secureContext: makeSecureContext(options.tls, 'proxy.tls') } };
}

/** Gives the proxy that the option names, if it names one. @throws FullduplexError `WS_OPTION_INVALID` */
export function proxyAddressOf(proxy: ProxyOption): ProxyAddress | undefined {
  return proxy === false ? undefined : parseProxyAddress(proxyOptionsOf(proxy));
}

function proxyOptionsOf(proxy: unknown): ProxyOptions {
  if (typeof proxy === 'string' || proxy instanceof URL) return { url: proxy };
  if (isProxyOptions(proxy)) return proxy;
  throw invalidProxy('option proxy', describe(proxy), `"environment", false, ${expectedUrl}, or an object`);
}

function isProxyOptions(proxy: unknown): proxy is ProxyOptions {
  return typeof proxy === 'object' && proxy !== null && 'url' in proxy;
}

/**
 * Reads what is said of a proxy.
 * @param source where it was said, for messages
 * @throws FullduplexError `WS_OPTION_INVALID`, which never shows a secret
 */
export function parseProxyAddress(options: ProxyOptions, source = 'option proxy'): ProxyAddress {
  const { url, scheme, host } = parseProxyUrl(options.url, source);
  const { kind, isSecure, defaultPort } = scheme;
  const port = url.port === '' ? defaultPort : Number(url.port);
  const auth = options.auth ?? credentialsOf(url, source);
  const address = {
    kind,
    host,
    port,
    isSecure,
    tls: options.tls,
    label: `the proxy ${isIP(host) === 6 ? `[${host}]` : host}:${port}`,
  };
  if (kind === 'connect')
    return { ...address, credentials: undefined, headers: connectHeaders(options, auth, source) };
  for (const name of ['headers', 'tls'] as const) {
    if (options[name] !== undefined)
      throw invalidProxy(`${source}.${name}`, 'given', 'nothing: a SOCKS proxy has no such thing');
  }
  return { ...address, credentials: requireSocksCredentials(auth, source), headers: new HeaderList() };
}

function parseProxyUrl(
  given: string | URL,
  source: string,
): { url: URL; scheme: NonNullable<ReturnType<typeof schemes.get>>; host: string } {
  const text = given instanceof URL ? given.href : given;
  if (typeof text !== 'string' || !URL.canParse(text)) {
    throw invalidProxy(source, typeof text === 'string' ? describe(withoutUserinfo(text)) : describe(text));
  }
  const url = new URL(text);
  const scheme = schemes.get(url.protocol);
  // A URL of a scheme that it does not know leaves the host as it is written: read it as http: has it.
  const known = `http://${url.hostname}`;
  const hasMore = (url.pathname !== '' && url.pathname !== '/') || url.search !== '' || url.hash !== '';
  if (scheme === undefined || url.hostname === '' || url.port === '0' || hasMore || !URL.canParse(known)) {
    throw invalidProxy(source, describe(withoutUserinfo(text)));
  }
  const { hostname } = new URL(known);
  return { url, scheme, host: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname };
}

function credentialsOf(url: URL, source: string): Credentials | undefined {
  if (url.username === '' && url.password === '') return undefined;
  try {
    return { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
  } catch (cause) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `${source} has a user or password that cannot be decoded, expected them percent-encoded as UTF-8`,
      { cause },
    );
  }
}

function connectHeaders(options: ProxyOptions, auth: Authorization | undefined, source: string): HeaderList {
  const headers = requireExtraHeaders(options.headers, 'proxy.headers');
  // RFC 9110 11.7.2. Sent without being asked for: a proxy may close the connection with its 407.
  if (auth !== undefined && !headers.has('Proxy-Authorization'))
    headers.append('Proxy-Authorization', authorizationHeader(auth, source));
  return headers;
}

/** RFC 1929 2: both have one byte for their length. */
function requireSocksCredentials(auth: Authorization | undefined, source: string): Credentials | undefined {
  if (auth === undefined) return undefined;
  if ('username' in auth && typeof auth.username === 'string' && typeof auth.password === 'string') {
    const bytes = Buffer.byteLength(auth.username);
    if (bytes >= 1 && bytes <= 255 && Buffer.byteLength(auth.password) <= 255) return auth;
  }
  throw new FullduplexError(
    'WS_OPTION_INVALID',
    `${source} has no user of 1 to 255 bytes and password of at most 255 bytes, expected both for SOCKS (RFC 1929 2)`,
  );
}

/** The text without what may be secret in it: all between the scheme and the last "@". */
function withoutUserinfo(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/*)?[^]*@/i, '$1***@');
}

function invalidProxy(source: string, found: string, expected = expectedUrl): FullduplexError {
  return new FullduplexError('WS_OPTION_INVALID', `${source} is ${found}, expected ${expected}`);
}
