// Servers that we start ourselves: they exist for WebSockets only, so an ordinary request is told to upgrade. Here are
// the ways to listen, what is said when that fails, and the URL that leads to a listening server.

import { Buffer } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, Server as SecureServer } from 'node:https';
import { createServer as createPlainServer, type Server } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { FullduplexError } from '../base/errors.ts';
import { HeaderList } from '../protocol/handshake/header-list.ts';
import { formatResponseHead } from '../protocol/handshake/http-head.ts';
import { hostInUrl, type ListenAddress, listenError, notListening } from '../server/listen-address.ts';

/** The bounds of a server of ours. */
export interface ListenerLimits {
  readonly handshakeTimeoutMs: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaderCount: number;
}

/**
 * Makes a server for WebSockets only: a plain one, whose requests an UpgradeListener reads, or with TLS one of
 * node:https.
 * @throws FullduplexError `WS_OPTION_INVALID` when the certificate or key is not usable
 */
export function createListener(tls: TlsOptions | undefined, limits: ListenerLimits): Server {
  return tls === undefined
    ? createPlainServer({ allowHalfOpen: true, noDelay: true })
    : createSecureListener(tls, limits);
}

function createSecureListener(tls: TlsOptions, limits: ListenerLimits): SecureServer {
  const options = {
    maxHeaderSize: limits.maxHeaderBytes,
    noDelay: true,
    // Replaced by a deadline of our own, which is exact.
    headersTimeout: 0,
    requestTimeout: 0,
  };
  let server: SecureServer;
  try {
    server = createServer(
      { ...tls, ...options, handshakeTimeout: limits.handshakeTimeoutMs },
      answerUpgradeRequired,
    );
  } catch (error) {
    throw new FullduplexError('WS_OPTION_INVALID', `option tls is not usable: ${messageOf(error)}`, {
      cause: error,
    });
  }
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
  const scheme = server instanceof SecureServer ? 'wss' : 'ws';
  if (address === null) throw notListening();
  if (typeof address === 'string')
    return `${scheme}+unix:${encodeURI(address).replace(/[?#]/g, encodeURIComponent)}`;
  return `${scheme}://${hostInUrl(address.address)}:${address.port}`;
}

const upgradeRequiredBody = 'This is a WebSocket server: connect to it with a WebSocket client.\n';
// RFC 9110 15.5.22: a 426 MUST have Upgrade, and Connection has to name it.
const upgradeRequiredHeaders = Object.freeze({
  Connection: 'Upgrade, close',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Content-Type': 'text/plain; charset=utf-8',
  'Content-Length': String(upgradeRequiredBody.length),
});

/** The bytes of the answer to an ordinary request. */
export function upgradeRequired(method: string): Uint8Array {
  const headers = HeaderList.from(upgradeRequiredHeaders);
  const head = formatResponseHead({ status: 426, reason: 'Upgrade Required', headers });
  return Buffer.from(method === 'HEAD' ? head : head + upgradeRequiredBody, 'latin1');
}

function answerUpgradeRequired(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(426, upgradeRequiredHeaders);
  response.end(request.method === 'HEAD' ? undefined : upgradeRequiredBody);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
