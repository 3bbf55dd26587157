// How a server says no to an opening handshake that breaks a rule: a plain HTTP response whose body names the rule
// (RFC 6455 4.2.1: "return an HTTP response with an appropriate error code (such as 400 Bad Request)").

import type { ErrorCode } from '../../base/errors.ts';
import { HandshakeError } from './handshake-error.ts';
import { HeaderList } from './header-list.ts';
import { encodeLatin1, formatResponseHead } from './http-head.ts';

/** The HTTP response to a handshake that is not one. */
export interface HandshakeRefusal {
  readonly kind: 'refused';
  readonly status: number;
  /** What the status calls for (Allow, Upgrade, Sec-WebSocket-Version), and Connection: close. */
  readonly headers: HeaderList;
  /** A sentence that names what was found, what was expected, and the section. */
  readonly body: string;
  /** The same for logs and handlers. */
  readonly error: HandshakeError;
}

/** The reason phrases of the statuses that refuse here. */
const reasons: Readonly<Record<number, string>> = Object.freeze({
  400: 'Bad Request',
  405: 'Method Not Allowed',
  426: 'Upgrade Required',
  431: 'Request Header Fields Too Large',
  501: 'Not Implemented',
  505: 'HTTP Version Not Supported',
});

/** Makes the refusal with this status and sentence. */
export function refuse(
  status: number,
  message: string,
  code: ErrorCode = 'WS_HANDSHAKE_INVALID',
): HandshakeRefusal {
  return refuseWith(new HandshakeError(code, message, { status }));
}

/** Makes the refusal for an error of a RequestHeadParser or a ServerHandshake. */
export function refuseWith(error: HandshakeError): HandshakeRefusal {
  const status = error.status ?? 400;
  const headers = new HeaderList();
  // The connection ends in any case: what follows the head might be frames of a client that did not wait.
  headers.append('Connection', status === 426 ? 'Upgrade, close' : 'close');
  // RFC 9110 15.5.6: a 405 MUST have Allow.
  if (status === 405) headers.append('Allow', 'GET');
  if (status === 426) {
    // RFC 9110 15.5.22: a 426 MUST have Upgrade. RFC 6455 4.2.2: and it names the versions that we understand.
    headers.append('Upgrade', 'websocket').append('Sec-WebSocket-Version', '13');
  }
  return { kind: 'refused', status, headers, body: `${error.message}\n`, error };
}

/** Writes the whole HTTP/1.1 response. */
export function encodeRefusal({ status, headers, body }: HandshakeRefusal): Uint8Array {
  const content = new TextEncoder().encode(body);
  const complete = HeaderList.from(headers)
    .append('Content-Type', 'text/plain; charset=utf-8')
    .append('Content-Length', String(content.length));
  const head = encodeLatin1(
    formatResponseHead({ status, reason: reasons[status] ?? 'Refused', headers: complete }),
  );
  const response = new Uint8Array(head.length + content.length);
  response.set(head);
  response.set(content, head.length);
  return response;
}
