// Which web pages may connect. A browser sends a user's cookies with every WebSocket, whatever page opens it, and no
// CORS stands in between: the check of Origin (RFC 6455 10.2) is the only guard against cross-site hijacking.

import { describe, FullduplexError } from '../base/errors.ts';
import type { UpgradeRequest } from './upgrade-request.ts';

/**
 * Which origins may connect. A request without Origin is no browser's and passes, except with a function.
 * - `same-origin`: the Origin's host and port equal Host. A server that listens on a loopback address also refuses a
 *   Host that is none (DNS rebinding: a page of an attacker whose name suddenly means 127.0.0.1).
 * - a list: exactly these, such as `https://example.com`; Host is not looked at.
 * - a function: whatever it says; it also hears of requests without Origin.
 * - `any`: every page of the web can open a connection in the name of your users, with their cookies.
 */
export type AllowedOrigins =
  | 'same-origin'
  | 'any'
  | readonly string[]
  | ((origin: string | undefined, request: UpgradeRequest) => boolean);

/** What the check looks at. */
export interface OriginRequest {
  /** The header Origin; undefined when there is none. */
  readonly origin: string | undefined;
  /** The host and port that the client asked for. */
  readonly authority: string;
  /** Whether the connection itself is encrypted (a proxy in front may be, unknown to us). */
  readonly isSecure: boolean;
  /** Whether the server listens on a loopback address only. */
  readonly isOnLoopback: boolean;
}

/**
 * Checks the option.
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function requireAllowedOrigins(allowed: AllowedOrigins): AllowedOrigins {
  if (allowed === 'same-origin' || allowed === 'any' || typeof allowed === 'function') return allowed;
  if (!Array.isArray(allowed)) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `option allowedOrigins is ${describe(allowed)}, expected "same-origin", "any", a list or a function`,
    );
  }
  for (const origin of allowed) {
    if (typeof origin === 'string' && (origin === 'null' || serializedOrigin(origin) === origin)) continue;
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `option allowedOrigins has ${describe(origin)}, expected origins as browsers send them: "https://example.com"`,
    );
  }
  return [...allowed];
}

/** Checks the Origin of a request; gives the sentence that says why it may not connect, or undefined. */
export function originProblem(
  request: OriginRequest,
  allowed: 'same-origin' | readonly string[],
): string | undefined {
  const { origin, authority, isSecure, isOnLoopback } = request;
  if (allowed !== 'same-origin') {
    if (origin === undefined || allowed.includes(origin)) return undefined;
    return `Origin ${describe(origin)} is not among the allowed origins (RFC 6455 10.2)`;
  }
  if (isOnLoopback && !isLoopbackHost(authority)) {
    return `Host ${describe(authority)} is not this machine, but the server listens for this machine only: behind a proxy, name who may connect in the option allowedOrigins`;
  }
  if (origin === undefined || isSameOrigin(origin, authority, isSecure)) return undefined;
  return `Origin ${describe(origin)} is not that of Host ${describe(authority)}: the option allowedOrigins can name others (RFC 6455 10.2)`;
}

/** Whether the origin's host and port are those of the authority; `null` never is. */
function isSameOrigin(origin: string, authority: string, isSecure: boolean): boolean {
  if (origin === `https://${authority}`) return true;
  if (origin === `http://${authority}` && !isSecure) return true;
  if (!/^https?:\/\//i.test(origin) || serializedOrigin(origin) === undefined) return false;
  const own = new URL(origin);
  // Host leaves out the default port of the scheme that the client used. Unencrypted here, that may be either: a
  // proxy may have taken the encryption off.
  const scheme = isSecure ? 'https:' : own.protocol;
  try {
    const host = new URL(`${scheme}//${authority}`);
    return own.hostname === host.hostname && portOf(own) === portOf(host);
  } catch {
    // A Host that is no host is nobody's origin.
    return false;
  }
}

function portOf(url: URL): string {
  return url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
}

/** The origin as browsers write it, or undefined when the text has more or less than an origin. */
function serializedOrigin(text: string): string | undefined {
  try {
    const url = new URL(text);
    const hasMore =
      url.username !== '' ||
      url.password !== '' ||
      url.search !== '' ||
      url.hash !== '' ||
      text.endsWith('/');
    if (hasMore || (url.pathname !== '/' && url.pathname !== '')) return undefined;
    // Node gives the origin "null" to schemes that it does not know, such as those of browser extensions.
    return url.origin === 'null' ? `${url.protocol}//${url.host}` : url.origin;
  } catch {
    // Not a URL: not an origin.
    return undefined;
  }
}

const plainLoopbackHost = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::[1-5]?\d{1,4})?$/;

/** Whether the host (with or without a port) can only mean the machine itself (RFC 6761 6.3, RFC 1122 3.2.1.3). */
export function isLoopbackHost(authority: string): boolean {
  // A URL costs as much as the rest of a small handshake.
  if (plainLoopbackHost.test(authority)) return true;
  let hostname: string;
  try {
    ({ hostname } = new URL(`http://${authority}`));
  } catch {
    // A Host that is no host is not this machine.
    return false;
  }
  if (hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]') return true;
  return /^127\.\d+\.\d+\.\d+$/.test(hostname) || /^\[::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}\]$/.test(hostname);
}

/** Whether a local address is a loopback address. */
export function isLoopbackAddress(address: string): boolean {
  return isLoopbackHost(address.includes(':') ? `[${address}]` : address);
}
