// A hub that is being served: which of the requests that arrive on an HTTP server are for it, and the orderly end. Upgrades
// find their way by themselves (upgrade-router.ts); here are the requests that bring fallbacks and publications.

import type { Server as HttpServer } from 'node:http';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import type { Server as SecureServer } from 'node:https';
import { type Clock, systemClock } from '../../base/clock.ts';
import { Deferred } from '../../base/deferred.ts';
import type { FallbackEndpoint, RequestSender } from '../../realtime/server/fallback/fallback-endpoint.ts';
import { refuseRequest, responseHeaders } from '../../realtime/server/fallback/refused-request.ts';
import {
  type PublishEndpoint,
  publishOperations,
} from '../../realtime/server/publishing/publish-endpoint.ts';
import { type DrainOptions, requireDrainOptions } from '../../server/drain.ts';
import { pathOf } from '../../server/path-pattern.ts';
import { placeOfServer } from '../node-request.ts';
import type { SessionGuard } from '../http2/session-guard.ts';
import type { WebSocketServer } from '../web-socket-server.ts';
import { fetchRequestOf, type NodeRequest } from './fetch-request.ts';
import { type NodeResponse, sendFetchResponse } from './fetch-response.ts';
import { type RequestHandler, takeRequests } from './request-router.ts';

/** An HTTP server of Node, of whatever version. */
export type AnyHttpServer = HttpServer | SecureServer | Http2SecureServer | Http2Server;

/** What a realtime server is made of. */
export interface RealtimeServerParts {
  readonly server: AnyHttpServer;
  /** Whether we started it: then every request is for us. */
  readonly isOwn: boolean;
  readonly path: string;
  readonly webSockets: WebSocketServer;
  /** Undefined: there are none. */
  readonly fallback: FallbackEndpoint | undefined;
  /** Undefined: nobody publishes over HTTP. */
  readonly publishing: PublishEndpoint | undefined;
  /** Bounds the sessions of HTTP/2 on a server of ours. */
  readonly sessions: SessionGuard | undefined;
  readonly onError: (error: unknown) => unknown;
  readonly clock: Clock | undefined;
}

type Answer = (request: Request, sender: RequestSender) => Promise<Response>;

/** A hub that is being served; `serveRealtime` makes it. */
export class RealtimeServer implements AsyncDisposable {
  /** The HTTP server that it listens with. */
  readonly server: AnyHttpServer;
  /** The WebSocket connections, with their counts. */
  readonly webSockets: WebSocketServer;
  readonly #parts: RealtimeServerParts;
  readonly #answers = new Map<string, Answer>();
  readonly #active = new Set<Promise<void>>();
  readonly #stopTaking: () => void;
  #closing: Promise<void> | undefined;

  constructor(parts: RealtimeServerParts) {
    this.#parts = parts;
    this.server = parts.server;
    this.webSockets = parts.webSockets;
    const { path, fallback, publishing } = parts;
    if (fallback !== undefined)
      this.#answers.set(path, (request, sender) => fallback.handle(request, sender));
    if (publishing !== undefined) {
      for (const operation of publishOperations)
        this.#answers.set(`${path === '/' ? '' : path}/${operation}`, (request) =>
          publishing.handle(operation, request),
        );
    }
    this.#stopTaking = takeRequests(parts.server, (request) => this.#take(request));
  }

  /**
   * Where clients connect: `ws://localhost:8080/realtime`.
   * @throws FullduplexError `WS_STATE_INVALID` when the server does not listen
   */
  get url(): string {
    const { url } = this.webSockets;
    return `${url}${url.startsWith('ws+unix:') || url.startsWith('wss+unix:') ? ':' : ''}${this.#parts.path}`;
  }

  /**
   * The port that the server listens on.
   * @throws FullduplexError `WS_STATE_INVALID` when the server does not listen on a port
   */
  get port(): number {
    return this.webSockets.port;
  }

  /** How many streams and polls are open. */
  get fallbackLinks(): number {
    return this.#parts.fallback?.linkCount ?? 0;
  }

  /**
   * Ends the server: what connects from here on is answered with 503, every link is ended, and what is still there after
   * `timeoutMs` is cut. The hub goes on, and so does an HTTP server of somebody else's. To have clients come back one after the
   * other, drain the hub before.
   * @throws FullduplexError `WS_ARGUMENT_INVALID` for a code or reason that may not be sent
   */
  async close(options: DrainOptions = {}): Promise<void> {
    const complete = requireDrainOptions(options);
    this.#closing ??= this.#end(complete);
    await this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(options: Required<DrainOptions>): Promise<void> {
    const { server, isOwn, fallback, sessions, clock = systemClock } = this.#parts;
    const stopped = isOwn
      ? new Promise<void>((resolve) => {
          server.close(() => resolve());
        })
      : Promise.resolve();
    sessions?.closeAll();
    fallback?.closeAll();
    const timeIsUp = new Deferred<void>();
    const deadline = clock.setTimer(() => {
      fallback?.cutAll();
      sessions?.cutAll();
      if (isOwn && 'closeAllConnections' in server) server.closeAllConnections();
      timeIsUp.resolve();
    }, options.timeoutMs);
    // A handler that never answers is not waited for.
    const answered = Promise.race([Promise.all(this.#active), timeIsUp.promise]);
    await Promise.all([this.webSockets.close(options), answered]);
    this.#stopTaking();
    // Connections that wait for another request.
    if (isOwn && 'closeIdleConnections' in server) server.closeIdleConnections();
    await stopped;
    deadline.cancel();
  }

  // Undefined: the request is for somebody else on the same server.
  #take({ url = '/' }: NodeRequest): RequestHandler | undefined {
    const answer = this.#answers.get(pathOf(url));
    if (answer === undefined && !this.#parts.isOwn) return undefined;
    return (request, response) => {
      const active = this.#serve(request, response, answer ?? answerUnknownPath);
      this.#active.add(active);
      void active.finally(() => this.#active.delete(active));
    };
  }

  async #serve(request: NodeRequest, response: NodeResponse, answer: Answer): Promise<void> {
    const abort = new AbortController();
    response.once('close', () => {
      if (!response.writableEnded) abort.abort();
    });
    try {
      const place = placeOfServer(this.#parts.server);
      const sender: RequestSender = {
        remoteAddress: request.socket.remoteAddress,
        isOnLoopback: place === 'loopback',
        isUnixSocket: place === 'unix',
        signal: abort.signal,
      };
      const answered =
        this.#closing === undefined
          ? await answerOf(request, sender, answer)
          : refuseRequest(503, 'UNAVAILABLE', 'the server is closing', { 'Retry-After': '1' }).toResponse();
      if (this.#closing !== undefined && request.httpVersionMajor < 2)
        response.setHeader('Connection', 'close');
      await sendFetchResponse(request, response, answered);
    } catch (failure) {
      this.#parts.onError(failure);
      response.destroy();
    }
  }
}

async function answerOf(message: NodeRequest, sender: RequestSender, answer: Answer): Promise<Response> {
  let request: Request;
  try {
    request = fetchRequestOf(message);
  } catch {
    // A Host that is none, or a method that browsers do not know.
    return refuseRequest(
      400,
      'BAD_FRAME',
      'a request without a URL, or with a method of its own',
    ).toResponse();
  }
  return answer(request, sender);
}

// Not an error of the realtime layer: a client that asks for fallbacks where there are none goes on to try.
async function answerUnknownPath(): Promise<Response> {
  const headers = { ...responseHeaders, 'Content-Type': 'text/plain; charset=utf-8' };
  return new Response('There is nothing here.\n', { status: 404, headers });
}
