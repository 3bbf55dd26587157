// One WebSocket connection as the standard speaks of it: it is being established, perhaps fails, is established, its
// closing handshake starts, it is closed, cleanly or not. WebSocket and WebSocketStream both stand on this; what a
// script sees of it, and when, is theirs.

import { FullduplexError } from '../base/errors.ts';
import type { Connection } from '../connection/connection.ts';
import type { ClosedInfo } from '../connection/end-reason.ts';
import type { Message } from '../connection/message-transport.ts';
import { CloseCode } from '../protocol/close-code.ts';
import type { Dialer, DialRequest } from './dialer.ts';

/** "The WebSocket connection is closed", with all that the standard wants to know about it. */
export interface ConnectionEnd {
  /** Whether it was closed cleanly (RFC 6455 7.1.4). */
  readonly wasClean: boolean;
  /** "The WebSocket connection close code" (RFC 6455 7.1.5): what the peer said, never what we said. */
  readonly code: number;
  /** "The WebSocket connection close reason" (RFC 6455 7.1.6). */
  readonly reason: string;
  /** Whether the connection had to be failed (RFC 6455 7.1.7), or was flagged as full. */
  readonly hasFailed: boolean;
  /** Why, for those who may know; undefined after a normal end. */
  readonly cause: Error | undefined;
}

/** What a ConnectionLifecycle tells, each as it happens. `ended` comes once, whatever came before. */
export interface LifecycleEvents {
  /** "The WebSocket connection is established." */
  established(connection: Connection): void;
  /** "A WebSocket message has been received." */
  message(message: Message): void;
  /** "The WebSocket closing handshake is started", by either side. */
  closingStarted(): void;
  /** "The WebSocket connection is closed." */
  ended(end: ConnectionEnd): void;
}

/** Establishes a connection and follows it to its end. */
export class ConnectionLifecycle<Options> {
  readonly #protocols: readonly string[];
  readonly #events: LifecycleEvents;
  readonly #dialing = new AbortController();
  #connection: Connection | undefined;
  #failure: Error | undefined;
  #isClosed = false;

  /** Starts to establish the connection. What the dialer throws at once, because an option is wrong, is thrown on. */
  constructor(
    dialer: Dialer<Options>,
    request: Omit<DialRequest<Options>, 'signal'>,
    events: LifecycleEvents,
  ) {
    this.#protocols = request.protocols;
    this.#events = events;
    const { url, protocols, options } = request;
    dialer.dial({ url, protocols, options, signal: this.#dialing.signal }).then(
      (connection) => this.#established(connection),
      (error: unknown) => this.#failed(asError(error)),
    );
  }

  /** Whether the connection is established, or was. */
  get isEstablished(): boolean {
    return this.#connection !== undefined;
  }

  /** Starts the closing handshake; without a code the close frame has no body. Only once it is established. */
  startClosing(code: number | undefined, reason: string): void {
    const connection = this.#connection;
    if (connection === undefined || this.#isClosed) return;
    void (code === undefined ? connection.closeWithoutCode() : connection.close(code, reason));
  }

  /** Fails the connection (RFC 6455 7.1.7), at whatever stage it is. */
  fail(cause: Error): void {
    if (this.#isClosed) return;
    const connection = this.#connection;
    if (connection === undefined) {
      // Before it is established there is no close frame to wait for: it is closed at once.
      this.#dialing.abort(cause);
      this.#failed(cause);
    } else {
      this.#failure ??= cause;
      cut(connection);
    }
  }

  #established(connection: Connection): void {
    if (this.#isClosed) {
      // The dialer was too late to hear that nobody waits any more.
      cut(connection);
      return;
    }
    const { protocol } = connection;
    // The server has to pick one of the subprotocols that it was offered, and none that it was not ("establish a
    // WebSocket connection", on the response).
    const isExpected = protocol === '' ? this.#protocols.length === 0 : this.#protocols.includes(protocol);
    if (!isExpected) {
      cut(connection);
      const expected = this.#protocols.join(', ') || 'none';
      const message = `the server picked the subprotocol "${protocol}", expected ${expected}`;
      this.#failed(new FullduplexError('WS_HANDSHAKE_INVALID', message));
      return;
    }
    this.#connection = connection;
    this.#events.established(connection);
    connection.attach({
      message: (_, message) => this.#events.message(message),
      closing: () => this.#events.closingStarted(),
      close: (_, info) => this.#closed(connection, info),
    });
  }

  #failed(cause: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const code = CloseCode.abnormalClosure;
    this.#events.ended({ wasClean: false, code, reason: '', hasFailed: true, cause });
  }

  #closed(connection: Connection, info: ClosedInfo): void {
    this.#isClosed = true;
    const { code, reason } = connection.peerClose ?? { code: CloseCode.abnormalClosure, reason: '' };
    const cause = this.#failure ?? info.cause;
    const hasFailed = this.#failure !== undefined || (!info.clean && !isOverdue(info));
    this.#events.ended({ wasClean: info.clean, code, reason, hasFailed, cause });
  }
}

// RFC 6455 7.2.1 has us fail a connection that is lost, but one whose closing handshake took too long is only closed.
function isOverdue(info: ClosedInfo): boolean {
  return info.cause instanceof FullduplexError && info.cause.code === 'WS_CLOSE_TIMEOUT';
}

function cut(connection: Connection): void {
  if (connection.supports.terminate) connection.terminate();
  else void connection.closeWithoutCode();
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
