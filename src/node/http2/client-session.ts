// One HTTP/2 connection of a client, shared by its WebSockets: it is ready when the server's settings are here (RFC 8441 3),
// counts its streams against what the server allows, and lets go of itself when it has carried none for a while. An idle
// one keeps no process alive.

import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../../base/clock.ts';
import { widenConnectionWindow } from './connection-window.ts';

// How long a server may take to end its side of a connection that we have ended.
const lingerMs = 2_000;

/** What a session takes from its pool. */
export interface ClientSessionOptions {
  /** `https://host:port`, or `http://` without TLS. */
  readonly origin: string;
  readonly clock: Clock;
  readonly idleTimeoutMs: number;
  /** Told when the session takes no new streams any more. */
  readonly ended: (session: ClientSession) => void;
}

/** An HTTP/2 connection to one server. */
export class ClientSession {
  readonly #session: ClientHttp2Session;
  readonly #socket: Duplex;
  readonly #options: ClientSessionOptions;
  #openStreams = 0;
  #timer: Timer | undefined;

  /** @param socket connected, and with TLS agreed on `h2`; it belongs to the session from here on */
  constructor(socket: Duplex, options: ClientSessionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#session = connect(options.origin, {
      createConnection: () => socket,
      settings: { enablePush: false },
    });
    // What ends the session ends its streams, which say so themselves.
    this.#session.on('error', ignoreError);
    this.#session.once('close', () => this.#ended());
    this.#session.once('goaway', () => this.#options.ended(this));
    socket.once('close', () => this.#timer?.cancel());
  }

  /**
   * Waits for the server's settings.
   * @returns whether the server takes WebSockets here; false also when the connection ends before it said anything
   */
  ready(): Promise<boolean> {
    const session = this.#session;
    return new Promise((resolve) => {
      session.once('close', () => resolve(false));
      session.once('remoteSettings', (settings) => {
        if (session.destroyed) return;
        widenConnectionWindow(session);
        this.#waitForStream();
        // RFC 9113 6.5.2: a limit of 0 streams is one of the ways to want no requests.
        resolve(settings.enableConnectProtocol === true && settings.maxConcurrentStreams !== 0);
      });
    });
  }

  /** Whether another stream may be opened now. */
  get hasRoom(): boolean {
    const session = this.#session;
    if (session.closed || session.destroyed) return false;
    // RFC 9113 5.1.2: more than that, and Node would hold the request back without a word.
    return this.#openStreams < (session.remoteSettings.maxConcurrentStreams ?? Infinity);
  }

  /** Opens a stream; undefined when the session has ended meanwhile. */
  request(fields: OutgoingHttpHeaders): ClientHttp2Stream | undefined {
    const session = this.#session;
    if (session.closed || session.destroyed) return undefined;
    const stream = session.request(fields, { endStream: false });
    if (this.#openStreams === 0) {
      this.#timer?.cancel();
      session.ref();
    }
    this.#openStreams += 1;
    stream.once('close', () => {
      this.#openStreams -= 1;
      if (this.#openStreams === 0) this.#waitForStream();
    });
    return stream;
  }

  /** Takes no new streams; ends when those that are open have ended. */
  retire(): void {
    this.#options.ended(this);
    if (!this.#session.destroyed) this.#session.close();
    if (this.#openStreams === 0) this.#linger();
  }

  #waitForStream(): void {
    if (this.#session.destroyed) return;
    this.#session.unref();
    if (this.#session.closed) this.#linger();
    else this.#timer = this.#options.clock.setTimer(() => this.retire(), this.#options.idleTimeoutMs);
  }

  #linger(): void {
    this.#timer?.cancel();
    if (this.#socket.destroyed) return;
    this.#timer = this.#options.clock.setTimer(() => this.#socket.destroy(), lingerMs);
  }

  #ended(): void {
    this.#options.ended(this);
    this.#linger();
  }
}

function ignoreError(): void {
  // A session that fails is closed, and so is each of its streams: they tell whoever used them.
}
