// The engine that is always there: everything in the memory of this process, for one hub or for several that share the object.
// What it holds is bounded: entries by the retention that each append names, places of streams that nobody uses by number and by time.

import { type Clock, systemClock, type Timer } from '../../base/clock.ts';
import { describe, FullduplexError } from '../../base/errors.ts';
import type { RandomSource } from '../../base/random.ts';
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
import { MemoryStream } from './memory-stream.ts';
import { RandomText } from './random-text.ts';

/** How an engine in memory is made. */
export interface MemoryEngineOptions {
  /**
   * How long the place of a stream is remembered when nobody is subscribed, its entries are too old and its map is empty. A
   * client that comes back later is told of a gap, though nothing was missed. In milliseconds. @defaultValue 24 hours
   */
  readonly idleStreamMs?: number;
  /** The most such streams: at least 1; above that, the ones that have been idle longest are forgotten first. @defaultValue 100,000 */
  readonly maxIdleStreams?: number;
  /** Hears what a listener throws: the other listeners are told all the same. @defaultValue console.error */
  readonly onError?: (error: unknown) => void;
  readonly clock?: Clock;
  readonly random?: RandomSource;
  /** The time of day, in milliseconds since 1970: only for `atMs` of entries. @defaultValue Date.now */
  readonly timeOfDay?: () => number;
}

/** The defaults of `MemoryEngineOptions`. */
export const defaultMemoryEngineOptions: Readonly<
  Required<Pick<MemoryEngineOptions, 'idleStreamMs' | 'maxIdleStreams'>>
