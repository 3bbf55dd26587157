// Servers that we start ourselves: they exist for WebSockets only (ordinary-request.ts has what others are told). Here are
// the ways to listen, what is said when that fails, and the URL that leads to a listening server.

import { createServer } from 'node:https';
import { createServer as createPlainServer, type Server } from 'node:net';
import { Server as TlsServer, type TlsOptions } from 'node:tls';
import { FullduplexError } from '../base/errors.ts';
import { hostInUrl, type ListenAddress, listenError, notListening } from '../server/listen-address.ts';
import { createHttp2Listener } from './http2/http2-listener.ts';
import { answerUpgradeRequired } from './ordinary-request.ts';

/** The bounds of a server of ours. */
export interface ListenerLimits {
  readonly handshakeTimeoutMs: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaderCount: number;
  readonly maxStreamsPerSession: number;
}

/**
 * Makes a server for WebSockets only: a plain one, whose requests an UpgradeListener reads, or with TLS one of
 * node:http2 that takes HTTP/1.1 too, or one of node:https.
 * @throws FullduplexError `WS_OPTION_INVALID` when the certificate or key is not usable
 */
export function createListener(
  tls: TlsOptions | undefined,
  limits: ListenerLimits,
  speaksHttp2: boolean,
): Server {
  if (tls === undefined) return createPlainServer({ allowHalfOpen: true, noDelay: true });
  try {
    return speaksHttp2 ? createHttp2Listener(tls, limits) : createSecureListener(tls, limits);
  } catch (error) {
    throw new FullduplexError('WS_OPTION_INVALID', `option tls is not usable: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function createSecureListener(tls: TlsOptions, limits: ListenerLimits): Server {
  const options = {
    maxHeaderSize: limits.maxHeaderBytes,
    noDelay: true,
    // Replaced by a deadline of our own, which is exact.
    headersTimeout: 0,
    requestTimeout: 0,
    handshakeTimeout: limits.handshakeTimeoutMs,
  };
  const server = createServer({ ...tls, ...options }, answerUpgradeRequired);
  // One more than allowed, so that too many can be told from just enough: Node drops the rest without a word.
  server.maxHeadersCount = limits.maxHeaderCount + 1;
  return server;
}

/**
 * Listens, or fails and leaves nothing behind.
 * @throws FullduplexError `WS_PORT_IN_USE`, `WS_LISTEN_FAILED`
 */
export function listen(server: Server, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      server.removeListener('listening', listening);
      server.close();
      reject(listenError(error, address));
    };
    const listening = (): void => {
      server.removeListener('error', failed);
      resolve();
    };
    server.once('error', failed);
    server.once('listening', listening);
    if ('socketPath' in address) server.listen(address.socketPath);
    else if (address.host === undefined) server.listen(address.port);
    else server.listen(address.port, address.host);
  });
}

/**
 * The URL of a listening server, without a path. A server that listens on all addresses is reached at localhost.
 * @throws FullduplexError `WS_STATE_INVALID` when it does not listen
 */
export function urlOfServer(server: Server): string {
  const address = server.address();
  const scheme = server instanceof TlsServer ? 'wss' : 'ws';
  if (address === null) throw notListening();
  if (typeof address === 'string')
    return `${scheme}+unix:${encodeURI(address).replace(/[?#]/g, encodeURIComponent)}`;
  return `${scheme}://${hostInUrl(address.address)}:${address.port}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
