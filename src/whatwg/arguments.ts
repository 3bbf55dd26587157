// The rules for arguments that WebSocket and WebSocketStream share: the URL, the subprotocols, the close code and the
// close reason. What breaks them is a DOMException with the name that the standard gives.

import { describe } from '../base/errors.ts';
import type { TextCodec } from '../base/text-codec.ts';
import { isApplicationCloseCode, maxCloseReasonBytes } from '../protocol/close-code.ts';
import { isToken } from '../protocol/handshake/header-grammar.ts';

/** How a connection is closed: without a code the close frame is empty. */
export interface CloseArguments {
  readonly code: number | undefined;
  readonly reason: string;
}

/** "The WebSocket constructor", steps 1 to 7: the URL, as `ws:` or `wss:`. @throws DOMException `SyntaxError` */
export function parseSocketUrl(url: string, baseUrl: string | undefined): URL {
  // 1. and 2. and 3. Parse it relative to the API's base URL.
  const record = URL.canParse(url, baseUrl) ? new URL(url, baseUrl) : undefined;
  if (record === undefined) throw syntaxError(`URL is ${describe(url)}, expected an absolute URL`);
  // 4. and 5. HTTP's schemes stand for ours.
  if (record.protocol === 'http:') record.protocol = 'ws:';
  else if (record.protocol === 'https:') record.protocol = 'wss:';
  // 6. Nothing but ws: and wss: is left.
  if (record.protocol !== 'ws:' && record.protocol !== 'wss:') {
    throw syntaxError(`URL has the scheme ${describe(record.protocol)}, expected ws:, wss:, http: or https:`);
  }
  // 7. No fragment, not even an empty one, which shows in the href only.
  if (record.href.includes('#')) throw syntaxError('URL has a fragment, expected none');
  return record;
}

/** "The WebSocket constructor", step 9: tokens that differ (RFC 6455 4.1). @throws DOMException `SyntaxError` */
export function requireDistinctTokens(protocols: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  for (const protocol of protocols) {
    if (!isToken(protocol)) throw syntaxError(`subprotocol ${describe(protocol)} is not a token`);
    if (seen.has(protocol)) throw syntaxError(`subprotocol ${describe(protocol)} stands there twice`);
    seen.add(protocol);
  }
  return protocols;
}

/**
 * "close(code, reason)", steps 1 and 2.
 * @throws DOMException `InvalidAccessError` for a code, `SyntaxError` for a reason
 */
export function requireCloseArguments(
  code: number | undefined,
  reason: string | undefined,
  text: TextCodec,
): CloseArguments {
  // 1. An application may use 1000 and its own range.
  if (code !== undefined && !isApplicationCloseCode(code)) {
    throw new DOMException(`close code is ${code}, expected 1000 or 3000 to 4999`, 'InvalidAccessError');
  }
  if (reason === undefined) return { code, reason: '' };
  // 2. The reason has to fit into a control frame (RFC 6455 5.5).
  const byteLength = text.byteLength(reason);
  if (byteLength > maxCloseReasonBytes) {
    throw syntaxError(`close reason has ${byteLength} bytes of UTF-8, at most ${maxCloseReasonBytes}`);
  }
  // A close frame cannot carry a reason without a code (RFC 6455 5.5.1). The standard leaves open what happens to
  // such a reason; its successor for streams (whatwg/websockets#48) sends 1000, and so does this.
  return { code: code ?? (reason === '' ? undefined : 1000), reason };
}

function syntaxError(message: string): DOMException {
  return new DOMException(message, 'SyntaxError');
}
