// The HTTP/2 connections of a client, by origin and by all options that say how it is reached: found again, dialled once
// for all who wait, and remembered where there is nothing but HTTP/1.1.

import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { FullduplexError } from '../../base/errors.ts';
import type { ConnectPhase, EnterPhase } from '../connect-errors.ts';
import { ClientSession } from './client-session.ts';

/** How a pool behaves. */
export interface SessionPoolOptions {
  readonly idleTimeoutMs: number;
  readonly clock: Clock;
}

/** Where a session leads, and how to get there. */
export interface SessionTarget {
  /** Equal for all attempts that may share a connection. */
  readonly key: string;
  readonly origin: string;
  /** The target in words. */
  readonly label: string;
  readonly isSecure: boolean;
  /** Opens the stream of bytes, offering h2 and http/1.1. */
  dial(signal: AbortSignal, enter: EnterPhase): Promise<Duplex>;
}

/** What there is for a target: a session, or HTTP/1.1, perhaps with a connection that was made on the way. */
export type Acquired =
  | { readonly kind: 'session'; readonly session: ClientSession }
  | { readonly kind: 'http1'; readonly stream: Duplex | undefined };

// For how long an origin is not asked again, and how many are remembered.
const rememberForMs = 5 * 60_000;
const mostRemembered = 1_000;
// How many connections one attempt waits for, when others take all the streams of each.
const mostDials = 3;

/** Someone who waits for a dial. */
interface Waiter {
  readonly enter: EnterPhase;
}

/** A connection on its way, for everyone who wants it. */
interface SharedDial {
  readonly key: string;
  /** What there is for HTTP/1.1, for the first who takes it. */
  stream: Duplex | undefined;
  readonly waiters: Set<Waiter>;
  readonly abort: AbortController;
  phase: ConnectPhase;
  label: string;
  outcome: Promise<Acquired>;
}

/** Finds and makes sessions. */
export class SessionPool {
  readonly #options: SessionPoolOptions;
  readonly #sessions = new Map<string, ClientSession[]>();
  readonly #dials = new Map<string, SharedDial>();
  /** Where HTTP/2 was tried in vain, and until when that is believed. */
  readonly #http1Only = new Map<string, number>();
  #isClosed = false;

  constructor(options: SessionPoolOptions) {
    this.#options = options;
  }

