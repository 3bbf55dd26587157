// The head of an HTTP/1.1 message (RFC 9112 3 to 5) as a value, and how it is written. Whatever is written is checked
// first, so that no method, target, reason or header of an option can add a line of its own.

import { describe, FullduplexError } from '../../base/errors.ts';
import { isDigits, isFieldValue, isToken } from './header-grammar.ts';
import type { HeaderList } from './header-list.ts';

/** The request line and the headers. */
export interface RequestHead {
  readonly method: string;
  /** The request target as it was sent: `/chat?room=1`; in HTTP/2 the `:path`. */
  readonly target: string;
  /** `1.1` or `1.0`, as in the httpVersion of Node's requests; `2`. */
  readonly httpVersion: string;
  readonly headers: HeaderList;
  /** HTTP/2: what else the pseudo-header fields say; undefined in HTTP/1.1. */
  readonly extendedConnect?: ExtendedConnect;
}

/** The pseudo-header fields of a request of HTTP/2 beside method and path (RFC 9113 8.3.1, RFC 8441 4). */
export interface ExtendedConnect {
  /** `:protocol`; undefined in a request that is no extended CONNECT. */
  readonly protocol: string | undefined;
  /** `:scheme` */
  readonly scheme: string | undefined;
  /** `:authority` */
  readonly authority: string | undefined;
}

/** The status line and the headers. */
export interface ResponseHead {
  /** `1.1`, `1.0` or `2`. */
  readonly httpVersion: string;
  readonly status: number;
  /** The reason phrase; may be empty. */
  readonly reason: string;
  readonly headers: HeaderList;
}

/** Whether the text is a three-digit status from 100 to 999 (RFC 9110 15). */
export function isStatus(text: string): boolean {
  return text.length === 3 && text[0] !== '0' && isDigits(text);
}

/** Whether the text may be a request target: visible ASCII and nothing else (RFC 9112 3.2). */
export function isRequestTarget(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code <= 0x20 || code >= 0x7f) return false;
  }
  return text.length > 0;
}

/**
 * Writes a request head with its empty line, as Latin-1 text: one character is one byte.
 * @throws FullduplexError `WS_OPTION_INVALID` when the method, the target or a header would not be what it says.
 */
export function formatRequestHead(head: Omit<RequestHead, 'httpVersion'>): string {
  if (!isToken(head.method)) throw invalidHead('method', head.method, 'a token (RFC 9110 9.1)');
  if (!isRequestTarget(head.target)) throw invalidHead('target', head.target, 'visible ASCII (RFC 9112 3.2)');
  return `${head.method} ${head.target} HTTP/1.1\r\n${head.headers.format()}\r\n`;
}

/**
 * Writes a response head with its empty line, as Latin-1 text: one character is one byte.
 * @throws FullduplexError `WS_OPTION_INVALID` when the status, the reason or a header would not be what it says.
 */
export function formatResponseHead(head: Omit<ResponseHead, 'httpVersion'>): string {
  if (!isStatus(String(head.status))) throw invalidHead('status', head.status, 'an integer from 100 to 999');
  if (!isFieldValue(head.reason))
    throw invalidHead('reason', head.reason, 'Latin-1 text without control characters');
  return `HTTP/1.1 ${head.status} ${head.reason}\r\n${head.headers.format()}\r\n`;
}

function invalidHead(part: string, given: unknown, allowed: string): FullduplexError {
  return new FullduplexError(
    'WS_OPTION_INVALID',
    `${part} of the head is ${describe(given)}, expected ${allowed}`,
  );
}

/** Gives the bytes of a head: Latin-1, one byte for each character. */
export function encodeLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}
