// serveRealtime(): one call from a hub to a server that clients reach in every way: WebSocket, the fallbacks, and publishing over
// HTTP, on a port of its own or beside whatever a server of the application's serves.

import type { Server } from 'node:http';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import type { Server as SecureServer } from 'node:https';
import type { TlsOptions } from 'node:tls';
import { systemClock } from '../../base/clock.ts';
import { describe, FullduplexError } from '../../base/errors.ts';
import type { LinkAcceptor } from '../../realtime/server/link-acceptor.ts';
import type { FallbackLimits } from '../../realtime/server/fallback/fallback-options.ts';
import type { RequestAdmissionOptions } from '../../realtime/server/fallback/request-admission.ts';
import { FallbackEndpoint } from '../../realtime/server/fallback/fallback-endpoint.ts';
import type { PublishTarget } from '../../realtime/server/publish-target.ts';
import { PublishEndpoint } from '../../realtime/server/publishing/publish-endpoint.ts';
import type { PublishKeys } from '../../realtime/server/publishing/publish-keys.ts';
import { requireListenAddress } from '../../server/listen-address.ts';
import {
  type EndpointOptions,
  resolveServerLimits,
  type ServerHandlers,
  type ServerOptions,
} from '../../server/server-options.ts';
import { listen } from '../listener.ts';
import { serve } from '../serve.ts';
import { createHttpServer } from './http-server.ts';
import { RealtimeServer } from './realtime-server.ts';

/** Where clients come from: exactly one of three. */
export type RealtimeTarget =
  | {
      /** The port to listen on; 0 takes a free one. */
      readonly port: number;
      /** The name or address to listen on. @defaultValue all addresses of the machine */
      readonly host?: string;
      /** Certificate and key: the server speaks https and wss, over HTTP/1.1 and HTTP/2. @defaultValue plain */
      readonly tls?: TlsOptions;
      readonly socketPath?: undefined;
      readonly server?: undefined;
    }
  | {
      /** The path of the unix socket to listen on. */
      readonly socketPath: string;
      readonly tls?: TlsOptions;
      readonly port?: undefined;
      readonly host?: undefined;
      readonly server?: undefined;
    }
  | {
      /**
       * A server of node:http, node:https or node:http2 to share. Requests of `path` and below it are taken before any of its
       * listeners hears of them; all others go on to these.
       */
      readonly server: Server | SecureServer | Http2SecureServer | Http2Server;
      readonly port?: undefined;
      readonly host?: undefined;
      readonly socketPath?: undefined;
      readonly tls?: undefined;
    };

/** The options of `serveRealtime`: where, and the bounds of the server. */
export type ServeRealtimeOptions = RealtimeTarget &
  ServerOptions &
  Partial<FallbackLimits> &
  RequestAdmissionOptions & {
    /** The path of WebSocket and of the fallbacks; publishing over HTTP is at `/publish` and others below it. @defaultValue '/realtime' */
    readonly path?: string;
    /** Whether clients that cannot have a WebSocket may stream or poll. @defaultValue true */
    readonly fallbacks?: boolean;
    /** The keys of those who publish over HTTP, see `makePublishKey`. @defaultValue none: nobody does */
    readonly publishKeys?: PublishKeys;
  };

/** What is served; a Hub is one. */
export interface ServedHub<Data> extends LinkAcceptor {
  /** How its WebSocket connections are accepted, and what is done with them. */
  webSocket(): { readonly options: EndpointOptions<Data>; readonly handlers: ServerHandlers<Data> };
  /** What those who have a key do. */
  readonly publishTarget: PublishTarget;
}

/**
 * Serves a hub.
 *
 * @returns the server, listening (unless it shares somebody else's)
 * @throws FullduplexError `WS_OPTION_INVALID`; `WS_PORT_IN_USE` and `WS_LISTEN_FAILED`, which leave nothing behind
 */
export async function serveRealtime<Data>(
  hub: ServedHub<Data>,
  options: ServeRealtimeOptions,
): Promise<RealtimeServer> {
  const { path = '/realtime', fallbacks = true, publishKeys } = options;
  requirePath(path);
  requireOneTarget(options);
  const limits = resolveServerLimits(options);
  const webSocket = hub.webSocket();
  const { allowedOrigins, maxMessageBytes: maxBodyBytes } = webSocket.options;
  const onError = (error: unknown): unknown => {
    if (options.onError !== undefined) return options.onError(error, undefined);
    console.error(error);
    return undefined;
  };
  // What may come in one message may come in one request.
  const shared = { ...(maxBodyBytes === undefined ? {} : { maxBodyBytes }), ...options, onError };
  const fallback = fallbacks
    ? new FallbackEndpoint(hub, { ...shared, ...(allowedOrigins === undefined ? {} : { allowedOrigins }) })
    : undefined;
  const publishing =
    publishKeys === undefined
      ? undefined
      : new PublishEndpoint(hub.publishTarget, { ...shared, publishKeys });
  const address = options.server === undefined ? requireListenAddress(options) : undefined;
  const { server, sessions } =
    options.server === undefined
      ? createHttpServer(options.tls, limits, options.clock ?? systemClock)
      : { server: options.server, sessions: undefined };
  const webSockets = await serve(
    {
      ...options,
      ...webSocket.options,
      server,
      path,
      port: undefined,
      host: undefined,
      socketPath: undefined,
      tls: undefined,
    },
    webSocket.handlers,
  );
  const realtime = new RealtimeServer({
    server,
    isOwn: address !== undefined,
    path,
    webSockets,
    fallback,
    publishing,
    sessions,
    onError,
    clock: options.clock,
  });
  if (address === undefined) return realtime;
  try {
    await listen(server, address);
  } catch (error) {
    await realtime.close();
    throw error;
  }
  server.on('error', onError);
  return realtime;
}

function requirePath(path: unknown): void {
  if (typeof path === 'string' && /^\/[^:*?#\s]*$/.test(path)) return;
  throw new FullduplexError(
    'WS_OPTION_INVALID',
    `option path is ${describe(path)}, expected a path without parameters: "/realtime"`,
  );
}

function requireOneTarget({ port, socketPath, server }: RealtimeTarget): void {
  const given = [port, socketPath, server].filter((value) => value !== undefined).length;
  if (given !== 1) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `${given} of the options port, socketPath and server are given, expected exactly one`,
    );
  }
}