  /** How many sessions take streams. */
  get size(): number {
    let size = 0;
    for (const sessions of this.#sessions.values()) size += sessions.length;
    return size;
  }

  /**
   * Gives a session with room for a stream.
   * @throws FullduplexError as `dial` does, the reason of the signal, `WS_STATE_INVALID` when the pool is closed
   */
  async acquire(target: SessionTarget, signal: AbortSignal, enter: EnterPhase): Promise<Acquired> {
    for (let dials = 0; ; ) {
      if (this.#isClosed) throw poolClosed();
      if (this.#isHttp1Only(target.key)) return { kind: 'http1', stream: undefined };
      const session = this.#sessions.get(target.key)?.find(({ hasRoom }) => hasRoom);
      if (session !== undefined) return { kind: 'session', session };
      // Others may be faster to take what was made; whoever has waited often enough goes another way.
      if (dials++ === mostDials) return { kind: 'http1', stream: undefined };
      const dial = this.#dials.get(target.key) ?? this.#dial(target);
      const acquired = await this.#wait(dial, signal, enter);
      if (acquired.kind === 'http1') return { kind: 'http1', stream: takeStream(dial) };
      if (acquired.session.hasRoom) return acquired;
    }
  }

  /** Remembers that a target is better reached with HTTP/1.1. */
  rememberHttp1(key: string): void {
    this.#http1Only.delete(key);
    this.#http1Only.set(key, this.#options.clock.now() + rememberForMs);
    for (const oldest of this.#http1Only.keys()) {
      if (this.#http1Only.size <= mostRemembered) break;
      this.#http1Only.delete(oldest);
    }
  }

  /** Takes no more requests; each session ends with its last stream. */
  close(): void {
    this.#isClosed = true;
    for (const { abort } of this.#dials.values()) abort.abort(poolClosed());
    for (const sessions of this.#sessions.values()) for (const session of sessions) session.retire();
  }

  #isHttp1Only(key: string): boolean {
    const untilMs = this.#http1Only.get(key);
    if (untilMs === undefined) return false;
    if (untilMs > this.#options.clock.now()) return true;
    this.#http1Only.delete(key);
    return false;
  }

  #dial(target: SessionTarget): SharedDial {
    const abort = new AbortController();
    const dial: SharedDial = {
      key: target.key,
      stream: undefined,
      waiters: new Set(),
      abort,
      phase: 'lookup',
      label: target.label,
      outcome: Promise.resolve({ kind: 'http1', stream: undefined }),
    };
    const enter: EnterPhase = (phase, label) => {
      dial.phase = phase;
      dial.label = label;
      for (const waiter of dial.waiters) waiter.enter(phase, label);
    };
    dial.outcome = this.#open(target, abort.signal, enter)
      .then((acquired) => {
        if (acquired.kind === 'http1') keepStream(dial, acquired.stream);
        return acquired;
      })
      .finally(() => this.#forget(dial));
    this.#dials.set(target.key, dial);
    return dial;
  }

  async #open(target: SessionTarget, signal: AbortSignal, enter: EnterPhase): Promise<Acquired> {
    const stream = await target.dial(signal, enter);
    if (target.isSecure && !('alpnProtocol' in stream && stream.alpnProtocol === 'h2')) {
      this.rememberHttp1(target.key);
      return { kind: 'http1', stream };
    }
    enter('response', target.label);
    const { clock, idleTimeoutMs } = this.#options;
    const session = new ClientSession(stream, {
      origin: target.origin,
      clock,
      idleTimeoutMs,
      ended: (ended) => this.#remove(target.key, ended),
    });
    const cut = (): void => void stream.destroy();
    signal.addEventListener('abort', cut, { once: true });
    const takesWebSockets = await session.ready();
    signal.removeEventListener('abort', cut);
    if (signal.aborted) throw signal.reason;
    if (takesWebSockets) {
      const sessions = this.#sessions.get(target.key) ?? [];
      this.#sessions.set(target.key, [...sessions, session]);
      return { kind: 'session', session };
    }
    session.retire();
    this.rememberHttp1(target.key);
    return { kind: 'http1', stream: undefined };
  }

  #forget(dial: SharedDial): void {
    if (this.#dials.get(dial.key) === dial) this.#dials.delete(dial.key);
  }

  #remove(key: string, ended: ClientSession): void {
    const left = (this.#sessions.get(key) ?? []).filter((session) => session !== ended);
    if (left.length === 0) this.#sessions.delete(key);
    else this.#sessions.set(key, left);
  }

  /** Waits for a dial of whomever; when nobody waits any more it is given up. */
  #wait(dial: SharedDial, signal: AbortSignal, enter: EnterPhase): Promise<Acquired> {
    const waiter: Waiter = { enter };
    dial.waiters.add(waiter);
    enter(dial.phase, dial.label);
    return new Promise<Acquired>((resolve, reject) => {
      const aborted = (): void => {
        dial.waiters.delete(waiter);
        const reason: unknown = signal.reason;
        if (dial.waiters.size === 0) {
          // Whoever comes now dials anew.
          this.#forget(dial);
          dial.abort.abort(reason);
        }
        reject(reason instanceof Error ? reason : poolClosed());
      };
      signal.addEventListener('abort', aborted, { once: true });
      dial.outcome.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
      if (signal.aborted) aborted();
    });
  }
}

/** Keeps a connection for those who wait; one that nobody takes is ended. */
function keepStream(dial: SharedDial, stream: Duplex | undefined): void {
  dial.stream = stream;
  setImmediate(() => takeStream(dial)?.destroy());
}

function takeStream(dial: SharedDial): Duplex | undefined {
  const { stream } = dial;
  dial.stream = undefined;
  return stream;
}

function poolClosed(): FullduplexError {
  return new FullduplexError('WS_STATE_INVALID', 'the Http2Sessions are closed');
}
