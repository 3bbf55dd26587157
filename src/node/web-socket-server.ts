// The server on Node: endpoints on an HTTP server of ours, on somebody else's, or on none (upgrades handed over by
// hand), with topics, a memory budget and an orderly end that they share.

import { type IncomingMessage, Server } from 'node:http';
import { Server as SecureServer } from 'node:https';
import type { Server as NetServer, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Server as TlsServer } from 'node:tls';
import { systemClock, type Clock } from '../base/clock.ts';
import { FullduplexError } from '../base/errors.ts';
import { onRejection } from '../base/rejections.ts';
import type { SendData, SendOptions } from '../connection/connection-handlers.ts';
import { type HandshakeRefusal, refuse } from '../protocol/handshake/handshake-refusal.ts';
import type { RequestHead } from '../protocol/handshake/http-head.ts';
import { MemoryBudget } from '../protocol/memory-budget.ts';
import { Admission } from '../server/admission.ts';
import { type DrainOptions, drain, requireDrainOptions } from '../server/drain.ts';
import { Endpoint } from '../server/endpoint.ts';
import { EndpointTable } from '../server/endpoint-table.ts';
import { notListening } from '../server/listen-address.ts';
import { pathOf } from '../server/path-pattern.ts';
import { refuseUnknownPath } from '../server/refusals.ts';
import {
  type DrainReport,
  requireRollingDrain,
  type ResolvedRollingDrain,
  RollingDrain,
  type RollingDrainOptions,
} from '../server/rolling-drain.ts';
import type { ServerConnection } from '../server/server-connection.ts';
import {
  type EndpointOptions,
  requireFunctions,
  resolveServerLimits,
  type ServerHandlers,
  type ServerLimits,
  type ServerOptions,
} from '../server/server-options.ts';
import { type ServerSnapshot, type ServerState, ServerStatistics } from '../server/server-statistics.ts';
import { Topics } from '../server/topics.ts';
import { bufferMemory } from './buffer-memory.ts';
import { UpgradeLog } from '../server/upgrade-log.ts';
import { HandshakeDeadline } from './handshake-deadline.ts';
import { sharedDeflateCodec } from './deflate-codec.ts';
import { serverProbe } from './diagnostics.ts';
import { EndingSockets, ignoreError } from './ending-sockets.ts';
import { isHttp2Server } from './http2/connect-streams.ts';
import { SessionGuard } from './http2/session-guard.ts';
import { urlOfServer } from './listener.ts';
import { requestHeadOf } from './node-request.ts';
import { nodeScheduler } from './node-scheduler.ts';
import { nodeSha1 } from './node-sha1.ts';
import { nodeTextCodec } from './node-text-codec.ts';
import {
  handleUpgrade,
  type PendingUpgrade,
  refuseUpgrade,
  type UpgradeArrival,
  type UpgradeEnvironment,
} from './upgrade-handler.ts';
import { UpgradeListener } from './upgrade-listener.ts';
import { type Route, UpgradeRouter } from './upgrade-router.ts';
import { compressionMemory } from './zlib/compression-memory.ts';

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
  readonly #admission: Admission;
  // Whether handshakes are counted when a connection is accepted: the address is known, and all that comes is for us.
  readonly #countsAtAccept: boolean;
  readonly #topics = new Topics(nodeTextCodec);
  readonly #connections = new Set<ServerConnection<unknown>>();
  readonly #endpoints = new EndpointTable<Endpoint>();
  readonly #routes: Route[] = [];
  readonly #environment: UpgradeEnvironment;
  readonly #deadline: HandshakeDeadline | undefined;
  readonly #sessions: SessionGuard | undefined;
  readonly #upgrades: UpgradeLog;
  readonly #statistics: ServerStatistics;
  #isClosing = false;
  #closing: Promise<void> | undefined;
  #isClosed = false;
  #rolling: RollingDrain | undefined;
  #drained: Promise<DrainReport> | undefined;
  // What Retry-After says to those who connect during a drain.
  #retryAfterSeconds: number | undefined;

  /** @throws FullduplexError `WS_OPTION_INVALID` */
  constructor(options: ServerOptions, host?: ServerHost) {
    requireFunctions(options, ['onError']);
    this.#limits = resolveServerLimits(options);
    this.#clock = options.clock ?? systemClock;
    this.#admission = new Admission(options, this.#clock);
    this.#onError = (error, connection) => {
      if (options.onError !== undefined) return options.onError(error, connection);
      console.error(error);
      return undefined;
    };
    this.#upgrades = new UpgradeLog(
      () => this.#clock.now(),
      serverProbe,
      (head, peerAddress) => this.#clientAddress(head, peerAddress),
    );
    this.#statistics = new ServerStatistics(this.#clock);
    this.#environment = {
      clock: this.#clock,
      handshakeTimeoutMs: this.#limits.handshakeTimeoutMs,
      maxHeaderCount: this.#limits.maxHeaderCount,
      ending: new EndingSockets(this.#clock, this.#upgrades),
      budget: new MemoryBudget(this.#limits.maxRetainedBytesTotal),
      pending: new Set<PendingUpgrade>(),
      onError: (error) => this.#report(error, undefined),
    };
    const { server, isOwn = false } = host ?? {};
    this.#server = server;
    this.#isOwn = isOwn;
    this.#countsAtAccept = isOwn && this.#admission.trustedProxies === undefined;
    const admit = this.#countsAtAccept ? (address?: string) => this.#admit(address) : undefined;
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
        admit,
        arrived: (arrival) => this.#found(arrival),
      });
    }
    if (admit !== undefined && this.#listener === undefined) {
      // Nobody is told why: that would take the handshake of TLS, which is what costs most.
      server?.on('connection', (socket: Socket) => {
        const { remoteAddress } = socket;
        const refusal = admit(remoteAddress);
        if (refusal === undefined) return;
        ending.upgrades.refused(refusal.status, refusal.error.code, { remoteAddress });
        socket.destroy();
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
      admission: this.#admission,
      memory: bufferMemory,
      probe: serverProbe,
      opened: (connection) => {
        this.#connections.add(connection);
        this.#admission.opened(connection.remoteAddress);
        this.#statistics.opened();
        serverProbe.opened(connection);
      },
      closed: (connection, code) => {
        this.#connections.delete(connection);
        this.#admission.closed(connection.remoteAddress);
        this.#statistics.closed(connection, code);
      },
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
   * goes on without us. A second call waits for the same end; one during `drain()` ends the patience of that.
   * @throws FullduplexError `WS_ARGUMENT_INVALID` for a code or reason that may not be sent
   */
  async close(options: DrainOptions = {}): Promise<void> {
    const complete = requireDrainOptions(options);
    if (!this.#isClosing) {
      this.#isClosing = true;
      // Set before anything happens, because a handler that is told of its close may call close() again.
      this.#closing = Promise.resolve().then(() => this.#end(complete));
    }
    this.#rolling?.hurry(complete.timeoutMs);
    await this.#closing;
  }

  /**
   * Ends the server gently, for a rolling restart: no connection is accepted any more (handshakes get 503 with Retry-After),
   * and the connections are closed one after the other over `overMs`, each behind what was sent to it. Then the server is
   * closed. A second call waits for the same end; `close()` meanwhile ends the patience.
   * @returns what became of the connections
   * @throws FullduplexError `WS_OPTION_INVALID`, `WS_ARGUMENT_INVALID` for a code or reason that may not be sent
   */
  async drain(options: RollingDrainOptions = {}): Promise<DrainReport> {
    const complete = requireRollingDrain(options);
    // Begun a moment later: a handler that is told of its close may call drain() again.
    this.#drained ??= Promise.resolve().then(() => this.#drain(complete));
    return this.#drained;
  }

  /** Gives the server and all its connections as plain values at this moment. Looks at every connection once. */
  snapshot(): ServerSnapshot {
    const { usedBytes, maxBytes } = compressionMemory;
    return this.#statistics.snapshot({
      state: this.#state,
      connections: this.#connections,
      upgrades: this.#upgrades,
      pendingUpgrades: this.#environment.pending.size,
      topics: this.#topics,
      budget: this.#environment.budget,
      buffers: bufferMemory,
      compression: { bytes: usedBytes, maxBytes },
    });
  }

  /** What JSON.stringify writes: `snapshot()`. */
  toJSON(): ServerSnapshot {
    return this.snapshot();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(options: Required<DrainOptions>): Promise<void> {
    const server = this.#server;
    const isOwn = this.#isOwn;
    const { ending } = this.#environment;
    const stopped = server !== undefined && isOwn ? stopListening(server) : Promise.resolve();
    this.#refusePending();
    this.#listener?.refuseAll(this.#refusal());
    if (isOwn) this.#deadline?.refuseAll(this.#refusal());
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
    this.#isClosed = true;
  }

  async #drain(options: ResolvedRollingDrain): Promise<DrainReport> {
    const refusedBefore = this.#upgrades.refusedCount;
    const rolling = new RollingDrain(this.#connections, options, this.#clock);
    const ended = rolling.run();
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#rolling = rolling;
      this.#retryAfterSeconds = options.retryAfterSeconds;
      if (options.stopListening && this.#isOwn) this.#server?.close();
      this.#refusePending();
      const { code, reason, timeoutMs } = options;
      this.#closing = ended.then(() => {
        this.#rolling = undefined;
        return this.#end({ code, reason, timeoutMs });
      });
    }
    const report = await ended;
    await this.#closing;
    return { ...report, refused: this.#upgrades.refusedCount - refusedBefore };
  }

  get #state(): ServerState {
    if (this.#isClosed) return 'closed';
    if (this.#rolling !== undefined) return 'draining';
    return this.#isClosing ? 'closing' : 'open';
  }

  #refusePending(): void {
    for (const upgrade of this.#environment.pending)
      upgrade.refuse(closingMessage, 'WS_HANDSHAKE_REFUSED', this.#retryAfterSeconds);
  }

  #refusal(): HandshakeRefusal {
    const refusal = refuse(503, closingMessage, 'WS_HANDSHAKE_REFUSED');
    if (this.#retryAfterSeconds !== undefined)
      refusal.headers.append('Retry-After', String(this.#retryAfterSeconds));
    return refusal;
  }

  #arrived(arrival: UpgradeArrival, endpoint: Endpoint, params: Readonly<Record<string, string>>): void {
    const remainingMs = this.#deadline?.take(arrival.socket) ?? arrival.remainingMs;
    if (this.#isClosing) {
      refuseUpgrade(arrival, this.#refusal(), this.#environment.ending);
      return;
    }
    // A connection of HTTP/2 brings many: each is counted when it comes.
    const isCounted = this.#countsAtAccept && arrival.request.extendedConnect === undefined;
    handleUpgrade(arrival, endpoint, params, this.#environment, { isCounted, remainingMs });
  }

  #admit(address: string | undefined): HandshakeRefusal | undefined {
    return this.#admission.count(address) ?? this.#admission.refuseWhenFull(address);
  }

  #clientAddress(head: RequestHead, remoteAddress: string | undefined): string | undefined {
    const { trustedProxies } = this.#admission;
    if (trustedProxies === undefined) return remoteAddress;
    const isUnixSocket = typeof this.#server?.address() === 'string';
    const request = { head, remoteAddress, isUnixSocket, isSecure: false, isOnLoopback: false };
    return trustedProxies.resolve({ ...request, signal: neverAborted }).remoteAddress;
  }

  #report(error: unknown, connection: ServerConnection<unknown> | undefined): void {
    // What a connection has to report its own probe has heard.
    if (connection === undefined) serverProbe.failed(error, undefined);
    try {
      onRejection(this.#onError(error, connection), (reportError) => console.error(reportError));
    } catch (reportError) {
      // An error option that throws itself must not harm the server; the console is the last resort.
      console.error(reportError);
    }
  }
}

const closingMessage = 'the server is closing';
const neverAborted = new AbortController().signal;

function stopListening(server: NetServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
