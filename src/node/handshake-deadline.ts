// How long a client may take for its opening handshake. Node's own header timeout is checked only every 30 seconds, so
// there is a timer of ours for each socket. On a server of ours it runs from the connection; on somebody else's only
// from the first byte to the end of the first request head, so that idle connections and ordinary traffic are left alone.

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { ServerResponse } from 'node:http';
import { type Server, Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type { Clock, Timer } from '../base/clock.ts';
import { type HandshakeRefusal, refuse } from '../protocol/handshake/handshake-refusal.ts';
import type { EndingSockets } from './ending-sockets.ts';
import { encodeRefusedUpgrade } from './http-response.ts';

/** How a server's handshakes are watched. */
export interface HandshakeDeadlineOptions {
  readonly clock: Clock;
  readonly handshakeTimeoutMs: number;
  /** Where sockets that are cut come to their end. */
  readonly ending: EndingSockets;
  /** Whether the server is ours, and nothing else happens on it than handshakes. */
  readonly isOwn: boolean;
}

interface Watch {
  timer: Timer;
  /** When the time began to run; undefined while nothing has arrived on a server that is not ours. */
  startedAtMs: number | undefined;
  /** The listener for the end of the socket. */
  readonly closed: () => void;
}

// A connection that has sent nothing is looked at this often in the time of one handshake.
const looksPerTimeout = 4;
const requestStart = 'http.server.request.start';

/** Cuts the slow handshakes of one server. */
export class HandshakeDeadline {
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #isOwn: boolean;
  readonly #ending: EndingSockets;
  readonly #watches = new Map<Socket, Watch>();
  /** The connections whose TLS handshake is under way, by the address of the peer. */
  readonly #tlsHandshakes = new Map<string, { readonly socket: Socket; readonly startedAtMs: number }>();

  /** @param server one of node:http or node:https, or one of node:http2 that takes HTTP/1.1 too */
  constructor(server: Server, options: HandshakeDeadlineOptions) {
    this.#server = server;
    this.#clock = options.clock;
    this.#timeoutMs = options.handshakeTimeoutMs;
    this.#isOwn = options.isOwn;
    this.#ending = options.ending;
    if (server instanceof TlsServer) {
      server.on('connection', this.#tlsBegins);
      server.on('secureConnection', this.#connected);
    } else {
      server.on('connection', this.#connected);
    }
    if (!this.#isOwn) subscribe(requestStart, this.#requestStarted);
  }

  /** Ends the watch over a socket; gives how much time is left. */
  take(socket: unknown): number {
    if (!(socket instanceof Socket)) return this.#timeoutMs;
    const watch = this.#watches.get(socket);
    if (watch === undefined) return this.#timeoutMs;
    watch.timer.cancel();
    // Nothing of the watch stays on a socket that lives on as a WebSocket.
    socket.removeListener('close', watch.closed);
    this.#watches.delete(socket);
    if (watch.startedAtMs === undefined) return this.#timeoutMs;
    return Math.max(1, this.#timeoutMs - (this.#clock.now() - watch.startedAtMs));
  }

  /** Refuses all handshakes that have begun, and cuts the connections on which nothing was said yet. */
  refuseAll(refusal: HandshakeRefusal): void {
    for (const { socket } of this.#tlsHandshakes.values()) socket.destroy();
    for (const [socket, watch] of this.#watches) {
      watch.timer.cancel();
      if (socket.bytesRead === 0) socket.destroy();
      else this.#refuse(socket, refusal);
    }
    this.#watches.clear();
  }

  /** Ends all watches and watches nothing more. */
  stop(): void {
    this.#server.removeListener('connection', this.#tlsBegins);
    this.#server.removeListener('connection', this.#connected);
    this.#server.removeListener('secureConnection', this.#connected);
    if (!this.#isOwn) unsubscribe(requestStart, this.#requestStarted);
    for (const watch of this.#watches.values()) watch.timer.cancel();
    this.#watches.clear();
  }

  // A TLSSocket does not say which socket it stands on, but both know their peer. The time of the TLS handshake itself
  // is bounded by the option handshakeTimeout of node:tls.
  readonly #tlsBegins = (socket: Socket): void => {
    const peer = peerOf(socket);
    if (!this.#isOwn || peer === undefined) return;
    this.#tlsHandshakes.set(peer, { socket, startedAtMs: this.#clock.now() });
    socket.once('close', () => this.#tlsHandshakes.delete(peer));
  };

  readonly #connected = (socket: Socket): void => {
    // Seen before: a request with a foreign Upgrade was handed back to the server.
    if (this.#watches.has(socket)) return;
    const nowMs = this.#clock.now();
    const peer = peerOf(socket) ?? '';
    const startedAtMs = this.#tlsHandshakes.get(peer)?.startedAtMs ?? nowMs;
    this.#tlsHandshakes.delete(peer);
    // HTTP/2 has many requests on one connection: see SessionGuard.
    if ('alpnProtocol' in socket && socket.alpnProtocol === 'h2') return;
    const closed = (): void => void this.take(socket);
    const watch: Watch = this.#isOwn
      ? { startedAtMs, closed, timer: this.#cutAfter(socket, startedAtMs + this.#timeoutMs - nowMs) }
      : { startedAtMs: undefined, closed, timer: this.#lookLater(socket, socket.bytesRead) };
    this.#watches.set(socket, watch);
    socket.once('close', closed);
  };

  // Reading the socket ourselves would take the bytes from Node's parser, so its counter is looked at.
  #lookLater(socket: Socket, bytesAtStart: number): Timer {
    return this.#clock.setTimer(() => {
      const watch = this.#watches.get(socket);
      if (watch === undefined) return;
      if (hasLeftHttp(socket)) {
        this.take(socket);
        return;
      }
      if (socket.bytesRead === bytesAtStart) {
        watch.timer = this.#lookLater(socket, bytesAtStart);
        return;
      }
      watch.startedAtMs = this.#clock.now();
      watch.timer = this.#cutAfter(socket, this.#timeoutMs);
    }, this.#timeoutMs / looksPerTimeout);
  }

  #cutAfter(socket: Socket, delayMs: number): Timer {
    return this.#clock.setTimer(
      () => {
        if (!this.#isOwn && hasLeftHttp(socket)) {
          this.take(socket);
          return;
        }
        this.#watches.delete(socket);
        const message = `the request was not complete within ${this.#timeoutMs} ms`;
        this.#refuse(socket, refuse(408, message, 'WS_HANDSHAKE_TIMEOUT'));
      },
      Math.max(1, delayMs),
    );
  }

  #refuse(socket: Socket, refusal: HandshakeRefusal): void {
    const hasResponse = '_httpMessage' in socket && socket._httpMessage instanceof ServerResponse;
    if (hasResponse || socket.bytesWritten > 0 || !socket.writable) {
      socket.destroy();
      return;
    }
    const { remoteAddress } = socket;
    this.#ending.upgrades.refused(refusal.status, refusal.error.code, { remoteAddress });
    this.#ending.endBeforeRequest(socket, encodeRefusedUpgrade(refusal, 'GET'));
  }

  readonly #requestStarted = (message: unknown): void => {
    if (typeof message === 'object' && message !== null && 'socket' in message) this.take(message.socket);
  };
}

// An upgrade that somebody else took (another library, another server of ours), or a CONNECT: Node tells nobody but
// their listener. Undocumented: the parser that reads the socket, null once HTTP is over.
function hasLeftHttp(socket: Socket): boolean {
  return !('parser' in socket) || socket.parser === null;
}

function peerOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remotePort === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}
