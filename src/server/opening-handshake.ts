// The opening handshake as it went over the wire, as text for people: pages that explain, logs that prove.

import { formatExtendedConnect } from '../protocol/handshake/extended-connect.ts';
import type { RequestHead } from '../protocol/handshake/http-head.ts';
import type { HandshakeAcceptance } from '../protocol/handshake/server-handshake.ts';

/**
 * The two heads of an opening handshake (RFC 6455 1.3), each with its empty line; over HTTP/2 their fields, a line each
 * (RFC 8441 5.1).
 */
export interface OpeningHandshake {
  /** The request as it was received: its lines in their order, names in the case that the client chose. */
  readonly request: string;
  /** The 101 as it was sent; over HTTP/2 the 200. */
  readonly response: string;
}

/** Writes down both heads. Nothing of the request is checked or left out: the text is for reading, not for sending. */
export function openingHandshakeOf(received: RequestHead, { head }: HandshakeAcceptance): OpeningHandshake {
  const { method, target, httpVersion, headers, extendedConnect } = received;
  if (extendedConnect !== undefined) return { request: formatExtendedConnect(received), response: head };
  let request = `${method} ${target} HTTP/${httpVersion}\r\n`;
  for (const [name, value] of headers) request += `${name}: ${value}\r\n`;
  return { request: `${request}\r\n`, response: head };
}
