// Which failures of connecting pass by themselves, and how long a server asks to be left alone.

import { FullduplexError } from '../base/errors.ts';
import { isDigits } from '../protocol/handshake/header-grammar.ts';
import { HandshakeError } from '../protocol/handshake/handshake-error.ts';
import { ProxyError } from './proxy-error.ts';

/** Statuses below 500 that ask to come back: 408 Request Timeout, 425 Too Early, 429 Too Many Requests. */
const transientStatuses: ReadonlySet<number | undefined> = new Set([408, 425, 429]);

/** Replies of a SOCKS proxy that are about the way to the server (RFC 1928 6), and not about what it allows or knows. */
const transientReplies: ReadonlySet<number | undefined> = new Set([1, 3, 4, 5, 6]);

/**
 * Whether trying again can help: the network failed, the server took too long, it answered 408, 425, 429 or 5xx, or a
 * proxy on the way did, or could not reach the server. Everything else fails again in the same way: another status, an
 * answer that is no WebSocket handshake, a certificate that is not valid, a redirect that is not followed, a wrong URL or
 * option, and every error that is not of this library.
 */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof FullduplexError)) return false;
  switch (error.code) {
    case 'WS_CONNECT_FAILED':
    case 'WS_HANDSHAKE_TIMEOUT':
      return true;
    case 'WS_HANDSHAKE_REFUSED':
      return error instanceof HandshakeError && isTransientStatus(error.status);
    case 'WS_PROXY_REFUSED':
      return (
        error instanceof ProxyError &&
        (isTransientStatus(error.status) || transientReplies.has(error.socksReply))
      );
    default:
      return false;
  }
}

function isTransientStatus(status: number | undefined): boolean {
  return transientStatuses.has(status) || (status !== undefined && status >= 500);
}

/** Gives the milliseconds of the Retry-After header of a 429 or 503 (RFC 9110 10.2.3); 0 without one. */
export function retryAfterMsOf(error: unknown, nowEpochMs: number): number {
  if (!(error instanceof HandshakeError || error instanceof ProxyError)) return 0;
  if (error.status !== 429 && error.status !== 503) return 0;
  const value = error.headers?.get('Retry-After');
  if (value === undefined) return 0;
  if (isDigits(value)) return Number(value) * 1000;
  // A date: the server's own clock tells how far away it is, since ours may be wrong.
  const serverNowMs = Date.parse(error.headers?.get('Date') ?? '');
  const untilMs = Date.parse(value) - (Number.isNaN(serverNowMs) ? nowEpochMs : serverNowMs);
  return Number.isNaN(untilMs) ? 0 : Math.max(0, untilMs);
}
