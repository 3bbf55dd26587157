// Redirects of the opening handshake (RFC 6455 4.1, RFC 9110 15.4): which are followed, and what goes along. A client follows
// none unless told to; it never leaves TLS, and takes nothing that is secret to another origin.

import { FullduplexError } from '../base/errors.ts';
import { HandshakeError } from '../protocol/handshake/handshake-error.ts';
import { equalsIgnoringCase } from '../protocol/handshake/header-grammar.ts';
import { HeaderList } from '../protocol/handshake/header-list.ts';
import { isRedirectStatus } from '../protocol/handshake/redirect-status.ts';
import { type ConnectOptions, defaultConnectOptions } from './connect-options.ts';
import { type ConnectTarget, parseConnectTarget } from './connect-target.ts';

/** Where a redirect leads, and what of the options goes along. */
export interface Redirect {
  readonly url: URL;
  readonly options: ConnectOptions;
}

/** How much of a URL a message shows. */
const mostShownCharacters = 120;

/**
 * Gives the redirect that an error stands for; undefined when it is none, or when none is to be followed.
 * @param trail where this attempt has been, in order; the last one gave the error
 * @throws FullduplexError `WS_REDIRECT_REFUSED` for one that must not be followed
 */
export function redirectOf(
  error: unknown,
  options: ConnectOptions,
  trail: readonly ConnectTarget[],
): Redirect | undefined {
  const { maxRedirects = defaultConnectOptions.maxRedirects } = options;
  const from = trail.at(-1);
  if (maxRedirects === 0 || from === undefined) return undefined;
  if (!(error instanceof HandshakeError) || error.code !== 'WS_HANDSHAKE_REFUSED') return undefined;
  const location = error.headers?.get('Location');
  if (!isRedirectStatus(error.status) || location === undefined) return undefined;
  const refuse = (reason: string, to: string): FullduplexError =>
    new FullduplexError(
      'WS_REDIRECT_REFUSED',
      `the redirect ${error.status} from ${shown(from.requestUrl)} to ${to} is not followed: ${reason}`,
      { cause: error },
    );

  // RFC 9110 10.2.2: relative to the URL that was asked for; a fragment is for the client and means nothing here.
  if (!URL.canParse(location, from.requestUrl)) throw refuse('its Location is no URL', 'another URL');
  const url = new URL(location, from.requestUrl);
  url.hash = '';
  if (url.username !== '' || url.password !== '')
    throw refuse('its Location has a user or password', shown(url));
  // Never to a socket in the file system, which no server on the net should choose.
  if (!['ws:', 'wss:', 'http:', 'https:'].includes(url.protocol))
    throw refuse('expected ws:, wss:, http: or https:', shown(url));
  const to = parseConnectTarget(url);
  if (from.isSecure && !to.isSecure) throw refuse('it leaves TLS, expected wss: or https:', shown(url));
  if (trail.length > maxRedirects) {
    const way = [...trail.map(({ requestUrl }) => shown(requestUrl)), shown(url)].join(', ');
    throw refuse(`it is one more than maxRedirects, ${maxRedirects} (${way})`, shown(url));
  }
  return from.requestUrl.origin === to.requestUrl.origin
    ? { url: sameOriginUrl(from, to), options }
    : { url, options: withoutSecrets(options) };
}

/** The same server, by the same road and as the same user. */
function sameOriginUrl(from: ConnectTarget, to: ConnectTarget): URL {
  const { requestUrl } = to;
  if (from.socketPath !== undefined) {
    const path = from.socketPath.split('/').map(encodeURIComponent).join('/');
    const scheme = from.isSecure ? 'wss+unix' : 'ws+unix';
    return new URL(`${scheme}:${path}:${requestUrl.pathname}${requestUrl.search}`);
  }
  const url = new URL(requestUrl);
  if (from.credentials !== undefined) {
    url.username = encodeURIComponent(from.credentials.username);
    url.password = encodeURIComponent(from.credentials.password);
  }
  return url;
}

/**
 * What may go to another origin (scheme, host and port, as in the Fetch standard; so also from ws: to wss: of one host):
 * no credentials, no cookies but those that a jar has for it, no client certificate, and no name or session of the first
 * server's TLS.
 */
function withoutSecrets(options: ConnectOptions): ConnectOptions {
  const headers = new HeaderList();
  for (const [name, value] of HeaderList.from(options.headers))
    if (!isSecret(name)) headers.append(name, value);
  return {
    ...options,
    headers,
    auth: undefined,
    cookies: undefined,
    tls: {
      ...options.tls,
      secureContext: undefined,
      cert: undefined,
      key: undefined,
      pfx: undefined,
      passphrase: undefined,
      servername: undefined,
      session: undefined,
    },
  };
}

function isSecret(name: string): boolean {
  return (
    ['Authorization', 'Cookie'].some((secret) => equalsIgnoringCase(secret, name)) ||
    equalsIgnoringCase(name.slice(0, 'Proxy-'.length), 'Proxy-')
  );
}

/** A URL for messages: its query may hold a token. */
function shown({ protocol, host, pathname }: URL): string {
  const text = `${protocol}//${host}${pathname}`;
  return text.length > mostShownCharacters ? `${text.slice(0, mostShownCharacters - 3)}...` : text;
}
