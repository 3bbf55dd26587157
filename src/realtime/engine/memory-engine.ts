// The engine that is always there: everything in the memory of this process, for one hub or for several that share the object.
// What it holds is bounded: entries by the retention that each append names, places of streams that nobody uses by number and by time.

import { type Clock, systemClock, type Timer } from '../../base/clock.ts';
import { describe } from '../../base/errors.ts';
import { RealtimeError } from '../wire/error-codes.ts';
import type { StreamPosition } from '../wire/stream-position.ts';
import { CallRecords } from './call-records.ts';
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
} from './engine.ts';
import { ExpiringMap } from './expiring-map.ts';
import { Leases } from './leases.ts';
import { ListenerTurns } from './listener-turns.ts';
import {
  checkAmount,
  checkRetention,
  defaultMemoryEngineOptions,
  type MemoryEngineOptions,
} from './memory-engine-options.ts';
import type { MemoryStream } from './memory-stream.ts';
import { MemoryStreams } from './memory-streams.ts';
import { RandomText } from './random-text.ts';

/** What an engine in memory holds. */
export interface MemoryEngineSnapshot {
  /** All streams, with the idle ones. */
  readonly streams: number;
  /** Streams of which only the place is left. */
  readonly idleStreams: number;
  /** Calls, sessions and idempotency keys, with those that are over and not yet swept. */
  readonly records: number;
  readonly leases: number;
}

// How often entries that are too old, and records that are over, are let go where nobody reads them.
const sweepMs = 10_000;

/** An engine in the memory of this process. */
export class MemoryEngine implements Engine {
  readonly name: string = 'memory';
  readonly #clock: Clock;
  readonly #text: RandomText;
  readonly #timeOfDay: () => number;
  readonly #streams: MemoryStreams;
  readonly #turns: ListenerTurns;
  readonly #appended = new ExpiringMap<StreamPosition>();
  readonly #sessions = new ExpiringMap<SessionRecord>();
  readonly #leases: Leases;
  readonly #calls: CallRecords;
  #sweepTimer: Timer | undefined;
  #isClosed = false;

  constructor(options: MemoryEngineOptions = {}) {
    const {
      idleStreamMs = defaultMemoryEngineOptions.idleStreamMs,
      maxIdleStreams = defaultMemoryEngineOptions.maxIdleStreams,
    } = options;
    checkAmount('idleStreamMs', idleStreamMs);
    checkAmount('maxIdleStreams', maxIdleStreams, 1);
    this.#clock = options.clock ?? systemClock;
    this.#text = new RandomText(options.random);
    this.#timeOfDay = options.timeOfDay ?? Date.now;
    this.#streams = new MemoryStreams(this.#text, { idleStreamMs, maxIdleStreams });
    this.#turns = new ListenerTurns(options.onError ?? console.error);
    this.#leases = new Leases(this.#clock, (node, owned) => this.#removeOwned(node, owned));
    this.#calls = new CallRecords(this.#leases);
  }

  async append(channel: string, request: AppendRequest): Promise<Appended> {
    checkRetention(request.retention);
    const nowMs = this.#now();
    const { idempotency } = request;
    const key = idempotency === undefined ? '' : `${channel}\n${idempotency.key}`;
    if (idempotency !== undefined) {
      const position = this.#appended.get(key, nowMs);
      if (position !== undefined) return { position, isRepeated: true };
    }
    const stream = this.#streams.of(channel, nowMs);
    const { name, data, user, exceptSession } = request;
    const { log } = stream;
    const entry: StreamEntry = {
      kind: 'publication',
      offset: log.nextOffset,
      id: this.#text.short(),
      name,
      data,
      user,
      atMs: this.#timeOfDay(),
      exceptSession,
    };
    this.#append(stream, entry, request.retention, nowMs);
    const position = { epoch: log.epoch, offset: entry.offset, id: entry.id };
    if (idempotency !== undefined) this.#appended.set(key, position, nowMs + idempotency.windowMs);
    this.#tellEntry(stream, entry);
    return { position, isRepeated: false };
  }

