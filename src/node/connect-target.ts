// What a client's URL says: where to dial, whether TLS comes on top, what is requested there, and who asks. Besides
// the schemes of RFC 6455 3 it knows http: and https: (as the WHATWG standard does) and sockets in the file system.

import { isIP } from 'node:net';
import { describe, FullduplexError } from '../base/errors.ts';

/** A place to dial, as told to the hook `createConnection`. */
export interface DialTarget {
  /** The name or the address of the host, IPv6 without brackets; `localhost` for a unix socket. */
  readonly host: string;
  readonly port: number;
  /** The path of a unix socket (on Windows: of a named pipe), which is then dialled instead of host and port. */
  readonly socketPath: string | undefined;
  /** Whether TLS is going to be spoken over the connection. */
  readonly isSecure: boolean;
}

/** All that a URL says. */
export interface ConnectTarget extends DialTarget {
  /** The same URL as `ws:` or `wss:` without user and password. */
  readonly requestUrl: URL;
  /** The user and password that stood in the URL. */
  readonly credentials: { readonly username: string; readonly password: string } | undefined;
  /** The target in words, for messages; without what is secret in a URL. */
  readonly label: string;
}

const schemes: ReadonlyMap<string, { isSecure: boolean; isUnix: boolean }> = new Map([
  ['ws:', { isSecure: false, isUnix: false }],
  ['http:', { isSecure: false, isUnix: false }],
  ['wss:', { isSecure: true, isUnix: false }],
  ['https:', { isSecure: true, isUnix: false }],
  ['ws+unix:', { isSecure: false, isUnix: true }],
  ['wss+unix:', { isSecure: true, isUnix: true }],
]);

const expectedUrl =
  'ws://host/path, wss://host/path, the same with http or https, or ws+unix:/path/to.sock:/path, without a fragment';

/**
 * Reads the URL of a server.
 * @throws FullduplexError `WS_URL_INVALID`
 */
export function parseConnectTarget(url: string | URL): ConnectTarget {
  const parsed = parseUrl(url);
  const scheme = schemes.get(parsed.protocol);
  // RFC 6455 3: a fragment means nothing here and MUST NOT be used. An empty one shows in the href only.
  if (scheme === undefined || parsed.href.includes('#')) throw invalidUrl(parsed);
  return scheme.isUnix ? unixTarget(parsed, scheme.isSecure) : tcpTarget(parsed, scheme.isSecure);
}

function parseUrl(url: string | URL): URL {
  const text = url instanceof URL ? url.href : url;
  if (typeof text === 'string' && URL.canParse(text)) return new URL(text);
  throw new FullduplexError('WS_URL_INVALID', `URL is ${describe(url)}, expected ${expectedUrl}`);
}

function tcpTarget(url: URL, isSecure: boolean): ConnectTarget {
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
  const requestUrl = new URL(`${isSecure ? 'wss' : 'ws'}://${url.host}${url.pathname}${url.search}`);
  const port = requestUrl.port === '' ? (isSecure ? 443 : 80) : Number(requestUrl.port);
  return {
    host,
    port,
    socketPath: undefined,
    isSecure,
    requestUrl,
    credentials: credentialsOf(url),
    label: isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`,
  };
}

/** `ws+unix:/path/to.sock:/request/path?query`: the first ":/" parts the socket's path from that of the request. */
function unixTarget(url: URL, isSecure: boolean): ConnectTarget {
  const end = url.pathname.indexOf(':/');
  const socketPath = decode(end === -1 ? url.pathname : url.pathname.slice(0, end), url);
  // A host means that a slash is missing or too many: ws+unix://tmp/a.sock would be /a.sock on a host called tmp.
  if (socketPath === '' || url.host !== '') throw invalidUrl(url);
  const requestPath = end === -1 ? '/' : url.pathname.slice(end + 1);
  return {
    host: 'localhost',
    port: isSecure ? 443 : 80,
    socketPath,
    isSecure,
    requestUrl: new URL(`${isSecure ? 'wss' : 'ws'}://localhost${requestPath}${url.search}`),
    credentials: undefined,
    label: socketPath,
  };
}

function credentialsOf(url: URL): ConnectTarget['credentials'] {
  if (url.username === '' && url.password === '') return undefined;
  return { username: decode(url.username, url), password: decode(url.password, url) };
}

function decode(text: string, url: URL): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw invalidUrl(url, cause);
  }
}

function invalidUrl(url: URL, cause?: unknown): FullduplexError {
  const shown = new URL(url);
  // Messages end up in logs, where no password belongs.
  shown.password = '';
  return new FullduplexError(
    'WS_URL_INVALID',
    `URL is ${describe(shown.href)}, expected ${expectedUrl} (RFC 6455 3)`,
    { cause },
  );
}
