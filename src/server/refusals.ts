// The refusals that do not come of a decision: nobody has the path, there are too many headers, the server is closing.

import { HandshakeError } from '../protocol/handshake/handshake-error.ts';
import { type HandshakeRefusal, refuse, refuseWith } from '../protocol/handshake/handshake-refusal.ts';

/** The refusal for a path that leads nowhere. */
export function refuseUnknownPath(): HandshakeRefusal {
  return refuse(404, 'no WebSocket endpoint has this path', 'WS_HANDSHAKE_REFUSED');
}

/** The refusal for a request with too many headers. */
export function refuseHeaderCount(): HandshakeRefusal {
  const message = 'the request has more headers than this server reads';
  return refuseWith(new HandshakeError('WS_HANDSHAKE_HEADERS_TOO_LARGE', message, { status: 431 }));
}

/** The refusal for who comes while the server ends. */
export function refuseBecauseClosing(): HandshakeRefusal {
  return refuse(503, 'the server is closing', 'WS_HANDSHAKE_REFUSED');
}
