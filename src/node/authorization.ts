// Credentials as a header says them: Basic (RFC 7617) and Bearer (RFC 6750), for servers and for proxies. What is wrong
// with them is said without showing them.

import { FullduplexError } from '../base/errors.ts';

/** A user's name and password. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** User and password, or a bearer token. */
export type Authorization = Credentials | { readonly token: string };

/**
 * Gives the value of Authorization or Proxy-Authorization.
 * @param source where it stands, for messages: `option auth`
 * @throws FullduplexError `WS_OPTION_INVALID`, which never shows a secret
 */
export function authorizationHeader(auth: Authorization, source: string): string {
  if ('token' in auth) {
    // RFC 6750 2.1: b64token
    if (typeof auth.token === 'string' && /^[\w.~+/-]+=*$/.test(auth.token)) return `Bearer ${auth.token}`;
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `${source}.token is empty or has a forbidden character, expected letters, digits and -._~+/ (RFC 6750 2.1)`,
    );
  }
  const { username, password } = auth;
  // RFC 7617 2: the first colon ends the user's name.
  if (typeof username === 'string' && typeof password === 'string' && !username.includes(':')) {
    return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
  }
  throw new FullduplexError(
    'WS_OPTION_INVALID',
    `${source} has no username and password, or a colon in the username, expected both and none (RFC 7617 2)`,
  );
}
