// The options of a client on Node, their defaults, and the headers that they add to the request.

import type { Duplex } from 'node:stream';
import type { LookupFunction } from 'node:net';
import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { describe, FullduplexError } from '../base/errors.ts';
import type { Connection } from '../connection/connection.ts';
import type { ConnectionOptions } from '../connection/connection-options.ts';
import type { ExtensionOptions } from '../protocol/extensions/extension-options.ts';
import { isToken } from '../protocol/handshake/header-grammar.ts';
import { type HeaderInit, HeaderList, requireExtraHeaders } from '../protocol/handshake/header-list.ts';
import type { Http2Sessions } from './http2/http2-sessions.ts';
import type { ConnectTarget, DialTarget } from './connect-target.ts';

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
 * Gives the stream of bytes to speak over, in place of a TCP connection: for proxies, tunnels and tests. TLS, if the
 * URL asks for it, is put on top. The signal aborts when nobody waits for the stream any more.
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
  readonly auth?: { readonly username: string; readonly password: string } | { readonly token: string };
  /** The Cookie header, as it is sent or as names and values. @defaultValue none */
  readonly cookies?: string | Readonly<Record<string, string>>;
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
  /** How long everything up to the answer may take: name lookup, TCP, TLS and HTTP. @defaultValue 10,000 */
  readonly handshakeTimeoutMs?: number;
  /** Gives up connecting with `WS_ABORTED`. Once the connection is open the signal has no effect on it. */
  readonly signal?: AbortSignal;
  /** Hears what a handler threw. @defaultValue console.error */
  readonly onError?: (error: unknown, connection: Connection) => void;
}

/** The options of connecting that hold when none are given; defaultConnectionOptions has the rest. */
export const defaultConnectOptions: Readonly<{
  handshakeTimeoutMs: number;
  requireProtocol: boolean;
  autoSelectFamilyAttemptTimeout: number;
}> = Object.freeze({
  handshakeTimeoutMs: 10_000,
  requireProtocol: true,
  autoSelectFamilyAttemptTimeout: 2_000,
});

/**
 * Gives the headers that the options add to the handshake's own.
 * @throws FullduplexError `WS_OPTION_INVALID`, which never shows a secret
 */
export function requestHeadersOf(options: ConnectOptions, target: ConnectTarget): HeaderList {
  const headers = HeaderList.from(requireExtraHeaders(options.headers));
  if (options.origin !== undefined) add(headers, 'Origin', options.origin, 'origin');
  if (options.cookies !== undefined) add(headers, 'Cookie', cookieHeader(options.cookies), 'cookies');
  if (options.auth !== undefined) add(headers, 'Authorization', authorizationHeader(options.auth), 'auth');
  else if (target.credentials !== undefined && !headers.has('Authorization')) {
    headers.append('Authorization', authorizationHeader(target.credentials));
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

function authorizationHeader(auth: NonNullable<ConnectOptions['auth']>): string {
  if ('token' in auth) {
    // RFC 6750 2.1: b64token
    if (typeof auth.token === 'string' && /^[\w.~+/-]+=*$/.test(auth.token)) return `Bearer ${auth.token}`;
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      'option auth.token is empty or has a forbidden character, expected letters, digits and -._~+/ (RFC 6750 2.1)',
    );
  }
  const { username, password } = auth;
  // RFC 7617 2: the first colon ends the user's name.
  if (typeof username === 'string' && typeof password === 'string' && !username.includes(':')) {
    return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
  }
  throw new FullduplexError(
    'WS_OPTION_INVALID',
    'option auth has no username and password, or a colon in the username, expected both and none (RFC 7617 2)',
  );
}

function cookieHeader(cookies: NonNullable<ConnectOptions['cookies']>): string {
  if (typeof cookies === 'string') return cookies;
  const pairs = Object.entries(cookies).map(([name, value]) => {
    // A semicolon would make one cookie two (RFC 6265 4.2.1).
    if (isToken(name) && typeof value === 'string' && !value.includes(';')) return `${name}=${value}`;
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `option cookies has ${describe(name)} with a forbidden character, expected a token as the name and no semicolon in the value (RFC 6265 4.1)`,
    );
  });
  return pairs.join('; ');
}
