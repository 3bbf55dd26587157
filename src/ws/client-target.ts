// Where a client of ws connects to, from its URL.

import { isIP } from 'node:net';
import { unescape } from 'node:querystring';

/** Where a request goes. */
export interface ClientTarget {
  /** The URL with a scheme of WebSockets. */
  readonly href: string;
  readonly isSecure: boolean;
  /** Host and port as in the URL, or the path of the unix socket. */
  readonly authority: string;
  readonly host: string;
  readonly port: string | number;
  readonly socketPath: string | undefined;
  /** The request target. */
  readonly path: string;
  /** `user:password`, if the URL has them. */
  readonly auth: string | undefined;
  /** The name for TLS; the empty string for an address. */
  readonly servername: string;
}

/** Reads a URL. @throws SyntaxError */
export function parseClientTarget(address: string | URL, base?: string | URL): ClientTarget {
  const url = parse(address, base);
  if (url.protocol === 'http:') url.protocol = 'ws:';
  else if (url.protocol === 'https:') url.protocol = 'wss:';
  const { protocol, hostname, pathname, search } = url;
  const isUnix = protocol === 'ws+unix:';
  if (protocol !== 'ws:' && protocol !== 'wss:' && !isUnix) {
    throw new SyntaxError(
      'The URL\'s protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"',
    );
  }
  if (isUnix && pathname === '') throw new SyntaxError("The URL's pathname is empty");
  if (url.hash !== '') throw new SyntaxError('The URL contains a fragment identifier');
  const isSecure = protocol === 'wss:';
  const target = `${pathname}${search}`;
  const colon = target.indexOf(':');
  const socketPath = !isUnix ? undefined : colon === -1 ? target : target.slice(0, colon);
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  const hasCredentials = url.username !== '' || url.password !== '';
  return {
    href: url.href,
    isSecure,
    authority: socketPath === undefined ? url.host : `unix:${socketPath}`,
    host,
    port: url.port === '' ? (isSecure ? 443 : 80) : url.port,
    socketPath,
    path: socketPath === undefined ? target : colon === -1 ? '' : target.slice(colon + 1),
    auth: hasCredentials ? `${unescape(url.username)}:${unescape(url.password)}` : undefined,
    servername: isIP(host) === 0 ? host : '',
  };
}

function parse(address: string | URL, base: string | URL | undefined): URL {
  try {
    return new URL(address, base);
  } catch {
    // What is wrong with it the URL parser does not say.
    throw new SyntaxError(`Invalid URL: ${String(address)}`);
  }
}
