// The bounds of an HTTP/2 connection to a server of ours, beside those that Node keeps (header size, streams at a time,
// unanswered settings and pings, invalid frames): one that carries no WebSocket is ended after a while, and one whose
// client opens and resets streams (CVE-2023-44487) or sends pings and settings without end is cut.

import {
  constants,
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { Clock, Timer } from '../../base/clock.ts';
import { TokenBucket } from '../../base/token-bucket.ts';

/** How sessions are watched. */
export interface SessionGuardOptions {
  readonly clock: Clock;
  /** How long a session may be without a stream. */
  readonly idleTimeoutMs: number;
  readonly maxStreamsPerSession: number;
}

// How long a client may take to end its side of a session that was told to go.
const lingerMs = 2_000;
// Streams that the client resets: as many as it may have open can end at once when a page is left, and some a second are
// ordinary. Each beyond that costs us a handshake and the client a few bytes.
const resetsPerStreamAllowed = 2;
const resetsPerSecond = 20;
// Frames that we have to answer. Node bounds those that are not answered yet, not how many come.
const maxControlBurst = 1_000;
const controlsPerSecond = 50;

/** Watches all sessions of one server. */
export class SessionGuard {
  readonly #options: SessionGuardOptions;
  readonly #sessions = new Set<WatchedSession>();
  #arriving: TLSSocket | undefined;

  constructor(server: Http2SecureServer, options: SessionGuardOptions) {
    this.#options = options;
    // Before Node's own listener, which makes the session: it does not say which socket it stands on.
    server.prependListener('secureConnection', (socket: TLSSocket) => {
      this.#arriving = socket;
    });
    server.on('session', (session: ServerHttp2Session) => {
      const socket = this.#arriving;
      if (socket === undefined) return;
      const watched = new WatchedSession(session, socket, this.#options);
      this.#sessions.add(watched);
      socket.once('close', () => {
        watched.stop();
        this.#sessions.delete(watched);
      });
    });
  }

  /** Tells all clients to go (GOAWAY): streams that are open go on, new ones are refused. */
  closeAll(): void {
    for (const session of this.#sessions) session.close();
  }

  /** Cuts what is left. */
  cutAll(): void {
    for (const session of this.#sessions) session.cut();
  }
}

class WatchedSession {
  readonly #session: ServerHttp2Session;
  readonly #socket: TLSSocket;
  readonly #options: SessionGuardOptions;
  readonly #resets: TokenBucket;
  readonly #controls: TokenBucket;
  #openStreams = 0;
  #timer: Timer | undefined;

  constructor(session: ServerHttp2Session, socket: TLSSocket, options: SessionGuardOptions) {
    this.#session = session;
    this.#socket = socket;
    this.#options = options;
    const { clock, maxStreamsPerSession } = options;
    const nowMs = clock.now();
    this.#resets = new TokenBucket(
      { perSecond: resetsPerSecond, burst: maxStreamsPerSession * resetsPerStreamAllowed },
      nowMs,
    );
    this.#controls = new TokenBucket({ perSecond: controlsPerSecond, burst: maxControlBurst }, nowMs);
    session.on('stream', (stream: ServerHttp2Stream) => this.#opened(stream));
    const control = (): void => this.#count(this.#controls);
    session.on('ping', control);
    session.on('remoteSettings', control);
    this.#waitForStream();
  }

  close(): void {
    this.#timer?.cancel();
    if (this.#session.destroyed) return;
    this.#session.close();
    // With streams open it ends after them; without, a client that does not end its side is not waited for.
    if (this.#openStreams === 0) this.#timer = this.#options.clock.setTimer(() => this.cut(), lingerMs);
  }

  cut(): void {
    this.#socket.destroy();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #waitForStream(): void {
    this.#timer = this.#options.clock.setTimer(() => this.close(), this.#options.idleTimeoutMs);
  }

  #opened(stream: ServerHttp2Stream): void {
    if (this.#openStreams === 0) this.#timer?.cancel();
    this.#openStreams += 1;
    stream.once('close', () => this.#ended(stream));
  }

  #ended({ rstCode, aborted }: ServerHttp2Stream): void {
    this.#openStreams -= 1;
    // Whoever reset it: streams that break a rule are reset by us, and cost us as much.
    if (aborted && rstCode !== constants.NGHTTP2_NO_ERROR) this.#count(this.#resets);
    if (this.#openStreams > 0 || this.#session.destroyed) return;
    if (this.#session.closed) this.close();
    else this.#waitForStream();
  }

  #count(bucket: TokenBucket): void {
    if (bucket.take(1, this.#options.clock.now()) || this.#session.destroyed) return;
    // GOAWAY with ENHANCE_YOUR_CALM (RFC 9113 10.5); the error is heard as 'sessionError' only.
    const error = new Error('the client resets streams, or sends pings or settings, without end');
    this.#session.destroy(error, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimer(() => this.cut(), lingerMs);
  }
}
