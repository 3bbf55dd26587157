// The one error of the opening handshake, on both sides: what was wrong, and what HTTP said about it.

import { type ErrorCode, FullduplexError } from '../../base/errors.ts';
import type { HeaderList } from './header-list.ts';

/** What HTTP has to say about a failed handshake. */
export interface HandshakeErrorDetails {
  /** The HTTP status that the server answered with, or (on the server) has to answer with. */
  readonly status?: number;
  /** The headers of the server's response. */
  readonly headers?: HeaderList;
  /** The start of the body of the server's response, decoded as UTF-8. */
  readonly body?: string;
  readonly cause?: unknown;
}

/** An opening handshake that did not lead to a connection (RFC 6455 4). */
export class HandshakeError extends FullduplexError {
  override readonly name: string = 'HandshakeError';
  /** Client: the HTTP status that was received, if any. Server: the HTTP status that answers the request. */
  readonly status: number | undefined;
  /** Client: the headers of the response, if one was received. */
  readonly headers: HeaderList | undefined;
  /** Client: the start of the body of a response that refused, decoded as UTF-8. */
  readonly body: string | undefined;

  constructor(code: ErrorCode, message: string, details: HandshakeErrorDetails = {}) {
    super(code, message, details.cause === undefined ? undefined : { cause: details.cause });
    this.status = details.status;
    this.headers = details.headers;
    this.body = details.body;
  }
}
