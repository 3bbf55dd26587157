// serve(): one call from options to a running server. All options are checked before anything listens.

import { Server } from 'node:http';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import { Server as SecureServer } from 'node:https';
import { versions } from 'node:process';
import type { TlsOptions } from 'node:tls';
import { describe, FullduplexError } from '../base/errors.ts';
import { requireListenAddress } from '../server/listen-address.ts';
import {
  type EndpointOptions,
  requireOptionalBoolean,
  resolveServerLimits,
  type ServerHandlers,
  type ServerOptions,
} from '../server/server-options.ts';
import { isHttp2Server } from './http2/connect-streams.ts';
import { createListener, listen } from './listener.ts';
import { WebSocketServer } from './web-socket-server.ts';

// An assertion within the nghttp2 of Deno (2.9.6) fails, and ends the process, when clients end HTTP/2 connections on which
// streams were closed: any client could.
const isHttp2ByDefault = versions.deno === undefined;

/** Where connections come from: exactly one of four. */
export type ServeTarget =
  | {
      /** The port to listen on; 0 takes a free one. */
      readonly port: number;
      /** The name or address to listen on. @defaultValue all addresses of the machine */
      readonly host?: string;
      /** Certificate and key: the server speaks wss. @defaultValue plain ws */
      readonly tls?: TlsOptions;
      /**
       * With `tls`: whether clients may also come over HTTP/2 (RFC 8441), many connections in one of TCP; upgrades of
       * HTTP/1.1 go on as ever on the same port. @defaultValue true; on Deno false
       */
      readonly http2?: boolean;
      readonly socketPath?: undefined;
      readonly server?: undefined;
      readonly listen?: undefined;
    }
  | {
      /** The path of the unix socket to listen on. */
      readonly socketPath: string;
      readonly tls?: TlsOptions;
      readonly http2?: boolean;
      readonly port?: undefined;
      readonly host?: undefined;
      readonly server?: undefined;
      readonly listen?: undefined;
    }
  | {
      /**
       * A server of node:http, node:https or node:http2 to share; its other requests and upgrades are left alone. On one of
       * node:http2 the setting enableConnectProtocol is switched on for the sessions that begin from here on.
       */
      readonly server: Server | SecureServer | Http2SecureServer | Http2Server;
      readonly port?: undefined;
      readonly host?: undefined;
      readonly socketPath?: undefined;
      readonly tls?: undefined;
      readonly http2?: undefined;
      readonly listen?: undefined;
    }
  | {
      /** `false`: upgrades are handed over with `handleUpgrade`. */
      readonly listen: false;
      readonly port?: undefined;
      readonly host?: undefined;
      readonly socketPath?: undefined;
      readonly server?: undefined;
      readonly tls?: undefined;
      readonly http2?: undefined;
    };

/** The options of `serve`: where, one endpoint, the bounds of the server, and how connections behave. */
export type ServeOptions<Data = undefined, Path extends string = string> = ServeTarget &
  ServerOptions &
  EndpointOptions<Data, Path> & {
    /** The path of the endpoint: `/chat/:room`, `/files/*`. @defaultValue every path */
    readonly path?: Path;
  };

/**
 * Starts a WebSocket server. What `upgrade` returns as `data` types `connection.data` in the handlers.
 *
 * @returns the server, listening (unless it shares somebody else's)
 * @throws FullduplexError `WS_OPTION_INVALID`; `WS_PORT_IN_USE` and `WS_LISTEN_FAILED`, which leave nothing behind
 */
export async function serve<Data = undefined, const Path extends string = string>(
  options: ServeOptions<Data, Path>,
  handlers: ServerHandlers<NoInfer<Data>> = {},
): Promise<WebSocketServer> {
  requireOneTarget(options);
  const limits = resolveServerLimits(options);
  const path: string = options.path ?? '/*';
  const endpoint: EndpointOptions<Data> = options;
  if (options.listen === false) {
    const server = new WebSocketServer(options);
    server.endpoint(path, endpoint, handlers);
    return server;
  }
  if (options.server !== undefined) {
    const server = new WebSocketServer(options, { server: options.server, isOwn: false });
    try {
      server.endpoint(path, endpoint, handlers);
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }
  const address = requireListenAddress(options);
  requireOptionalBoolean('http2', options.http2);
  const listener = createListener(options.tls, limits, options.http2 ?? isHttp2ByDefault);
  const server = new WebSocketServer(options, { server: listener, isOwn: true });
  server.endpoint(path, endpoint, handlers);
  await listen(listener, address);
  return server;
}

function requireOneTarget(options: ServeTarget): void {
  const { port, socketPath, server } = options;
  const listens: unknown = options.listen;
  const given = [port, socketPath, server, listens].filter((value) => value !== undefined).length;
  if (given !== 1) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `${given} of the options port, socketPath, server and listen are given, expected exactly one`,
    );
  }
  if (listens !== undefined && listens !== false) {
    throw new FullduplexError('WS_OPTION_INVALID', `option listen is ${describe(listens)}, expected false`);
  }
  if (server !== undefined && !isHttpServer(server)) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `option server is ${describe(server)}, expected a server of node:http, node:https or node:http2`,
    );
  }
}

function isHttpServer(server: unknown): boolean {
  return server instanceof Server || server instanceof SecureServer || isHttp2Server(server);
}
