// What users see of the HTTP/2 connections of a client: an object that says who shares them and for how long they are kept,
// and one that the process shares.

import { type Clock, systemClock, type Timer } from '../../base/clock.ts';
import { describe, FullduplexError } from '../../base/errors.ts';
import { requireInteger } from '../../protocol/limits.ts';
import { requireOptionalBoolean } from '../../server/server-options.ts';
import { SessionPool } from './session-pool.ts';

/** How HTTP/2 connections are kept. */
export interface Http2SessionsOptions {
  /** How long a connection without WebSockets is kept for the next one, in milliseconds. @defaultValue 30,000 */
  readonly idleTimeoutMs?: number;
  /**
   * Whether HTTP/2 is spoken for `ws:` URLs too, where nothing can be agreed on beforehand (RFC 9113 3.3): for servers
   * that are known to, such as one behind a proxy. @defaultValue false
   */
  readonly priorKnowledge?: boolean;
  /** Where the time comes from; for tests. @defaultValue the system's clock */
  readonly clock?: Clock;
}

/** What holds when nothing is said. */
export const defaultHttp2SessionsOptions: Readonly<{ idleTimeoutMs: number; priorKnowledge: boolean }> =
  Object.freeze({ idleTimeoutMs: 30_000, priorKnowledge: false });

interface Inside {
  readonly pool: SessionPool;
  readonly priorKnowledge: boolean;
}

const insides = new WeakMap<Http2Sessions, Inside>();

/**
 * HTTP/2 connections that the WebSockets of several `connect` calls share, one for each origin and set of TLS and socket
 * options: `connect(url, { http2: sessions })`.
 */
export class Http2Sessions implements Disposable {
  /** @throws FullduplexError `WS_OPTION_INVALID` */
  constructor(options: Http2SessionsOptions = {}) {
    const defaults = defaultHttp2SessionsOptions;
    requireOptionalBoolean('priorKnowledge', options.priorKnowledge);
    const idleTimeoutMs = requireInteger(
      'idleTimeoutMs',
      options.idleTimeoutMs ?? defaults.idleTimeoutMs,
      0,
      0x7fff_ffff,
    );
    insides.set(this, {
      pool: new SessionPool({ idleTimeoutMs, clock: options.clock ?? idleClock }),
      priorKnowledge: options.priorKnowledge ?? defaults.priorKnowledge,
    });
  }

  /** How many HTTP/2 connections take WebSockets at the moment. */
  get size(): number {
    return insideOf(this).pool.size;
  }

  /** Takes no more WebSockets. Those that are open go on; each HTTP/2 connection ends with its last one. */
  close(): void {
    insideOf(this).pool.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function insideOf(sessions: Http2Sessions): Inside {
  const inside = insides.get(sessions);
  if (inside === undefined) throw new Error('an Http2Sessions that was not constructed');
  return inside;
}

// Waiting for nothing to happen must not keep a process alive.
const idleClock: Clock = Object.freeze({
  now: (): number => systemClock.now(),
  setTimer: (callback: () => void, delayMs: number): Timer => {
    const handle = setTimeout(callback, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
});

let shared: Http2Sessions | undefined;

/**
 * The pool for the option `http2` and a URL; undefined for HTTP/1.1.
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function poolFor(http2: unknown, isSecure: boolean): SessionPool | undefined {
  if (http2 === undefined || http2 === false) return undefined;
  const sessions = http2 === true ? sharedSessions() : http2;
  if (!(sessions instanceof Http2Sessions)) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `option http2 is ${describe(http2)}, expected true, false or an Http2Sessions`,
    );
  }
  const { pool, priorKnowledge } = insideOf(sessions);
  return isSecure || priorKnowledge ? pool : undefined;
}

function sharedSessions(): Http2Sessions {
  shared ??= new Http2Sessions();
  return shared;
}
