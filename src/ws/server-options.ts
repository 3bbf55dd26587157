// The options of a server of ws.

import type { IncomingMessage, OutgoingHttpHeaders, Server as HttpServer } from 'node:http';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import type { Server as HttpsServer } from 'node:https';
import type { PerMessageDeflateOptions } from './deflate-options.ts';
import type { SocketOptions } from './socket-options.ts';
import type { WebSocket } from './web-socket.ts';

/** What `verifyClient` is asked about. */
export interface VerifiedRequest<Request extends IncomingMessage = IncomingMessage> {
  /** The header Origin; undefined when there is none, whatever the type says, as in the types of ws. */
  readonly origin: string;
  /** Whether the request came over TLS. */
  readonly secure: boolean;
  readonly req: Request;
}

/** Says at once whether a client is let in. */
export type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> = (
  info: VerifiedRequest<Request>,
) => boolean;

/** Says later whether a client is let in, and if not, what the answer is. */
export type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> = (
  info: VerifiedRequest<Request>,
  callback: (isVerified: boolean, code?: number, message?: string, headers?: OutgoingHttpHeaders) => void,
) => void;

/** How a server behaves. One of `port`, `server` and `noServer` has to be given. */
export interface ServerOptions<
  Socket extends typeof WebSocket = typeof WebSocket,
  Request extends typeof IncomingMessage = typeof IncomingMessage,
> extends SocketOptions {
  /** How many connections may wait to be accepted. */
  backlog?: number | undefined;
  /** Whether the open connections stand in `clients`. @defaultValue true */
  clientTracking?: boolean | undefined;
  /** Chooses a subprotocol. @defaultValue the first that the client offers */
  handleProtocols?: ((protocols: Set<string>, request: InstanceType<Request>) => string | false) | undefined;
  host?: string | undefined;
  /** Beyond ws: how long a handshake on a port of its own may take, in milliseconds. @defaultValue 10,000 */
  handshakeTimeoutMs?: number | undefined;
  /** Whether upgrades are handed over by `handleUpgrade` only. @defaultValue false */
  noServer?: boolean | undefined;
  /** The path that is served. @defaultValue all */
  path?: string | undefined;
  /** Compression. @defaultValue false */
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  port?: number | undefined;
  /**
   * A server whose upgrades are taken. Beyond ws: on one of node:http2 extended CONNECTs (RFC 8441) are taken too, and its setting
   * enableConnectProtocol is switched on.
   */
  server?: HttpServer<Request> | HttpsServer<Request> | Http2SecureServer | Http2Server | undefined;
  /** Decides who is let in. */
  verifyClient?:
    | VerifyClientCallbackAsync<InstanceType<Request>>
    | VerifyClientCallbackSync<InstanceType<Request>>
    | undefined;
  /** The class of the sockets: WebSocket, or one that extends it. */
  WebSocket?: Socket | undefined;
}
