// The error of a proxy that says no, or nothing that can be understood: what it said, in the words of HTTP or SOCKS. It
// lives here, and not with the proxies, because reconnecting has to know which refusals pass by themselves.

import { FullduplexError } from '../base/errors.ts';
import type { HeaderList } from '../protocol/handshake/header-list.ts';

/** What a proxy has to say. */
export interface ProxyErrorDetails {
  /** The HTTP status of the answer to CONNECT. */
  readonly status?: number;
  /** The headers of that answer. */
  readonly headers?: HeaderList;
  /** The start of the body of that answer, decoded as UTF-8. */
  readonly body?: string;
  /** The reply of a SOCKS proxy (RFC 1928 6), from 1 on. */
  readonly socksReply?: number;
  readonly cause?: unknown;
}

/** A proxy that did not lead to the server. */
export class ProxyError extends FullduplexError {
  override readonly name: string = 'ProxyError';
  /** The HTTP status that the proxy answered CONNECT with, if it did. */
  readonly status: number | undefined;
  /** The headers of that answer. */
  readonly headers: HeaderList | undefined;
  /** The start of the body of that answer, decoded as UTF-8. */
  readonly body: string | undefined;
  /** The reply of a SOCKS proxy (RFC 1928 6), if it gave one: 2 is "not allowed by ruleset", 5 "connection refused". */
  readonly socksReply: number | undefined;

  constructor(
    code: 'WS_PROXY_REFUSED' | 'WS_PROXY_INVALID',
    message: string,
    details: ProxyErrorDetails = {},
  ) {
    super(code, message, details.cause === undefined ? undefined : { cause: details.cause });
    this.status = details.status;
    this.headers = details.headers;
    this.body = details.body;
    this.socksReply = details.socksReply;
  }
}
