// An engine that hands everything on to another one: to be extended by engines that change one thing of it, such as those that
// fail on purpose. What changes all answers alike overrides `ask`.

import type {
  Appended,
  AppendRequest,
  BroadcastEvent,
  CallClaim,
  CallId,
  Engine,
  LeaseState,
  MapChange,
  MapEntry,
  Retention,
  SessionRecord,
  StreamEntry,
  StreamListener,
  StreamRead,
} from '../realtime/engine/engine.ts';
import type { StreamPosition } from '../realtime/wire/stream-position.ts';

/** Hands everything on to the engine that it is made with. */
export class DelegatingEngine implements Engine {
  readonly name: string;
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.name = engine.name;
  }

  /** Every question that is answered goes through here, but for `subscribe` and `close`. */
  protected ask<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    return question();
  }

  /** The same for those that may be answered at once. */
  protected askAtOnce<Answer>(question: () => Answer | Promise<Answer>): Answer | Promise<Answer> {
    return question();
  }

  append(channel: string, request: AppendRequest): Promise<Appended> {
    return this.ask(() => this.#engine.append(channel, request));
  }

  broadcast(channel: string, event: Omit<BroadcastEvent, 'atMs'>): Promise<void> {
    return this.ask(() => this.#engine.broadcast(channel, event));
  }

  head(channel: string): Promise<StreamPosition> {
    return this.ask(() => this.#engine.head(channel));
  }

  read(channel: string, since: StreamPosition, limit: number): Promise<StreamRead> {
    return this.ask(() => this.#engine.read(channel, since, limit));
  }

  history(
    channel: string,
    before: number | undefined,
    count: number,
  ): Promise<{ readonly entries: readonly StreamEntry[]; readonly head: StreamPosition }> {
    return this.ask(() => this.#engine.history(channel, before, count));
  }

  subscribe(channel: string, listener: StreamListener): Promise<void> {
    return this.#engine.subscribe(channel, listener);
  }

  unsubscribe(channel: string, listener: StreamListener): void {
    this.#engine.unsubscribe(channel, listener);
  }

  change(channel: string, changes: readonly MapChange[], retention: Retention): Promise<StreamPosition> {
    return this.ask(() => this.#engine.change(channel, changes, retention));
  }

  map(channel: string): Promise<{ readonly entries: readonly MapEntry[]; readonly head: StreamPosition }> {
    return this.ask(() => this.#engine.map(channel));
  }

  renewLease(node: string, ttlMs: number): Promise<LeaseState> {
    return this.ask(() => this.#engine.renewLease(node, ttlMs));
  }

  releaseLease(node: string): Promise<void> {
    return this.ask(() => this.#engine.releaseLease(node));
  }

  claimCall(session: string, id: CallId, node: string, windowMs: number): CallClaim | Promise<CallClaim> {
    return this.askAtOnce(() => this.#engine.claimCall(session, id, node, windowMs));
  }

  completeCall(session: string, id: CallId, result: string, windowMs: number): void | Promise<void> {
    return this.askAtOnce(() => this.#engine.completeCall(session, id, result, windowMs));
  }

  forgetCalls(session: string, ids: readonly CallId[]): void | Promise<void> {
    return this.askAtOnce(() => this.#engine.forgetCalls(session, ids));
  }

  keepSession(id: string, session: SessionRecord, ttlMs: number): Promise<void> {
    return this.ask(() => this.#engine.keepSession(id, session, ttlMs));
  }

  session(id: string): Promise<SessionRecord | undefined> {
    return this.ask(() => this.#engine.session(id));
  }

  endSession(id: string): Promise<void> {
    return this.ask(() => this.#engine.endSession(id));
  }

  endSessionsOf(user: string): Promise<void> {
    return this.ask(() => this.#engine.endSessionsOf(user));
  }

  close(): Promise<void> {
    return this.#engine.close();
  }
}
