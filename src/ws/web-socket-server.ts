// The server class of ws: on a port of its own, on an HTTP server of somebody else's, or handed its upgrades one by one.

import { EventEmitter } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { AddressInfo, Server as NetServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { noBytes } from '../base/bytes.ts';
import { systemClock } from '../base/clock.ts';
import { serverProbe } from '../node/diagnostics.ts';
import { EndingSockets } from '../node/ending-sockets.ts';
import { HandshakeDeadline } from '../node/handshake-deadline.ts';
import { nodeSha1 } from '../node/node-sha1.ts';
import { closeExtensions } from '../protocol/extensions/negotiation.ts';
import { type AcceptableRequest, ServerHandshake } from '../protocol/handshake/server-handshake.ts';
import { requireInteger } from '../protocol/limits.ts';
import { UpgradeLog } from '../server/upgrade-log.ts';
import { connectUpgradeOf, takeConnects } from './connect-upgrade.ts';
import { deflateOf } from './deflate-options.ts';
import type { AnyListener, EventMethods } from './event-methods.ts';
import { refuseUpgrade } from './refused-upgrade.ts';
import type { ServerOptions } from './server-options.ts';
import { accept, checkBasics, judge, type Refused } from './server-upgrade.ts';
import type { SocketHome } from './open-socket.ts';
import { settingsOf } from './socket-options.ts';
import { WebSocket } from './web-socket.ts';

/** What the listeners of a server get. */
export interface ServerEvents<Socket, Request> {
  close: [];
  connection: [websocket: Socket, request: Request];
  error: [error: Error];
  headers: [headers: string[], request: Request];
  listening: [];
  wsClientError: [error: Error, socket: Duplex, request: Request];
}

const ServerEmitter: new <Socket, Request>() => EventMethods<ServerEvents<Socket, Request>> = EventEmitter;

// A socket carries one WebSocket, whoever asks for a second one.
const taken = new WeakSet<Duplex>();

/** A WebSocket server. */
export class WebSocketServer<
  Socket extends typeof WebSocket = typeof WebSocket,
  Request extends typeof IncomingMessage = typeof IncomingMessage,
> extends ServerEmitter<InstanceType<Socket>, InstanceType<Request>> {
  /** The options with their defaults. */
  readonly options: ServerOptions<Socket, Request>;
  /** The open connections; undefined without `clientTracking`. */
  declare readonly clients: Set<InstanceType<Socket>>;
  readonly #handshake: ServerHandshake;
  #server: NetServer | undefined;
  #release: (() => void) | undefined;
  readonly #deadline: HandshakeDeadline | undefined;
  // Told of every socket that is gone.
  readonly #home: SocketHome = {
    left: (websocket) => {
      const clients: Set<WebSocket> | undefined = this.clients;
      clients?.delete(websocket);
      if (this.#closesWithClients && clients?.size === 0) process.nextTick(() => this.#closed());
    },
  };
  #state: 'running' | 'closing' | 'closed' = 'running';
  #closesWithClients = false;

  /**
   * @param callback a listener of 'listening'
   * @throws TypeError unless exactly one of `port`, `server` and `noServer` is given; FullduplexError `WS_OPTION_INVALID`
   */
  constructor(options: ServerOptions<Socket, Request> = {}, callback?: () => void) {
    super();
    requireOnePlace({ port: options.port, server: options.server, noServer: options.noServer });
    this.options = {
      allowSynchronousEvents: true,
      autoPong: true,
      clientTracking: true,
      closeTimeout: 30_000,
      maxFragments: 16 * 1024,
      maxPayload: 100 * 1024 * 1024,
      noServer: false,
      perMessageDeflate: false,
      skipUTF8Validation: false,
      ...options,
    };
    // What is wrong shows here, not at the first connection; they may be changed until then.
    settingsOf({ ...this.options }, 'server');
    const { perMessageDeflate, port, server, host, backlog, clientTracking } = this.options;
    const deflate = isGiven(perMessageDeflate) && perMessageDeflate !== false ? perMessageDeflate : undefined;
    this.#handshake = new ServerHandshake({
      extensions: deflate === undefined ? [] : [deflateOf(deflate)],
      sha1: nodeSha1,
    });
    if (clientTracking === true) this.clients = new Set();
    if (isGiven(port)) {
      const own = createServer(requireUpgrade);
      this.#deadline = watchHandshakes(own, this.options.handshakeTimeoutMs);
      this.#attach(own);
      own.listen({ port, host: host ?? undefined, backlog: backlog ?? undefined }, callback);
    } else if (isGiven(server)) this.#attach(server);
  }

  /**
   * The address that the server listens on; null when it does not.
   * @throws Error in the mode `noServer`
   */
  address(): AddressInfo | string | null {
    if (this.options.noServer === true) throw new Error('The server is operating in "noServer" mode');
    return this.#server?.address() ?? null;
  }

  /** The server below, until it is closed; programs ask it for its port. */
  get _server(): NetServer | null {
    return this.#server ?? null;
  }

  /**
   * Accepts no more connections. 'close' comes when a server of our own has ended, which waits for the connections; otherwise
   * when those in `clients` are gone.
   * @param callback a listener of 'close', or told that the server was closed before
   */
  close(callback?: (error?: Error) => void): void {
    if (this.#state === 'closed') {
      if (callback !== undefined) this.once('close', () => callback(new Error('The server is not running')));
      process.nextTick(() => this.#closed());
      return;
    }
    if (callback !== undefined) this.once('close', callback);
    if (this.#state === 'closing') return;
    this.#state = 'closing';
    const server = this.#server;
    this.#deadline?.stop();
    this.#release?.();
    this.#server = undefined;
    if (isGiven(this.options.port)) server?.close(() => this.#closed());
    else if (this.options.clientTracking === true && this.clients.size > 0) this.#closesWithClients = true;
    else process.nextTick(() => this.#closed());
  }

  /** Whether a request is for this server: by its path, unless a subclass knows better. */
  shouldHandle(request: InstanceType<Request>): boolean | Promise<boolean> {
    const { path } = this.options;
    if (!isGiven(path) || path === '') return true;
    const [pathname] = (request.url ?? '').split('?', 1);
    return pathname === path;
  }

  /**
   * Takes over an upgrade: the arguments of an 'upgrade' event of `http.Server`. On a server of node:http2 it is called for an
   * extended CONNECT too, with its stream for a socket.
   * @param callback gets the WebSocket, in place of the event 'connection'
   * @throws Error for a socket that was taken over before
   */
  handleUpgrade(
    request: InstanceType<Request>,
    socket: Duplex,
    head: Uint8Array,
    callback: (websocket: InstanceType<Socket>, request: InstanceType<Request>) => void,
  ): void {
    const destroy = (): void => void socket.destroy();
    this.#deadline?.take(socket);
    socket.on('error', destroy);
    const connect = connectUpgradeOf(socket);
    const problem = connect === undefined ? checkBasics(request) : undefined;
    if (problem !== undefined) {
      this.#refuse(problem, socket, request);
      return;
    }
    // Overridden in programs that know no types.
    const isForUs: unknown = this.shouldHandle(request);
    if (!isForUs) {
      refuseUpgrade(socket, 400);
      return;
    }
    const judged = judge(this.#handshake, request, connect?.head);
    if (judged.kind === 'refused') {
      this.#refuse(judged, socket, request);
      return;
    }
    this.#verify(request, socket, () => this.#complete(judged, request, socket, head, destroy, callback));
  }

  #attach(server: NetServer): void {
    this.#server = server;
    const listeners: Record<string, AnyListener> = {
      listening: () => this.emit('listening'),
      error: (error: Error) => this.emit('error', error),
      upgrade: (request: InstanceType<Request>, socket: Duplex, head: Uint8Array) => {
        this.handleUpgrade(request, socket, head, (websocket) => this.emit('connection', websocket, request));
      },
    };
    for (const [name, listener] of Object.entries(listeners)) server.on(name, listener);
    const releaseConnects = takeConnects(server, listeners.upgrade);
    this.#release = () => {
      releaseConnects();
      for (const [name, listener] of Object.entries(listeners)) server.removeListener(name, listener);
    };
  }

  #verify(request: InstanceType<Request>, socket: Duplex, accepted: () => void): void {
    const { verifyClient } = this.options;
    if (!isGiven(verifyClient)) {
      accepted();
      return;
    }
    const { headers } = request;
    const info = {
      origin: headers.origin,
      secure: 'encrypted' in request.socket && request.socket.encrypted === true,
      req: request,
    };
    // As in ws: who takes two arguments answers by the second one.
    if (verifyClient.length === 2) {
      Reflect.apply(verifyClient, this.options, [
        info,
        (isVerified: boolean, code?: number, message?: string, extra?: OutgoingHttpHeaders) => {
          if (isVerified) accepted();
          else refuseUpgrade(socket, code ?? 401, message, extra);
        },
      ]);
      return;
    }
    if (Reflect.apply(verifyClient, this.options, [info])) accepted();
    else refuseUpgrade(socket, 401);
  }

  #complete(
    judged: AcceptableRequest,
    request: InstanceType<Request>,
    stream: Duplex,
    head: Uint8Array,
    destroy: () => void,
    callback: (websocket: InstanceType<Socket>, request: InstanceType<Request>) => void,
  ): void {
    // The client has left, or the application has answered.
    if (!stream.readable || !stream.writable) {
      stream.destroy();
      return;
    }
    if (taken.has(stream)) {
      throw new Error(
        'server.handleUpgrade() was called more than once with the same socket, possibly due to a misconfiguration',
      );
    }
    if (this.#state !== 'running') {
      refuseUpgrade(stream, 503);
      return;
    }
    taken.add(stream);
    const websocket: InstanceType<Socket> = Reflect.construct(this.options.WebSocket ?? WebSocket, [
      null,
      undefined,
      this.options,
    ]);
    const { acceptance, lines, agreed } = accept(judged, this.#chooseProtocol(judged.protocols, request));
    this.emit('headers', lines, request);
    const connect = connectUpgradeOf(stream);
    if (connect === undefined) stream.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
    else if (!connect.accept(acceptance, lines, head)) {
      closeExtensions(acceptance.extensions);
      return;
    }
    stream.removeListener('error', destroy);
    const isTracked = this.options.clientTracking === true;
    WebSocket.accept(
      websocket,
      stream,
      connect === undefined ? head : noBytes,
      agreed,
      this.options,
      this.#home,
    );
    if (isTracked) this.clients.add(websocket);
    callback(websocket, request);
  }

  #chooseProtocol(offered: readonly string[], request: InstanceType<Request>): string | false | undefined {
    if (offered.length === 0) return undefined;
    const { options } = this;
    return isGiven(options.handleProtocols) ? options.handleProtocols(new Set(offered), request) : offered[0];
  }

  #refuse({ status, message, headers }: Refused, socket: Duplex, request: InstanceType<Request>): void {
    // Listeners answer with lines of HTTP/1.1.
    if (this.listenerCount('wsClientError') > 0 && connectUpgradeOf(socket) === undefined)
      this.emit('wsClientError', new Error(message), socket, request);
    else refuseUpgrade(socket, status, message, headers);
  }

  #closed(): void {
    this.#state = 'closed';
    this.emit('close');
  }
}