> = Object.freeze({
  idleStreamMs: 24 * 60 * 60_000,
  maxIdleStreams: 100_000,
});

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
  readonly #onError: (error: unknown) => void;
  readonly #idleStreamMs: number;
  readonly #maxIdleStreams: number;
  readonly #streams = new Map<string, MemoryStream>();
  // Those with entries that will be too old one day, and those of which only the place is left, the longest idle first.
  readonly #kept = new Set<MemoryStream>();
  readonly #idle = new Set<MemoryStream>();
  readonly #appended = new ExpiringMap<StreamPosition>();
  readonly #sessions = new ExpiringMap<SessionRecord>();
  readonly #leases: Leases;
  readonly #calls: CallRecords;
  // What is told while something is being told waits: listeners hear everything in one order.
  readonly #untold: (() => void)[] = [];
  #isTelling = false;
  #sweepTimer: Timer | undefined;
  #isClosed = false;

  constructor(options: MemoryEngineOptions = {}) {
    this.#idleStreamMs = options.idleStreamMs ?? defaultMemoryEngineOptions.idleStreamMs;
    this.#maxIdleStreams = options.maxIdleStreams ?? defaultMemoryEngineOptions.maxIdleStreams;
    checkAmount('idleStreamMs', this.#idleStreamMs);
    checkAmount('maxIdleStreams', this.#maxIdleStreams, 1);
    this.#clock = options.clock ?? systemClock;
    this.#text = new RandomText(options.random);
    this.#timeOfDay = options.timeOfDay ?? Date.now;
    this.#onError = options.onError ?? console.error;
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
    const stream = this.#stream(channel, nowMs);
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
    const stream = this.#streams.get(channel);
    if (stream === undefined || stream.listeners.size === 0) return;
    const told: BroadcastEvent = { ...event, atMs: this.#timeOfDay() };
    this.#tell(stream, (listener) => listener.heard(channel, told));
  }

  async head(channel: string): Promise<StreamPosition> {
    return this.#stream(channel, this.#now()).log.head;
  }

  async read(channel: string, since: StreamPosition, limit: number): Promise<StreamRead> {
    const nowMs = this.#now();
    const { log } = this.#stream(channel, nowMs);
    log.expire(nowMs);
    return log.read(since, limit);
  }

  async history(
    channel: string,
    before: number | undefined,
    count: number,
  ): Promise<{ readonly entries: readonly StreamEntry[]; readonly head: StreamPosition }> {
    const nowMs = this.#now();
    const { log } = this.#stream(channel, nowMs);
    log.expire(nowMs);
    return { entries: log.history(before ?? Infinity, count), head: log.head };
  }

  async subscribe(channel: string, listener: StreamListener): Promise<void> {
    const stream = this.#stream(channel, this.#now());
    stream.listeners.add(listener);
    this.#use(stream);
  }

  unsubscribe(channel: string, listener: StreamListener): void {
    const stream = this.#streams.get(channel);
    if (stream?.listeners.delete(listener) === true) this.#rest(stream, this.#clock.now());
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
    const stream = this.#stream(channel, nowMs);
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
    const stream = this.#stream(channel, this.#now());
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
    this.#kept.clear();
    this.#idle.clear();
  }

  /** What it holds. */
  snapshot(): MemoryEngineSnapshot {
    return {
      streams: this.#streams.size,
      idleStreams: this.#idle.size,
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

  #stream(channel: string, nowMs: number): MemoryStream {
    const found = this.#streams.get(channel);
    if (found !== undefined) {
      // Whoever asks for its place counts on it from now on.
      if (found.idleSinceMs !== undefined) this.#rest(found, nowMs);
      return found;
    }
    const stream = new MemoryStream(channel, this.#text.long());
    this.#streams.set(channel, stream);
    this.#rest(stream, nowMs);
    return stream;
  }

  #append(stream: MemoryStream, entry: StreamEntry, retention: Retention, nowMs: number): void {
    stream.log.append(entry, retention, nowMs);
    if (stream.log.size === 0) return;
    this.#kept.add(stream);
    if (stream.idleSinceMs !== undefined) this.#use(stream);
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
      this.#use(stream);
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
    this.#rest(stream, nowMs);
    return entry;
  }

  #removeOwned(node: string, owned: ReadonlyMap<string, ReadonlySet<string>>): void {
    const nowMs = this.#clock.now();
    for (const [channel, keys] of owned) {
      const stream = this.#streams.get(channel);
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
    this.#tell(stream, (listener) => listener.appended(channel, entry, epoch));
  }

  #tell(stream: MemoryStream, tellOne: (listener: StreamListener) => void): void {
    if (this.#isTelling) {
      this.#untold.push(() => this.#tellAll(stream, tellOne));
      return;
    }
    this.#isTelling = true;
    try {
      this.#tellAll(stream, tellOne);
      for (let next = this.#untold.shift(); next !== undefined; next = this.#untold.shift()) next();
    } finally {
      this.#isTelling = false;
    }
  }

  #tellAll(stream: MemoryStream, tellOne: (listener: StreamListener) => void): void {
    for (const listener of stream.listeners) {
      try {
        tellOne(listener);
      } catch (error) {
        this.#report(error);
      }
    }
  }

  // One hub's mistake takes nothing from the others, and nothing from whoever appended.
  #report(error: unknown): void {
    try {
      this.#onError(error);
    } catch (reportError) {
      // The console is the last resort.
      console.error(reportError);
    }
  }

  #use(stream: MemoryStream): void {
    stream.idleSinceMs = undefined;
    this.#idle.delete(stream);
  }

  /** Puts a stream that nobody needs behind all others that are idle. */
  #rest(stream: MemoryStream, nowMs: number): void {
    if (!stream.isUnused) return;
    this.#idle.delete(stream);
    this.#idle.add(stream);
    stream.idleSinceMs = nowMs;
    if (this.#idle.size > this.#maxIdleStreams) this.#forgetFirst();
  }

  #forgetFirst(): void {
    for (const stream of this.#idle) {
      this.#idle.delete(stream);
      this.#streams.delete(stream.channel);
      return;
    }
  }

  #startSweep(): Timer {
    const timer = this.#clock.setTimer(() => this.#sweep(), sweepMs);
    timer.unref?.();
    return timer;
  }

  #sweep(): void {
    this.#sweepTimer = undefined;
    const nowMs = this.#clock.now();
    for (const stream of this.#kept) {
      stream.log.expire(nowMs);
      if (stream.log.size > 0) continue;
      this.#kept.delete(stream);
      this.#rest(stream, nowMs);
    }
    for (const stream of this.#idle) {
      if (stream.idleSinceMs === undefined || nowMs - stream.idleSinceMs < this.#idleStreamMs) break;
      this.#forgetFirst();
    }
    this.#appended.sweep(nowMs);
    this.#sessions.sweep(nowMs);
    this.#calls.sweep(nowMs);
    if (this.#streams.size + this.snapshot().records > 0) this.#sweepTimer = this.#startSweep();
  }
}

function checkRetention({ maxEntries, maxAgeMs }: Retention): void {
  checkAmount('maxEntries', maxEntries);
  checkAmount('maxAgeMs', maxAgeMs);
}

function checkAmount(name: string, value: number, least = 0): void {
  if (value >= least) return;
  throw new FullduplexError(
    'WS_OPTION_INVALID',
    `${name} is ${describe(value)}, expected a number of at least ${least}`,
  );
}
