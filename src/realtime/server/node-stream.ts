// One stream of the engine on this node, for however many follow it here: one subscription of the engine, one alias, one encoding of
// what is told. An entry that is not the next one starts one repair for all of them, and nobody who follows is disturbed.

import type { Clock } from '../../base/clock.ts';
import type { Scheduler } from '../../base/scheduler.ts';
import type { BroadcastEvent, Engine, MapEntry, StreamEntry, StreamListener } from '../engine/engine.ts';
import type { StreamPosition } from '../wire/stream-position.ts';
import { DeltaFrames } from './delta-frames.ts';
import type { HubStatistics } from './hub-statistics.ts';
import {
  boundedSnapshot,
  maxBatchBytes,
  messageOf,
  noPosition,
  PublicationFormat,
  SharedFrames,
  skipFrame,
  type StreamFormat,
} from './stream-frames.ts';
import type { Chunk, ChunkChanges, StreamFollower } from './stream-follower.ts';
import { conflate, pageBefore, type StreamBeginning } from './stream-pages.ts';
import { StreamRepair } from './stream-repair.ts';

/** What is promised of a stream. */
export type StreamKind = 'log' | 'map' | 'volatile';

/** What a stream takes from its node. */
export interface StreamEnvironment {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly statistics: HubStatistics;
  /** The most bytes of a keyed map that is sent as a whole. */
  readonly maxSnapshotBytes: number;
}

// The most entries that are kept while somebody reads the stream in order to join it.
const maxRecentEntries = 1_000;

/** A stream on this node. */
export class NodeStream implements StreamListener {
  readonly name: string;
  readonly alias: number;
  readonly kind: StreamKind;
  readonly format: StreamFormat;
  readonly #environment: StreamEnvironment;
  readonly #repair: StreamRepair;
  readonly #live = new Set<StreamFollower>();
  #changes: DeltaFrames | undefined;
  #changeFollowers = 0;
  #waking: Set<StreamFollower> | undefined;
  // What was told last, and what those who follow have.
  #position: StreamPosition | undefined;
  #flushed: StreamPosition = noPosition;
  #batch: StreamEntry[] = [];
  // What is told before the head is known.
  #early: { readonly entry: StreamEntry; readonly epoch: string }[] = [];
  // What is told while somebody reads the stream.
  #recent: StreamEntry[] = [];
  // What is told while entries before it are missing.
  #ahead: StreamEntry[] = [];
  #readers = 0;
  #newest:
    | { readonly epoch: string; readonly offset: number; readonly beginning: Promise<StreamBeginning> }
    | undefined;
  #starting: Promise<void> | undefined;
  #told = 0;
  #isEnded = false;

  constructor(
    name: string,
    alias: number,
    kind: StreamKind,
    format: StreamFormat,
    environment: StreamEnvironment,
  ) {
    this.name = name;
    this.alias = alias;
    this.kind = kind;
    this.format = format;
    this.#environment = environment;
    this.#repair = new StreamRepair(this, environment);
  }

  /** Somebody follows who takes changes in place of values. False: they are not made here. */
  takeChanges(): boolean {
    if (!(this.format instanceof PublicationFormat) || !this.format.hasChanges) return false;
    this.flush();
    this.#changes ??= new DeltaFrames(this.format);
    this.#changeFollowers++;
    return true;
  }