// A port of its own is for handshakes only: who takes long for one is cut, as on all servers of ours.
function watchHandshakes(server: NetServer, handshakeTimeoutMs = 10_000): HandshakeDeadline {
  requireInteger('handshakeTimeoutMs', handshakeTimeoutMs, 1, 0x7fff_ffff);
  const upgrades = new UpgradeLog(() => systemClock.now(), serverProbe);
  const ending = new EndingSockets(systemClock, upgrades);
  return new HandshakeDeadline(server, { clock: systemClock, handshakeTimeoutMs, ending, isOwn: true });
}

// Absent options are often null in programs for ws.
function isGiven<T>(value: T): value is NonNullable<T> {
  return value !== undefined && value !== null;
}

function requireOnePlace({ port, server, noServer }: Record<'port' | 'server' | 'noServer', unknown>): void {
  const places = [isGiven(port), isGiven(server), noServer === true].filter(Boolean);
  if (places.length === 1) return;
  throw new TypeError('One and only one of the "port", "server", or "noServer" options must be specified');
}

function requireUpgrade(_request: IncomingMessage, response: ServerResponse): void {
  const body = STATUS_CODES[426] ?? '';
  response.writeHead(426, { 'Content-Length': body.length, 'Content-Type': 'text/plain' });
  response.end(body);
}
