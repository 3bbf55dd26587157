// The options of a client on Node, their defaults, and the headers that they add to the request.

import type { Agent } from 'node:http';
import type { Duplex } from 'node:stream';
import type { LookupFunction } from 'node:net';
import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { describe, FullduplexError } from '../base/errors.ts';
import type { Connection } from '../connection/connection.ts';
import type { ConnectionOptions } from '../connection/connection-options.ts';
import type { ExtensionOptions } from '../protocol/extensions/extension-options.ts';
import { equalsIgnoringCase, isFieldValue, isToken } from '../protocol/handshake/header-grammar.ts';
import { type HeaderInit, HeaderList, requireExtraHeaders } from '../protocol/handshake/header-list.ts';
import { type Authorization, authorizationHeader } from './authorization.ts';
import type { Http2Sessions } from './http2/http2-sessions.ts';
import type { ConnectTarget, DialTarget } from './connect-target.ts';
import type { CookieJar } from './cookie-jar.ts';
import type { ProxyOption } from './proxy/proxy-address.ts';

/** The part of `node:tls` that a client may set; the names and meanings are Node's. */
export type ClientTlsOptions = Pick<
  TlsConnectionOptions,
  | 'ALPNProtocols'
  | 'ca'
  | 'cert'
  | 'checkServerIdentity'
  | 'ciphers'
  | 'crl'
  | 'ecdhCurve'
  | 'key'
  | 'maxVersion'
  | 'minVersion'
  | 'passphrase'
  | 'pfx'
  | 'secureContext'
  | 'servername'
  | 'session'
  | 'sigalgs'
> & {
  /**
   * Whether the server's certificate has to be valid for its name. When false, whoever stands between can read and
   * change everything. @defaultValue true
   */
  readonly rejectUnauthorized?: boolean;
};

/** The part of `net.connect` that a client may set; the names and meanings are Node's. */
export interface ClientSocketOptions {
  /** 4 or 6 for one IP version only, 0 for both. @defaultValue 0 */
  readonly family?: 0 | 4 | 6;
  /** Resolves host names in place of dns.lookup. */
  readonly lookup?: LookupFunction;
  /** The local address to dial from. */
  readonly localAddress?: string;
  /** The local port to dial from. */
  readonly localPort?: number;
  /**
   * How long an address of a host with several may take before the next one is tried, in milliseconds. Node gives up
   * an attempt then, so that its own 250 ms never reach hosts on slow links. @defaultValue 2,000
   */
  readonly autoSelectFamilyAttemptTimeout?: number;
}

/**
 * Gives the stream of bytes to speak over, in place of a TCP connection: for tunnels and tests. TLS, if the URL asks for
 * it, is put on top. With the option `proxy` it gives the stream to the proxy, which is then the target that it hears of;
 * proxies of the environment are not used. The signal aborts when nobody waits for the stream any more.
 */
export type CreateConnection = (target: DialTarget, signal: AbortSignal) => Duplex | Promise<Duplex>;

/** How a client connects, and how the connection then behaves. */
export interface ConnectOptions extends Partial<ConnectionOptions>, ExtensionOptions {
  /** The subprotocols to offer, in order of preference. @defaultValue none */
  readonly protocols?: readonly string[];
  /** Whether the server has to pick one of the subprotocols, as browsers demand. @defaultValue true */
  readonly requireProtocol?: boolean;
  /** Headers beside those of the handshake. @defaultValue none */
  readonly headers?: HeaderInit;
  /** The Origin header. Browsers send it, other clients need not (RFC 6455 4.1). @defaultValue none */
  readonly origin?: string;
  /** User and password (RFC 7617) or a bearer token (RFC 6750); goes before user and password in the URL. */
  readonly auth?: Authorization;
  /** The Cookie header, as it is sent or as names and values. @defaultValue none */
  readonly cookies?: string | Readonly<Record<string, string>>;
  /** Gives cookies to each request, behind those of `cookies`, and takes what answers set. @defaultValue none */
  readonly cookieJar?: CookieJar;
  /**
   * How many redirects are followed (301, 302, 303, 307, 308), 0 to 20. Never from wss: to ws:, nor to a unix socket. To
   * another origin (scheme, host or port) go neither `auth`, `cookies`, credentials of the URL, client certificates nor the
   * headers Authorization, Cookie and Proxy-*; other headers do. Whoever answers for the first server chooses which
   * server is connected to then, also one that only this machine can reach. @defaultValue 0
   */
  readonly maxRedirects?: number;
  /**
   * The proxy to go through: its URL (see ProxyOptions), more about it, or `environment`: what HTTPS_PROXY (wss:), HTTP_PROXY
   * (ws:), ALL_PROXY and NO_PROXY say, in lower case first; never for this machine. `false`: none. Whoever runs the proxy
   * sees host and port of the server, and with ws: everything. @defaultValue 'environment'
   */
  readonly proxy?: ProxyOption;
  /**
   * An `http.Agent` for ws:, an `https.Agent` for wss:, which then makes the connection with its own sockets, limits and
   * proxy; what it sends by itself (a certificate, say) it sends to every server, redirected to or not. The handshake goes
   * by `node:http`; `createConnection` and `proxy` cannot be given beside it, and the proxies of the environment are not
   * used. @defaultValue none
   */
  readonly agent?: Agent;
  /** TLS, for wss: and https:. */
  readonly tls?: ClientTlsOptions;
  /**
   * Whether to go over HTTP/2 (RFC 8441) where the server of a `wss:` URL speaks it: `true` shares connections with all of
   * the process that say so, an Http2Sessions with those that have it too. Where there is no HTTP/2, or no WebSocket in
   * it, HTTP/1.1 is used at once. @defaultValue false
   */
  readonly http2?: boolean | Http2Sessions;
  /** TCP. */
  readonly socket?: ClientSocketOptions;
  /** Makes the connection in place of TCP. */
  readonly createConnection?: CreateConnection;
  /** How long everything up to the answer may take: name lookup, TCP, proxy, TLS, HTTP, redirects. @defaultValue 10,000 */
  readonly handshakeTimeoutMs?: number;
  /** Gives up connecting with `WS_ABORTED`. Once the connection is open the signal has no effect on it. */
  readonly signal?: AbortSignal;
  /** Hears what a handler threw. @defaultValue console.error */
  readonly onError?: (error: unknown, connection: Connection) => void;
}

