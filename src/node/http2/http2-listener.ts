// A server of ours that speaks HTTP/1.1 and HTTP/2 on one TLS port, as the client likes (ALPN). It exists for WebSockets
// only, so an ordinary request is told so.

import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import type { TlsOptions } from 'node:tls';
import type { ListenerLimits } from '../listener.ts';
import { answerUpgradeRequired, webSocketsOnlyBody } from '../ordinary-request.ts';
import { widenConnectionWindow } from './connection-window.ts';

// How long a client may take to read the answer to an ordinary request.
const lingerMs = 2_000;
// Pseudo-header fields (five), and one more than allowed, so that too many get an answer.
const additionalFields = 6;

/** Makes the server. @throws what node:tls throws when the certificate or key is not usable */
export function createHttp2Listener(tls: TlsOptions, limits: ListenerLimits): Http2SecureServer {
  const server = createSecureServer(
    {
      ...tls,
      allowHTTP1: true,
      noDelay: true,
      handshakeTimeout: limits.handshakeTimeoutMs,
      maxHeaderListPairs: limits.maxHeaderCount + additionalFields,
      settings: {
        enableConnectProtocol: true,
        maxConcurrentStreams: limits.maxStreamsPerSession,
        maxHeaderListSize: limits.maxHeaderBytes,
      },
    },
    answer,
  );
  server.on('session', widenConnectionWindow);
  // The same bounds for HTTP/1.1; what a server of node:http takes as options is read from these properties.
  Object.assign(server, {
    maxHeaderSize: limits.maxHeaderBytes,
    maxHeadersCount: limits.maxHeaderCount + 1,
    headersTimeout: 0,
    requestTimeout: 0,
  });
  return server;
}

function answer(request: Http2ServerRequest, response: Http2ServerResponse): void {
  if (request.httpVersionMajor < 2) {
    answerUpgradeRequired(request, response);
    return;
  }
  // A 426 would have to have Upgrade (RFC 9110 15.5.22), which HTTP/2 does not know (RFC 9113 8.2.2).
  // One that gives no credit for the body is not waited for.
  response.setTimeout(lingerMs, () => response.stream.close(constants.NGHTTP2_CANCEL));
  response.writeHead(405, { allow: 'CONNECT', 'content-type': 'text/plain; charset=utf-8' });
  if (request.method === 'HEAD') response.end();
  else response.end(webSocketsOnlyBody);
}
