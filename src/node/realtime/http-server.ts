// HTTP servers that we start for a hub: unlike those for WebSockets only (listener.ts) they serve ordinary requests, so Node's own
// machinery reads them, within the same bounds.

import { createServer, type Server } from 'node:http';
import type { Http2SecureServer } from 'node:http2';
import type { TlsOptions } from 'node:tls';
import type { Clock } from '../../base/clock.ts';
import { FullduplexError } from '../../base/errors.ts';
import type { ServerLimits } from '../../server/server-options.ts';
import { createHttp2Listener } from '../http2/http2-listener.ts';
import { SessionGuard } from '../http2/session-guard.ts';

/** A server, and what bounds its sessions of HTTP/2. */
export interface OwnHttpServer {
  readonly server: Server | Http2SecureServer;
  readonly sessions: SessionGuard | undefined;
}

// Node looks this often which requests take too long.
const checkingIntervalMs = 2_000;

/**
 * Makes a server: a plain one, or with TLS one that takes HTTP/1.1 and HTTP/2.
 * @throws FullduplexError `WS_OPTION_INVALID` when the certificate or key is not usable
 */
export function createHttpServer(
  tls: TlsOptions | undefined,
  limits: ServerLimits,
  clock: Clock,
): OwnHttpServer {
  if (tls !== undefined) {
    const server = createSecure(tls, limits);
    const { handshakeTimeoutMs: idleTimeoutMs, maxStreamsPerSession } = limits;
    return { server, sessions: new SessionGuard(server, { clock, idleTimeoutMs, maxStreamsPerSession }) };
  }
  const server = createServer({
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.handshakeTimeoutMs,
    connectionsCheckingInterval: checkingIntervalMs,
    noDelay: true,
  });
  // One more than allowed, so that too many can be told from just enough.
  server.maxHeadersCount = limits.maxHeaderCount + 1;
  return { server, sessions: undefined };
}

function createSecure(tls: TlsOptions, limits: ServerLimits): Http2SecureServer {
  try {
    const server = createHttp2Listener(tls, limits);
    // The requests of HTTP/1.1 on it; Node reads it from this property.
    return Object.assign(server, { headersTimeout: limits.handshakeTimeoutMs });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new FullduplexError('WS_OPTION_INVALID', `option tls is not usable: ${message}`, { cause: error });
  }
}
