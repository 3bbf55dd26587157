// A plain server of ours: it exists for WebSockets only, so it reads the head of the one request that each connection
// brings by itself. That spares the HTTP machinery of Node, which costs more than the opening handshake, in time and in
// what it leaves behind on each socket. Any other request is told to upgrade.

import type { Server, Socket } from 'node:net';
import { copyOf } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import { SharedTimer, SharedTimers } from '../base/shared-timers.ts';
import type { HandshakeError } from '../protocol/handshake/handshake-error.ts';
import { type HandshakeRefusal, refuse, refuseWith } from '../protocol/handshake/handshake-refusal.ts';
import { listHasUpgradeProtocol } from '../protocol/handshake/header-grammar.ts';
import type { RequestHead } from '../protocol/handshake/http-head.ts';
import { RequestHeadParser } from '../protocol/handshake/http-head-parser.ts';
import { type EndingSockets, ignoreError } from './ending-sockets.ts';
import { encodeRefusedUpgrade } from './http-response.ts';
import type { ListenerLimits } from './listener.ts';
import { upgradeRequired } from './ordinary-request.ts';
import { ownSocket, type SocketOwner } from './socket-owner.ts';
import { addressOf, type UpgradeArrival } from './upgrade-handler.ts';

/** What a listener takes from its server. */
export interface UpgradeListenerOptions {
  readonly clock: Clock;
  readonly limits: ListenerLimits;
  /** Where refused sockets come to their end. */
  readonly ending: EndingSockets;
  /** Says why an address may not connect at the moment; undefined: it may, and was counted. */
  readonly admit?: ((address: string | undefined) => HandshakeRefusal | undefined) | undefined;
  /** Takes over a request for a WebSocket. */
  readonly arrived: (arrival: UpgradeArrival) => void;
}

// How many sockets may be on their way out before those that are turned away are cut without a word.
const mostToldWhy = 256;

/** Accepts connections and reads the request of each. */
export class UpgradeListener {
  readonly #options: UpgradeListenerOptions;
  readonly #timers: SharedTimers;
  readonly #readers = new Set<RequestReader>();
  // What those are told who are turned away, one after the other alike.
  #told: { readonly refusal: HandshakeRefusal; readonly bytes: Uint8Array } | undefined;

  /** @param server a plain server; what it accepts is read from here on */
  constructor(server: Server, options: UpgradeListenerOptions) {
    this.#options = options;
    this.#timers = SharedTimers.of(options.clock);
    server.on('connection', (socket: Socket) => this.#connected(socket));
  }

  /** Refuses all requests that have begun to arrive, and cuts the connections on which nothing was said yet. */
  refuseAll(refusal: HandshakeRefusal): void {
    for (const reader of this.#readers) {
      if (reader.hasBegun) this.refuse(reader, refusal);
      else this.cut(reader);
    }
  }

  /** Gives the request to who asked for it, or tells its client what is asked here. */
  complete(reader: RequestReader, request: RequestHead, head: Uint8Array): void {
    this.#forget(reader);
    const { socket } = reader;
    const upgrade = request.headers.joined('Upgrade');
    if (upgrade === undefined || !listHasUpgradeProtocol(upgrade, 'websocket')) {
      this.#options.ending.end(socket, upgradeRequired(request.method));
      return;
    }
    const { clock, limits, arrived } = this.#options;
    const remainingMs = Math.max(1, limits.handshakeTimeoutMs - (clock.now() - reader.startedAtMs));
    arrived({ request, socket, head, remainingMs });
  }

  /** Answers a request that is not going to be complete, and ends its socket. */
  refuse(reader: RequestReader, refusal: HandshakeRefusal): void {
    this.#forget(reader);
    ownSocket(reader.socket, nobody);
    this.#count(reader, refusal);
    this.#options.ending.endBeforeRequest(reader.socket, encodeRefusedUpgrade(refusal, 'GET'));
  }

  /** Answers what is no request. */
  refuseInvalid(reader: RequestReader, error: HandshakeError): void {
    this.#forget(reader);
    ownSocket(reader.socket, nobody);
    const refusal = refuseWith(error);
    this.#count(reader, refusal);
    this.#options.ending.end(reader.socket, encodeRefusedUpgrade(refusal, 'GET'));
  }

  /** Ends a socket without a word. */
  cut(reader: RequestReader): void {
    this.#forget(reader);
    reader.socket.destroy();
  }

  /** The time for a request is over. */
  timeUp(reader: RequestReader): void {
    const message = `the request was not complete within ${this.#options.limits.handshakeTimeoutMs} ms`;
    this.refuse(reader, refuse(408, message, 'WS_HANDSHAKE_TIMEOUT'));
  }

  #count({ socket }: RequestReader, { status, error }: HandshakeRefusal): void {
    this.#options.ending.upgrades.refused(status, error.code, { remoteAddress: addressOf(socket) });
  }

  #connected(socket: Socket): void {
    const { clock, limits, admit } = this.#options;
    const refusal = admit?.(socket.remoteAddress);
    if (refusal !== undefined) {
      this.#turnAway(socket, refusal);
      return;
    }
    const reader = new RequestReader(this, socket, limits, clock.now());
    this.#readers.add(reader);
    this.#timers.start(reader, limits.handshakeTimeoutMs);
    ownSocket(socket, reader);
    socket.resume();
  }

  // Who is told why holds a socket until it has read that, for two seconds at most. In a flood that is too much to give.
  #turnAway(socket: Socket, refusal: HandshakeRefusal): void {
    const { ending } = this.#options;
    ending.upgrades.refused(refusal.status, refusal.error.code, { remoteAddress: socket.remoteAddress });
    if (ending.size >= mostToldWhy) {
      socket.destroy();
      return;
    }
    if (this.#told?.refusal !== refusal)
      this.#told = { refusal, bytes: encodeRefusedUpgrade(refusal, 'GET') };
    ending.end(socket, this.#told.bytes);
  }

  #forget(reader: RequestReader): void {
    this.#timers.cancel(reader);
    this.#readers.delete(reader);
  }
}

/** Reads the head of one request. */
class RequestReader extends SharedTimer implements SocketOwner {
  readonly socket: Socket;
  readonly startedAtMs: number;
  readonly #listener: UpgradeListener;
  readonly #parser: RequestHeadParser;
  #isOver = false;

  constructor(listener: UpgradeListener, socket: Socket, limits: ListenerLimits, startedAtMs: number) {
    super();
    this.#listener = listener;
    this.socket = socket;
    this.startedAtMs = startedAtMs;
    this.#parser = new RequestHeadParser(limits);
  }

  /** Whether any of the request has arrived. */
  get hasBegun(): boolean {
    return this.#parser.receivedBytes > 0;
  }

  received(bytes: Uint8Array, byteLength: number): void {
    if (this.#isOver) return;
    const result = this.#parser.receive(bytes.subarray(0, byteLength));
    if (result.kind === 'incomplete') return;
    this.#isOver = true;
    if (result.kind === 'complete') {
      this.#listener.complete(this, result.head, copyOf(result.remaining));
    } else {
      this.#listener.refuseInvalid(this, result.error);
    }
  }

  ended(): void {
    this.closed();
  }

  failed(): void {
    this.closed();
  }

  closed(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.cut(this);
  }

  timeUp(): void {
    this.#isOver = true;
    this.#listener.timeUp(this);
  }
}

// Owns sockets that are on their way out.
const nobody: SocketOwner = Object.freeze({
  received: ignoreError,
  ended: ignoreError,
  failed: ignoreError,
  closed: ignoreError,
});
