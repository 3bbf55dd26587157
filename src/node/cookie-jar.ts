// A cookie jar as an interface, and when it is asked and told: for the request of each attempt, and with what every answer
// sets. What cookies mean (RFC 6265) is the jar's own affair.

import { FullduplexError } from '../base/errors.ts';
import { isFieldValue } from '../protocol/handshake/header-grammar.ts';
import type { HeaderList } from '../protocol/handshake/header-list.ts';
import { untilAborted } from './abortable.ts';
import { connectFailed } from './connect-errors.ts';
import type { ConnectTarget } from './connect-target.ts';

/**
 * Keeps cookies between handshakes. URLs are `http:` or `https:` ones, since cookies do not tell ws: from http: (WHATWG
 * WebSockets, "establish a WebSocket connection").
 */
export interface CookieJar {
  /** Gives the value of the Cookie header for a request to the URL, or nothing. */
  cookiesFor(url: URL): string | undefined | Promise<string | undefined>;
  /** Takes the Set-Cookie headers of an answer from the URL: of the 101, of a refusal or of a redirect. */
  store(url: URL, setCookie: readonly string[]): void | Promise<void>;
}

/** Checks the option. @throws FullduplexError `WS_OPTION_INVALID` */
export function requireCookieJar(jar: CookieJar | undefined): void {
  if (jar === undefined) return;
  const isObject = typeof jar === 'object' && jar !== null;
  if (isObject && typeof jar.cookiesFor === 'function' && typeof jar.store === 'function') return;
  throw new FullduplexError(
    'WS_OPTION_INVALID',
    'option cookieJar lacks a method, expected an object with cookiesFor(url) and store(url, setCookie)',
  );
}

/**
 * Gives the value of Cookie that the jar has for the server, or nothing.
 * @throws FullduplexError `WS_CONNECT_FAILED` when the jar fails, `WS_OPTION_INVALID` for what cannot be a header; or the
 * reason of the abort
 */
export async function cookiesFrom(
  jar: CookieJar,
  target: ConnectTarget,
  signal: AbortSignal,
): Promise<string | undefined> {
  const cookies = await askJar(target, signal, () => jar.cookiesFor(cookieUrlOf(target)));
  if (cookies === undefined || cookies === '') return undefined;
  if (typeof cookies === 'string' && isFieldValue(cookies)) return cookies;
  throw new FullduplexError(
    'WS_OPTION_INVALID',
    'what option cookieJar gives as cookies is no Latin-1 text without control characters (RFC 9110 5.5)',
  );
}

/**
 * Gives the jar what an answer sets.
 * @throws FullduplexError `WS_CONNECT_FAILED` when the jar fails, or the reason of the abort
 */
export async function storeCookies(
  jar: CookieJar,
  target: ConnectTarget,
  headers: HeaderList,
  signal: AbortSignal,
): Promise<void> {
  const setCookie = headers.getAll('Set-Cookie');
  if (setCookie.length > 0) await askJar(target, signal, () => jar.store(cookieUrlOf(target), setCookie));
}

function askJar<T>(target: ConnectTarget, signal: AbortSignal, ask: () => T | Promise<T>): Promise<T> {
  const asked = Promise.resolve()
    .then(ask)
    .catch((cause: unknown) => {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw connectFailed(target.label, new Error(`the cookie jar failed: ${message}`, { cause }));
    });
  return untilAborted(asked, signal);
}

function cookieUrlOf({ requestUrl, isSecure }: ConnectTarget): URL {
  const { host, pathname, search } = requestUrl;
  return new URL(`${isSecure ? 'https' : 'http'}://${host}${pathname}${search}`);
}
