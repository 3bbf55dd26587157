// The opening handshake as it went over the wire, as text for people: pages that explain, logs that prove.

import type { RequestHead } from '../protocol/handshake/http-head.ts';
import type { HandshakeAcceptance } from '../protocol/handshake/server-handshake.ts';

/** The two heads of an opening handshake (RFC 6455 1.3), each with its empty line. */
export interface OpeningHandshake {
  /** The request as it was received: its lines in their order, names in the case that the client chose. */
  readonly request: string;
  /** The 101 as it was sent. */
  readonly response: string;
}

/** Writes down both heads. Nothing of the request is checked or left out: the text is for reading, not for sending. */
export function openingHandshakeOf(
  { method, target, httpVersion, headers }: RequestHead,
  { head }: HandshakeAcceptance,
): OpeningHandshake {
  let request = `${method} ${target} HTTP/${httpVersion}\r\n`;
  for (const [name, value] of headers) request += `${name}: ${value}\r\n`;
  return { request: `${request}\r\n`, response: head };
}