  async broadcast(channel: string, event: Omit<BroadcastEvent, 'atMs'>): Promise<void> {
    this.#checkOpen();
    const stream = this.#streams.find(channel);
    if (stream === undefined || stream.listeners.size === 0) return;
    const told: BroadcastEvent = { ...event, atMs: this.#timeOfDay() };
    this.#turns.tell(stream.listeners, (listener) => listener.heard(channel, told));
  }

  async head(channel: string): Promise<StreamPosition> {
    return this.#streams.of(channel, this.#now()).log.head;
  }

  async read(channel: string, since: StreamPosition, limit: number): Promise<StreamRead> {
    const nowMs = this.#now();
    const { log } = this.#streams.of(channel, nowMs);
    log.expire(nowMs);
    return log.read(since, limit);
  }

  async history(
    channel: string,
    before: number | undefined,
    count: number,
  ): Promise<{ readonly entries: readonly StreamEntry[]; readonly head: StreamPosition }> {
    const nowMs = this.#now();
    const { log } = this.#streams.of(channel, nowMs);
    log.expire(nowMs);
    return { entries: log.history(before ?? Infinity, count), head: log.head };
  }

  async subscribe(channel: string, listener: StreamListener): Promise<void> {
    const stream = this.#streams.of(channel, this.#now());
    stream.listeners.add(listener);
    this.#streams.use(stream);
  }

  unsubscribe(channel: string, listener: StreamListener): void {
    const stream = this.#streams.find(channel);
    if (stream?.listeners.delete(listener) === true) this.#streams.rest(stream, this.#clock.now());
  }

  async change(
    channel: string,
    changes: readonly MapChange[],
    retention: Retention,
  ): Promise<StreamPosition> {
    checkRetention(retention);
    const nowMs = this.#now();
    for (const change of changes) {
      const owner = change.value === null ? undefined : change.owner;
      if (owner === undefined || this.#leases.numberOf(owner) !== undefined) continue;
      // Nothing would ever remove the entry again.
      throw new RealtimeError(
        'UNAVAILABLE',
        `node ${describe(owner)} has no lease, expected one that runs: renew it, then say again what the node owns`,
        { retryable: true },
      );
    }
    const stream = this.#streams.of(channel, nowMs);
    stream.mapRetention = retention;
    const told: StreamEntry[] = [];
    for (const change of changes) {
      const entry = this.#apply(stream, change, retention, nowMs);
      if (entry !== undefined) told.push(entry);
    }
    const { head } = stream.log;
    for (const entry of told) this.#tellEntry(stream, entry);
    return head;
  }

  async map(
    channel: string,
  ): Promise<{ readonly entries: readonly MapEntry[]; readonly head: StreamPosition }> {
    const stream = this.#streams.of(channel, this.#now());
    return { entries: [...stream.entries.values()], head: stream.log.head };
  }

  async renewLease(node: string, ttlMs: number): Promise<LeaseState> {
    this.#checkOpen();
    return this.#leases.renew(node, ttlMs) ? 'begun' : 'renewed';
  }

  async releaseLease(node: string): Promise<void> {
    this.#checkOpen();
    this.#leases.end(node);
  }

  claimCall(session: string, id: CallId, node: string, windowMs: number): CallClaim {
    return this.#calls.claim(session, id, node, windowMs, this.#now());
  }

  completeCall(session: string, id: CallId, result: string, windowMs: number): void {
    this.#calls.complete(session, id, result, windowMs, this.#now());
  }

  forgetCalls(session: string, ids: readonly CallId[]): void {
    this.#calls.forget(session, ids);
  }

  async keepSession(id: string, session: SessionRecord, ttlMs: number): Promise<void> {
    const nowMs = this.#now();
    const kept = this.#sessions.get(id, nowMs);
    if ((kept?.generation ?? 0) > (session.generation ?? 0)) return;
    this.#sessions.set(id, session, nowMs + ttlMs);
  }

  async session(id: string): Promise<SessionRecord | undefined> {
    return this.#sessions.get(id, this.#now());
  }

  async endSession(id: string): Promise<void> {
    this.#checkOpen();
    this.#sessions.delete(id);
  }

  async endSessionsOf(user: string): Promise<void> {
    this.#checkOpen();
    for (const [id, session] of this.#sessions) if (session.user === user) this.#sessions.delete(id);
  }

  /** Forgets everything: with it, all streams begin anew. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#sweepTimer?.cancel();
    this.#leases.clear();
    this.#calls.clear();
    this.#sessions.clear();
    this.#appended.clear();
    this.#streams.clear();
  }

  /** What it holds. */
  snapshot(): MemoryEngineSnapshot {
    return {
      streams: this.#streams.size,
      idleStreams: this.#streams.idleCount,
      records: this.#appended.size + this.#sessions.size + this.#calls.size,
      leases: this.#leases.size,
    };
  }

  #checkOpen(): void {
    if (!this.#isClosed) return;
    throw new RealtimeError('UNAVAILABLE', 'the engine is closed, expected an open one: make another');
  }

  #now(): number {
    this.#checkOpen();
    this.#sweepTimer ??= this.#startSweep();
    return this.#clock.now();
  }

  #append(stream: MemoryStream, entry: StreamEntry, retention: Retention, nowMs: number): void {
    stream.log.append(entry, retention, nowMs);
    if (stream.log.size === 0) return;
    this.#streams.keep(stream);
  }

  #apply(
    stream: MemoryStream,
    change: MapChange,
    retention: Retention,
    nowMs: number,
  ): StreamEntry | undefined {
    const { channel, log, entries } = stream;
    const { key, value } = change;
    const before = entries.get(key);
    if (change.value === null) {
      if (before === undefined) return undefined;
      if (change.ifOwner !== undefined && change.ifOwner !== before.owner) return undefined;
    }
    if (before?.owner !== undefined) this.#leases.disown(before.owner, channel, key);
    if (change.value === null) {
      entries.delete(key);
    } else {
      entries.set(key, { key, value: change.value, owner: change.owner });
      if (change.owner !== undefined) this.#leases.own(change.owner, channel, key);
      this.#streams.use(stream);
      if (before?.value === value) return undefined;
    }
    const entry: StreamEntry = {
      kind: value === null ? 'delete' : 'set',
      offset: log.nextOffset,
      id: this.#text.short(),
      name: key,
      data: value ?? 'null',
      atMs: this.#timeOfDay(),
    };
    this.#append(stream, entry, retention, nowMs);
    this.#streams.rest(stream, nowMs);
    return entry;
  }