/** The options of connecting that hold when none are given; defaultConnectionOptions has the rest. */
export const defaultConnectOptions: Readonly<{
  handshakeTimeoutMs: number;
  maxRedirects: number;
  proxy: 'environment';
  requireProtocol: boolean;
  autoSelectFamilyAttemptTimeout: number;
}> = Object.freeze({
  handshakeTimeoutMs: 10_000,
  maxRedirects: 0,
  proxy: 'environment',
  requireProtocol: true,
  autoSelectFamilyAttemptTimeout: 2_000,
});

/**
 * Gives the headers that the options add to the handshake's own.
 * @throws FullduplexError `WS_OPTION_INVALID`, which never shows a secret
 */
export function requestHeadersOf(options: ConnectOptions, target: ConnectTarget): HeaderList {
  const headers = HeaderList.from(requireExtraHeaders(options.headers));
  if (headers.has('Proxy-Authorization')) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      'option headers has Proxy-Authorization, which the server would see, expected it in the option proxy',
    );
  }
  if (options.cookieJar !== undefined && headers.has('Cookie')) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      'option headers has Cookie beside the option cookieJar, expected the option cookies',
    );
  }
  if (options.origin !== undefined) add(headers, 'Origin', options.origin, 'origin');
  if (options.cookies !== undefined) add(headers, 'Cookie', cookieHeader(options.cookies), 'cookies');
  if (options.auth !== undefined)
    add(headers, 'Authorization', authorizationHeader(options.auth, 'option auth'), 'auth');
  else if (target.credentials !== undefined && !headers.has('Authorization')) {
    headers.append('Authorization', authorizationHeader(target.credentials, 'option auth'));
  }
  return headers;
}

function add(headers: HeaderList, name: string, value: string, option: string): void {
  if (headers.has(name)) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `option headers has ${name} beside the option ${option}, expected one of them`,
    );
  }
  headers.append(name, value);
}

function cookieHeader(cookies: NonNullable<ConnectOptions['cookies']>): string {
  if (typeof cookies === 'string') {
    if (isFieldValue(cookies)) return cookies;
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      'option cookies has a forbidden character, expected Latin-1 text without control characters (RFC 9110 5.5)',
    );
  }
  const pairs = Object.entries(cookies).map(([name, value]) => {
    // A semicolon would make one cookie two (RFC 6265 4.2.1).
    if (isToken(name) && typeof value === 'string' && isFieldValue(value) && !value.includes(';'))
      return `${name}=${value}`;
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `option cookies has ${describe(name)} with a forbidden character, expected a token as the name and no semicolon in the value (RFC 6265 4.1)`,
    );
  });
  return pairs.join('; ');
}

/** The headers of a request with what a cookie jar has for it: one Cookie header in all (RFC 6265 5.4). */
export function withJarCookies(headers: HeaderList, jarCookies: string | undefined): HeaderList {
  if (jarCookies === undefined) return headers;
  const joined = new HeaderList();
  for (const [name, value] of headers) if (!equalsIgnoringCase(name, 'Cookie')) joined.append(name, value);
  const own = headers.get('Cookie');
  return joined.append('Cookie', own === undefined ? jarCookies : `${own}; ${jarCookies}`);
}