  /** Ends it. */
  leaveChanges(): void {
    if (--this.#changeFollowers === 0) this.#changes = undefined;
  }

  get engine(): Engine {
    return this.#environment.engine;
  }

  /** How many entries and events were told here. */
  get told(): number {
    return this.#told;
  }

  /** How many follow and keep up. */
  get liveCount(): number {
    return this.#live.size;
  }

  /** The place of what was told last; before the stream has started there is none. */
  get position(): StreamPosition {
    return this.#position ?? noPosition;
  }

  /** Begins to listen. Rejects while the engine is away, and may be tried again. */
  start(): Promise<void> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  /**
   * The newest entry of each key among the last `count`, and the place before them. Read once for all who come before the next
   * entry does.
   */
  newest(count: number): Promise<StreamBeginning> {
    const { epoch, offset } = this.position;
    const known = this.#newest;
    if (known !== undefined && known.epoch === epoch && known.offset === offset) return known.beginning;
    const beginning = pageBefore(this.engine, this.name, count).then(({ position, entries }) => ({
      position,
      entries: conflate(entries, (entry) => this.format.keyOf(entry)),
    }));
    this.#newest = { epoch, offset, beginning };
    beginning.catch(() => {
      this.#newest = undefined;
    });
    return beginning;
  }

  /** Writes a whole map; undefined: it is larger than what is sent at once. */
  snapshot(entries: readonly MapEntry[]): string | undefined {
    return boundedSnapshot(this.alias, entries, this.#environment.maxSnapshotBytes);
  }

  /** Ends listening: nobody follows any more. */
  end(): void {
    this.#isEnded = true;
    this.#repair.end();
    this.engine.unsubscribe(this.name, this);
  }

  async #start(): Promise<void> {
    await this.engine.subscribe(this.name, this);
    // Ended meanwhile: nobody would end it again.
    if (this.#isEnded) this.engine.unsubscribe(this.name, this);
    if (this.kind === 'volatile') return;
    const head = await this.engine.head(this.name);
    this.#position = head;
    this.#flushed = head;
    // What was told before the head was known stands behind it, or is in it, or is of another history.
    const early = this.#early;
    this.#early = [];
    for (const { entry, epoch } of early) this.appended(this.name, entry, epoch);
  }

  // What the engine tells

  appended(_channel: string, entry: StreamEntry, epoch: string): void {
    const position = this.#position;
    if (position === undefined) {
      this.#early.push({ entry, epoch });
      if (this.#early.length > maxRecentEntries) this.#early.shift();
      return;
    }
    if (epoch === position.epoch && entry.offset <= position.offset) return;
    if (epoch === position.epoch && entry.offset === position.offset + 1) {
      this.#accept(entry, epoch);
      return;
    }
    if (epoch === position.epoch && this.#ahead.length < maxRecentEntries) this.#ahead.push(entry);
    void this.#repair.run({ epoch, offset: entry.offset });
  }

  heard(_channel: string, event: BroadcastEvent): void {
    const { name, data, user, atMs, exceptSession } = event;
    this.#queue({
      kind: 'publication',
      offset: 0,
      id: '',
      name,
      data,
      atMs,
      ...(user === undefined ? {} : { user }),
      ...(exceptSession === undefined ? {} : { exceptSession }),
    });
  }

  interrupted(): void {
    if (this.kind !== 'volatile' && this.#position !== undefined) void this.repair();
  }

  /** Takes entries that somebody has read: those beyond what was told are as good as told. */
  adopt(entries: readonly StreamEntry[], epoch: string): void {
    const position = this.#position;
    if (position === undefined || position.epoch !== epoch) return;
    for (const entry of entries) {
      if (entry.offset === this.position.offset + 1) this.#accept(entry, epoch);
    }
    if (this.#ahead.length === 0) return;
    const ahead = this.#ahead;
    this.#ahead = [];
    this.adopt(ahead, epoch);
  }

  #accept(entry: StreamEntry, epoch: string): void {
    this.#newest = undefined;
    this.#position = { epoch, offset: entry.offset, id: entry.id };
    if (this.#readers > 0) this.#remember(entry);
    this.#queue(entry);
  }

  #remember(entry: StreamEntry): void {
    this.#recent.push(entry);
    if (this.#recent.length > maxRecentEntries) this.#recent.shift();
  }

  #queue(entry: StreamEntry): void {
    this.#told++;
    if (this.#live.size === 0 && this.#waking === undefined && this.#batch.length === 0) {
      this.#flushed = this.position;
      this.#changes?.forget();
      return;
    }
    if (this.#batch.push(entry) === 1) this.#environment.scheduler.queueTask(this.#flushLater);
  }

  readonly #flushLater = (): void => this.flush();

  /** Sends what was told to all who follow. What is told in one turn goes in one message. */
  flush(): void {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    let frames: string[] = [];
    let entries: StreamEntry[] = [];
    let length = 0;
    for (const entry of batch) {
      const frame = this.#frame(entry);
      if (frames.length > 0 && length + frame.length > maxBatchBytes) {
        this.#deliver(frames, entries);
        [frames, entries, length] = [[], [], 0];
      }
      frames.push(frame);
      entries.push(entry);
      length += frame.length + 1;
    }
    this.#deliver(frames, entries);
    if (this.#waking !== undefined) for (const follower of this.#waking) follower.wake();
  }

  #frame(entry: StreamEntry): string {
    const frame = this.format.frame(this.alias, 1, entry);
    if (frame !== undefined) return frame;
    return skipFrame(this.alias, 1, this.#placeOf(entry));
  }

  #placeOf({ offset, id }: StreamEntry): StreamPosition {
    return this.kind === 'volatile' ? noPosition : { epoch: this.position.epoch, offset, id };
  }

  #deliver(frames: readonly string[], entries: readonly StreamEntry[]): void {
    const before = this.#flushed;
    const last = entries[entries.length - 1];
    this.#flushed = this.#placeOf(last);
    if (this.#live.size === 0) return;
    const { statistics } = this.#environment;
    const chunk: Chunk = {
      shared: new SharedFrames(messageOf(frames)),
      entries,
      before,
      changes: this.#changesOf(frames, entries),
      hasExceptions: entries.some(({ exceptSession }) => exceptSession !== undefined),
    };
    statistics.deliveries += this.#live.size * entries.length;
    for (const follower of this.#live) follower.deliver(chunk);
  }

  #changesOf(frames: readonly string[], entries: readonly StreamEntry[]): ChunkChanges | undefined {
    const changes = this.#changes;
    if (changes === undefined) return undefined;
    const [{ offset: first }] = entries;
    let oldestBase = Infinity;
    const shorter = entries.map((entry, index) => {
      const change = changes.write(this.alias, entry, frames[index]);
      // What stands in this message reaches whoever gets the message.
      if (change !== undefined && change.baseOffset < first)
        oldestBase = Math.min(oldestBase, change.baseOffset);
      return change?.frame ?? frames[index];
    });
    if (shorter.every((frame, index) => frame === frames[index])) return undefined;
    return { shared: new SharedFrames(messageOf(shorter)), oldestBase };
  }

  // Who follows

  /** Adds somebody who is at `position`; false: that is not where the stream is. */
  join(follower: StreamFollower, position: StreamPosition): boolean {
    this.flush();
    const { epoch, offset, id } = this.position;
    const isThere = position.epoch === epoch && position.offset === offset && position.id === id;
    if (this.kind !== 'volatile' && !isThere) return false;
    this.#live.add(follower);
    return true;
  }

  /** Somebody follows no more, or not by what is told. */
  leave(follower: StreamFollower): void {
    this.#live.delete(follower);
  }

  /** From now on tells somebody that there is something new, and nothing more. */
  wakeWhenNew(follower: StreamFollower): void {
    this.#waking ??= new Set();
    this.#waking.add(follower);
  }

  /** No more. */
  letSleep(follower: StreamFollower): void {
    if (this.#waking?.delete(follower) === true && this.#waking.size === 0) this.#waking = undefined;
  }

  /** Keeps what is told from now on, for somebody who reads the stream in order to join it. */
  hold(): void {
    this.#readers++;
  }

  /** Ends it. */
  release(): void {
    this.#readers--;
    if (this.#readers === 0) this.#recent = [];
  }

  /** What was told behind a place, as far as it was kept; undefined: not all of it. */
  recentAfter({ epoch, offset }: StreamPosition): readonly StreamEntry[] | undefined {
    const { position } = this;
    if (epoch !== position.epoch) return undefined;
    const entries = this.#recent.filter((entry) => entry.offset > offset);
    return entries.length === position.offset - offset ? entries : undefined;
  }

  // Repair

  /** Reads what is missing, once for all who follow; resolves when that was tried. */
  repair(): Promise<void> {
    return this.#repair.run();
  }

  /** The stream goes on at another place, with a message for all who follow; undefined: what they need is too large to be sent. */
  move(head: StreamPosition, message: string | undefined): void {
    this.flush();
    const before = this.#flushed;
    this.#position = head;
    this.#flushed = head;
    this.#recent = [];
    this.#ahead = [];
    this.#changes?.forget();
    const shared = message === undefined ? undefined : new SharedFrames(message);
    for (const follower of this.#live) follower.moved(shared, before);
    if (this.#waking !== undefined) for (const follower of this.#waking) follower.wake();
  }
}