  #removeOwned(node: string, owned: ReadonlyMap<string, ReadonlySet<string>>): void {
    const nowMs = this.#clock.now();
    for (const [channel, keys] of owned) {
      const stream = this.#streams.find(channel);
      if (stream?.mapRetention === undefined) continue;
      const told: StreamEntry[] = [];
      for (const key of keys) {
        const entry = this.#apply(stream, { key, value: null, ifOwner: node }, stream.mapRetention, nowMs);
        if (entry !== undefined) told.push(entry);
      }
      for (const entry of told) this.#tellEntry(stream, entry);
    }
  }

  #tellEntry(stream: MemoryStream, entry: StreamEntry): void {
    if (stream.listeners.size === 0) return;
    const { channel } = stream;
    const { epoch } = stream.log;
    this.#turns.tell(stream.listeners, (listener) => listener.appended(channel, entry, epoch));
  }

  #startSweep(): Timer {
    const timer = this.#clock.setTimer(() => this.#sweep(), sweepMs);
    timer.unref?.();
    return timer;
  }

  #sweep(): void {
    this.#sweepTimer = undefined;
    const nowMs = this.#clock.now();
    this.#streams.sweep(nowMs);
    this.#appended.sweep(nowMs);
    this.#sessions.sweep(nowMs);
    this.#calls.sweep(nowMs);
    if (this.#streams.size + this.snapshot().records > 0) this.#sweepTimer = this.#startSweep();
  }
}
