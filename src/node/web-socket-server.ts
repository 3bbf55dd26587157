// The server on Node: endpoints on an HTTP server of ours, on somebody else's, or on none (upgrades handed over by
// hand), with topics, a memory budget and an orderly end that they share.

import { type IncomingMessage, Server } from 'node:http';
import { Server as SecureServer } from 'node:https';
import type { Server as NetServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { Server as TlsServer } from 'node:tls';
import { systemClock, type Clock } from '../base/clock.ts';
import { FullduplexError } from '../base/errors.ts';
import { onRejection } from '../base/rejections.ts';
import type { SendData, SendOptions } from '../connection/connection-handlers.ts';
import { type HandshakeRefusal, refuse } from '../protocol/handshake/handshake-refusal.ts';
import { MemoryBudget } from '../protocol/memory-budget.ts';
import { type DrainOptions, drain, requireDrainOptions } from '../server/drain.ts';
import { Endpoint } from '../server/endpoint.ts';
import { EndpointTable } from '../server/endpoint-table.ts';
import { pathOf } from '../server/path-pattern.ts';
import type { ServerConnection } from '../server/server-connection.ts';
import {
  type EndpointOptions,
  requireFunctions,
  resolveServerLimits,
  type ServerHandlers,
  type ServerLimits,
  type ServerOptions,
} from '../server/server-options.ts';
import { Topics } from '../server/topics.ts';
import { HandshakeDeadline } from './handshake-deadline.ts';
import { sharedDeflateCodec } from './deflate-codec.ts';
import { EndingSockets, ignoreError } from './ending-sockets.ts';
import { isHttp2Server } from './http2/connect-streams.ts';
import { SessionGuard } from './http2/session-guard.ts';
import { notListening, urlOfServer } from './listener.ts';
import { requestHeadOf } from './node-request.ts';
import { nodeScheduler } from './node-scheduler.ts';
import { nodeSha1 } from './node-sha1.ts';
import { nodeTextCodec } from './node-text-codec.ts';
import {
  handleUpgrade,
  type PendingUpgrade,
  refuseUnknownPath,
  refuseUpgrade,
  type UpgradeArrival,
  type UpgradeEnvironment,
} from './upgrade-handler.ts';
import { UpgradeListener } from './upgrade-listener.ts';
import { type Route, UpgradeRouter } from './upgrade-router.ts';

/** What a server stands on. */
export interface ServerHost {
  /** A server of node:http, node:https or node:http2, or a plain one, whose requests we read ourselves. */
  readonly server: NetServer;
  /** Whether we started it. */
  readonly isOwn: boolean;
}

/** A WebSocket server; `serve` makes it. */
export class WebSocketServer implements AsyncDisposable {
  // What listens, if anything does, and whether it is ours; either a router or a listener finds the requests.
  readonly #server: NetServer | undefined;
  readonly #isOwn: boolean;
  readonly #router: UpgradeRouter | undefined;
  readonly #listener: UpgradeListener | undefined;
  readonly #onError: NonNullable<ServerOptions['onError']>;
  readonly #clock: Clock;
  readonly #limits: ServerLimits;
  readonly #topics = new Topics(nodeTextCodec);
  readonly #connections = new Set<ServerConnection<unknown>>();
  readonly #endpoints = new EndpointTable<Endpoint>();
  readonly #routes: Route[] = [];
  readonly #environment: UpgradeEnvironment;
  readonly #deadline: HandshakeDeadline | undefined;
  readonly #sessions: SessionGuard | undefined;
  #isClosing = false;
  #closing: Promise<void> | undefined;

  /** @throws FullduplexError `WS_OPTION_INVALID` */
  constructor(options: ServerOptions, host?: ServerHost) {
    requireFunctions(options, ['onError']);
    this.#limits = resolveServerLimits(options);
    this.#clock = options.clock ?? systemClock;
    this.#onError = (error, connection) => {
      if (options.onError !== undefined) return options.onError(error, connection);
      console.error(error);
      return undefined;
    };
    this.#environment = {
      clock: this.#clock,
      handshakeTimeoutMs: this.#limits.handshakeTimeoutMs,
      maxHeaderCount: this.#limits.maxHeaderCount,
      ending: new EndingSockets(this.#clock),
      budget: new MemoryBudget(this.#limits.maxRetainedBytesTotal),
      pending: new Set<PendingUpgrade>(),
      onError: (error) => this.#report(error, undefined),
    };
    const { server, isOwn = false } = host ?? {};
    this.#server = server;
    this.#isOwn = isOwn;
    const { ending } = this.#environment;
    if (server instanceof Server || server instanceof SecureServer || isHttp2Server(server)) {
      this.#router = UpgradeRouter.of(server);
      // Without TLS, node:http2 takes nothing but HTTP/2.
      if (!isHttp2Server(server) || server instanceof TlsServer) {
        this.#deadline = new HandshakeDeadline(server, {
          clock: this.#clock,
          handshakeTimeoutMs: this.#limits.handshakeTimeoutMs,
          ending,
          isOwn,
        });
      }
      if (isOwn && isHttp2Server(server) && server instanceof TlsServer) {
        this.#sessions = new SessionGuard(server, {
          clock: this.#clock,
          idleTimeoutMs: this.#limits.handshakeTimeoutMs,
          maxStreamsPerSession: this.#limits.maxStreamsPerSession,
        });
      }
    } else if (server !== undefined) {
      this.#listener = new UpgradeListener(server, {
        clock: this.#clock,
        limits: this.#limits,
        ending,
        arrived: (arrival) => this.#found(arrival),
      });
    }
    // Until it listens, serve() tells of its errors; afterwards, an accept that fails must not end the process.
    if (server !== undefined && isOwn) {
      server.on('error', (error) => {
        if (server.listening) this.#report(error, undefined);
      });
    }
  }

  /**
   * Where clients connect, without a path: `ws://127.0.0.1:8080`, `wss://[::1]:8443`, `ws+unix:/run/chat.sock`.
   * @throws FullduplexError `WS_STATE_INVALID` when the server does not listen
   */
  get url(): string {
    if (this.#server === undefined) throw notListening();
    return urlOfServer(this.#server);
  }

  /**
   * The address that the server listens on, or the path of its unix socket.
   * @throws FullduplexError `WS_STATE_INVALID` when the server does not listen
   */
  get address(): string {
    const address = this.#server?.address() ?? null;
    if (address === null) throw notListening();
    return typeof address === 'string' ? address : address.address;
  }

  /**
   * The port that the server listens on.
   * @throws FullduplexError `WS_STATE_INVALID` when the server does not listen on a port
   */
  get port(): number {
    const address = this.#server?.address() ?? null;
    if (address === null || typeof address === 'string') throw notListening();
    return address.port;
  }

  /** The connections that are open or closing. */
  get connections(): ReadonlySet<ServerConnection<unknown>> {
    return this.#connections;
  }

  /**
   * Adds an endpoint: connections to its path go there. Of several patterns that match the most specific one counts.
   * @throws FullduplexError `WS_OPTION_INVALID`, `WS_STATE_INVALID` when the server is closed
   */
  endpoint<Data = undefined, const Path extends string = string>(
    path: Path,
    options: EndpointOptions<Data, Path>,
    handlers: ServerHandlers<NoInfer<Data>> = {},
  ): Endpoint {
    if (this.#isClosing) throw new FullduplexError('WS_STATE_INVALID', 'the server is closed');
    const endpoint = new Endpoint(path, options, handlers, {
      sha1: nodeSha1,
      deflateCodec: sharedDeflateCodec,
      scheduler: nodeScheduler,
      clock: this.#clock,
      topics: this.#topics,
      onError: (error, connection) => this.#report(error, connection),
      opened: (connection) => this.#connections.add(connection),
      closed: (connection) => this.#connections.delete(connection),
    });
    if (this.#router === undefined) {
      this.#endpoints.add(endpoint);
      return endpoint;
    }
    const route: Route = {
      pattern: endpoint.pattern,
      ending: this.#environment.ending,
      arrived: (arrival, params) => this.#arrived(arrival, endpoint, params),
    };
    this.#endpoints.add(endpoint);
    try {
      this.#router.add(route);
    } catch (error) {
      this.#endpoints.remove(endpoint);
      throw error;
    }
    this.#routes.push(route);
    return endpoint;
  }

  /**
   * Takes over an upgrade by hand: the arguments of Node's 'upgrade' event. A path that no endpoint has is answered
   * with 404.
   */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    socket.on('error', ignoreError);
    this.#found({ request: requestHeadOf(request), socket, head });
  }

  // Without a router that has found it already.
  #found(arrival: UpgradeArrival): void {
    const match = this.#endpoints.find(pathOf(arrival.request.target));
    if (match === undefined) refuseUpgrade(arrival, refuseUnknownPath(), this.#environment.ending);
    else this.#arrived(arrival, match.entry, match.params);
  }

  /**
   * Sends a message to all subscribers of a topic; it is encoded once.
   * @returns how many get it
   * @throws FullduplexError `WS_ARGUMENT_INVALID`
   */
  publish(topic: string, data: SendData, options?: SendOptions): number {
    return this.#topics.publish(topic, data, options);
  }

  /**
   * Ends the server: no connection is accepted any more, handshakes under way are answered with 503, every connection
   * gets a close frame, and those that are still there after `timeoutMs` are cut. An HTTP server of somebody else's
   * goes on without us. A second call waits for the same end.
   * @throws FullduplexError `WS_ARGUMENT_INVALID` for a code or reason that may not be sent
   */
  async close(options: DrainOptions = {}): Promise<void> {
    const complete = requireDrainOptions(options);
    if (!this.#isClosing) {
      this.#isClosing = true;
      // Set before anything happens, because a handler that is told of its close may call close() again.
      this.#closing = Promise.resolve().then(() => this.#end(complete));
    }
    await this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(options: Required<DrainOptions>): Promise<void> {
    const server = this.#server;
    const isOwn = this.#isOwn;
    const { pending, ending } = this.#environment;
    const stopped = server !== undefined && isOwn ? stopListening(server) : Promise.resolve();
    for (const upgrade of pending) upgrade.refuse('the server is closing', 'WS_HANDSHAKE_REFUSED');
    this.#listener?.refuseAll(refuseBecauseClosing());
    if (isOwn) this.#deadline?.refuseAll(refuseBecauseClosing());
    this.#sessions?.closeAll();
    const deadline = this.#clock.setTimer(() => ending.cutAll(), options.timeoutMs);
    await Promise.all([drain(this.#connections, options, this.#clock), ending.emptied()]);
    deadline.cancel();
    this.#deadline?.stop();
    for (const route of this.#routes) this.#router?.remove(route);
    // Ordinary requests whose answer is under way.
    if (isOwn && server instanceof SecureServer) server.closeAllConnections();
    this.#sessions?.cutAll();
    await stopped;
  }

  #arrived(arrival: UpgradeArrival, endpoint: Endpoint, params: Readonly<Record<string, string>>): void {
    const remainingMs = this.#deadline?.take(arrival.socket) ?? arrival.remainingMs;
    if (this.#isClosing) {
      refuseUpgrade(arrival, refuseBecauseClosing(), this.#environment.ending);
      return;
    }
    handleUpgrade(
      { ...arrival, ...(remainingMs === undefined ? {} : { remainingMs }) },
      endpoint,
      params,
      this.#environment,
    );
  }

  #report(error: unknown, connection: ServerConnection<unknown> | undefined): void {
    try {
      onRejection(this.#onError(error, connection), (reportError) => console.error(reportError));
    } catch (reportError) {
      // An error option that throws itself must not harm the server; the console is the last resort.
      console.error(reportError);
    }
  }
}

function refuseBecauseClosing(): HandshakeRefusal {
  return refuse(503, 'the server is closing', 'WS_HANDSHAKE_REFUSED');
}

function stopListening(server: NetServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
