// The sessions of this node: those with a link, and those that lost it a short time ago. The engine knows all sessions for as long
// as they may come back; this is what the node has at hand.

import type { Clock } from '../../base/clock.ts';
import { SharedTimers } from '../../base/shared-timers.ts';
import type { Engine } from '../engine/engine.ts';
import type { HubStatistics } from './hub-statistics.ts';
import { type Identity, Session } from './session.ts';

// How long a session that lost its link stays at hand.
const longestAwayMs = 30_000;

/** What a registry takes from its hub. */
export interface RegistryEnvironment {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly sessionTtlMs: number;
  readonly heartbeatMs: number;
  readonly statistics: HubStatistics;
}

/** Sessions by their id. */
export class SessionRegistry implements Iterable<Session> {
  readonly #environment: RegistryEnvironment;
  readonly #sessions = new Map<string, Session>();
  readonly #awayMs: number;
  readonly #forget = (session: Session): void => this.forget(session);

  constructor(environment: RegistryEnvironment) {
    this.#environment = environment;
    this.#awayMs = Math.min(longestAwayMs, environment.sessionTtlMs);
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Those with a link. */
  *[Symbol.iterator](): IterableIterator<Session> {
    for (const session of this.#sessions.values()) if (session.current !== undefined) yield session;
  }

  /** All of them, also those that are away. */
  all(): IterableIterator<Session> {
    return this.#sessions.values();
  }

  get(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  /** Whether what a session shall hear waits for it here: it has its link here, or had it last, as far as is known. */
  isHome(id: string): boolean {
    return this.#sessions.get(id)?.isBeside === false;
  }

  /** Gives the session of an id, as it is here or new. */
  obtain(id: string, secretHash: string, identity: Identity): Session {
    let session = this.#sessions.get(id);
    if (session === undefined) {
      session = new Session(id, secretHash, identity, this.#forget);
      this.#sessions.set(id, session);
      this.#startWaiting(session);
    } else {
      session.data = identity.data;
      session.expiresAtMs = identity.expiresAtMs;
    }
    return session;
  }

  /** A session has a link again. */
  present(session: Session): void {
    this.#sessions.set(session.id, session);
    session.isBeside = false;
    SharedTimers.of(this.#environment.clock).cancel(session);
  }

  /** A session has lost its link. */
  away(session: Session): void {
    if (this.#sessions.get(session.id) !== session) return;
    this.#startWaiting(session);
    void this.keep(session, this.#environment.sessionTtlMs).catch(() => undefined);
    // For a link that takes over now, that is too short.
    session.keptAtMs = -this.#environment.sessionTtlMs;
  }

  /** A session has a link on another node. */
  moved(session: Session): void {
    SharedTimers.of(this.#environment.clock).cancel(session);
    if (this.#sessions.get(session.id) === session) this.#sessions.delete(session.id);
  }

  /** A session was counted on elsewhere and has no link there: from now on the engine is told of it under that count. */
  counted(id: string, generation: number): void {
    const session = this.#sessions.get(id);
    if (session === undefined || session.generation >= generation) return;
    session.generation = generation;
    if (session.current === undefined) return;
    session.keptAtMs = -this.#environment.sessionTtlMs;
    this.keepOn(session);
  }

  #startWaiting(session: Session): void {
    SharedTimers.of(this.#environment.clock).start(session, this.#awayMs);
  }

  /** Lets go of a session; the engine may still know it. */
  forget(session: Session): void {
    if (session.current === undefined) this.moved(session);
  }

  /** Stops all waiting. */
  close(): void {
    for (const session of this.#sessions.values()) SharedTimers.of(this.#environment.clock).cancel(session);
    this.#sessions.clear();
  }

  /** Ends a session everywhere: nobody comes back to it. */
  async end(id: string): Promise<void> {
    const session = this.#sessions.get(id);
    if (session !== undefined) this.forget(session);
    await this.#environment.engine.endSession(id);
  }

  /** Tells the engine to keep a session; with a link, for longer than until it is told again. */
  async keep(session: Session, ttlMs?: number): Promise<void> {
    const { engine, clock, sessionTtlMs, heartbeatMs, statistics } = this.#environment;
    session.keptAtMs = Math.round(clock.now());
    try {
      await engine.keepSession(session.id, session.record(), ttlMs ?? sessionTtlMs * 2 + heartbeatMs);
    } catch (error) {
      statistics.engineFailures++;
      throw error;
    }
  }

  /** Sees to it, now and then, that the engine keeps a session that has a link. */
  keepOn(session: Session): void {
    const { clock, sessionTtlMs } = this.#environment;
    if (clock.now() - session.keptAtMs < sessionTtlMs) return;
    // While the engine is away there is nothing to do; the next heartbeat tries again.
    void this.keep(session).catch(() => {
      session.keptAtMs = -sessionTtlMs;
    });
  }
}
