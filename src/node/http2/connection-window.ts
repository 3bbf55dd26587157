// How much a peer may send on all streams of an HTTP/2 connection together before it has to wait for us to take it from the
// socket. One stream has 64 KiB, as in every HTTP/2; with no more for the connection each round trip would carry that
// much only.

import type { Http2Session } from 'node:http2';
import { versions } from 'node:process';

const connectionWindowBytes = 1024 * 1024;

/** Gives the peer of a session that much credit. */
export function widenConnectionWindow(session: Http2Session): void {
  // Bun (1.4.5) does not tell the peer, but gives new credit only when the wider window is used up: never.
  if (versions.bun === undefined) session.setLocalWindowSize(connectionWindowBytes);
}
