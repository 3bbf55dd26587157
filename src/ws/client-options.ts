// The options of a client of ws, and the forms in which its constructor takes them.

import type { Agent, ClientRequest, RequestOptions } from 'node:http';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { Http2Sessions } from '../node/http2/http2-sessions.ts';
import type { PerMessageDeflateOptions } from './deflate-options.ts';
import type { SocketOptions } from './socket-options.ts';
import type { WebSocket } from './web-socket.ts';

/** Ends a request by itself. */
export type FinishRequestCallback = (request: ClientRequest, websocket: WebSocket) => void;

/** How a client connects: what ws has, and all that `http.request` and `tls.connect` take. */
export interface ClientOptions
  extends SocketOptions,
    Omit<RequestOptions, 'agent' | 'headers' | 'protocol' | 'timeout' | 'method'>,
    Omit<TlsOptions, 'host' | 'path' | 'port' | 'socket' | 'timeout' | 'lookup' | 'checkServerIdentity'> {
  readonly agent?: Agent | undefined;
  /** As in `tls.connect`; what it returns when the certificate is to be refused. */
  checkServerIdentity?: unknown;
  /** Ends the request by itself, after it has added to it what it wants. */
  readonly finishRequest?: FinishRequestCallback | undefined;
  /** Whether redirects are followed. @defaultValue false */
  readonly followRedirects?: boolean | undefined;
  /** How long the opening handshake may take, in milliseconds. @defaultValue no limit */
  readonly handshakeTimeout?: number | undefined;
  /**
   * Beyond ws: whether to go over HTTP/2 (RFC 8441) where the server of a `wss:` URL speaks it, as in `connect`: `true` shares
   * connections with all of the process that say so, an Http2Sessions of `fullduplex` with those that have it too. Otherwise
   * HTTP/1.1 is used at once. Not beside `agent`, `createConnection` and `finishRequest`. @defaultValue false
   */
  readonly http2?: boolean | Http2Sessions | undefined;
  readonly headers?: { [name: string]: string | number | string[] | undefined } | undefined;
  /** How many redirects are followed. @defaultValue 10 */
  readonly maxRedirects?: number | undefined;
  /** The header Origin. */
  readonly origin?: string | undefined;
  /** Compression. @defaultValue true */
  readonly perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  /** Accepted, and without effect, as in ws. */
  readonly protocol?: string | undefined;
  /** The subprotocols to offer, when no argument names them. */
  readonly protocols?: string | string[] | undefined;
  /** The version of the protocol: 13. @defaultValue 13 */
  readonly protocolVersion?: number | undefined;
}

/** What the constructor was given, in one form. */
export interface ClientArguments {
  readonly protocols: readonly unknown[];
  readonly options: ClientOptions;
}

/** Sorts out the arguments of the constructor: subprotocols may be left out, and may stand in the options. */
export function clientArguments(
  protocols: string | string[] | ClientOptions | undefined,
  options: ClientOptions | SocketOptions | undefined,
): ClientArguments {
  if (protocols === undefined) return fromOptions(options ?? {});
  if (Array.isArray(protocols)) return { protocols, options: options ?? {} };
  if (typeof protocols === 'object' && protocols !== null) return fromOptions(protocols);
  return { protocols: [protocols], options: options ?? {} };
}

function fromOptions(options: ClientOptions): ClientArguments {
  const { protocols = [] } = options;
  return { protocols: Array.isArray(protocols) ? protocols : [protocols], options };
}
