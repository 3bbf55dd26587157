// One session's place in a stream. As long as its link keeps up it is live: it gets what everybody gets. A session that is too slow
// holds no more than a cursor, and reads on from the engine when its link has drained; so does one that wants a lower rate, and one
// that comes back and has missed something. Nobody is ever live and behind at once.

import type { Clock, Timer } from '../../base/clock.ts';
import type { StreamEntry } from '../engine/engine.ts';
import type { ServerLink, SharedText } from '../link/link.ts';
import type { GapReason, StreamStart } from '../wire/frames.ts';
import { type StreamPosition, writePosition } from '../wire/stream-position.ts';
import type { NodeStream } from './node-stream.ts';
import type { Chunk, StreamFollower } from './stream-follower.ts';
import { maxBatchBytes, messageOf, skipFrame } from './stream-frames.ts';
import { type FollowWish, openStream, type Opening } from './stream-opening.ts';
import { conflate, newestAfter, readPage, type StreamPage } from './stream-pages.ts';

/** What happens to a session that is too slow for a channel. */
export type WhenSlow = 'recover' | 'conflate' | 'drop' | 'close';

/** What a follower needs of its session. */
export interface FollowerHome {
  readonly id: string;
  readonly link: ServerLink;
  /** Asks for `drained`, once. */
  waitForDrain(follower: DrainListener): void;
  /** The session is too slow for a stream. */
  lagged(stream: NodeStream): void;
  /** The same, where none may be. */
  tooSlow(stream: NodeStream): void;
  /** A keyed map that it needs as a whole is larger than what is sent at once. */
  outgrown(stream: NodeStream): void;
}

/** Waits until the link has sent what was too much. */
export interface DrainListener {
  drained(): void;
}

/** How somebody follows. */
export interface FollowOptions {
  readonly whenSlow: WhenSlow;
  /** The most publications a second; undefined: all. */
  readonly rate: number | undefined;
  /** Whether what has changed is enough, in place of whole values. */
  readonly delta: boolean;
  readonly clock: Clock;
  /** The entries of a history that are looked through for the newest of each key, on streams that may jump. */
  readonly conflatedEntries: number;
}

const retryMs = 1_000;
// Of what was missed the first message is short, and each one after it twice as long: over links that die young there is progress too.
const firstBatchBytes = 1_024;
// So often in a row may a read bring nothing although the stream is elsewhere.
const maxStalls = 3;

/** A place in a stream whose entries have places. */
export class Follower implements StreamFollower, DrainListener {
  readonly stream: NodeStream;
  readonly #home: FollowerHome;
  readonly #options: FollowOptions;
  // Where it is, while it is not live.
  #cursor: StreamPosition | undefined;
  #opening: Opening | undefined;
  #isReading = false;
  #isSlow = false;
  #owesMap = false;
  #isEnded = false;
  // Whoever takes changes has all values since here.
  #takesChanges = false;
  #wholeSince = 0;
  #nextAtMs = 0;
  #timer: Timer | undefined;

  constructor(stream: NodeStream, home: FollowerHome, options: FollowOptions) {
    this.stream = stream;
    this.#home = home;
    this.#options = options;
  }

  // Beginning

  /** Reads what it begins with. Until `begin` or `end` the stream keeps what is told. */
  async prepare(wish: FollowWish): Promise<void> {
    const { stream } = this;
    stream.hold();
    try {
      await stream.start();
      this.#opening = await openStream(stream, wish, this.#options.conflatedEntries);
    } catch (error) {
      stream.release();
      throw error;
    }
    if (this.#isEnded) this.#abandon();
  }

  /** Says where it begins; `begin` has to follow in the same turn. */
  open(): StreamStart {
    const { stream } = this;
    const opening = this.#opening;
    // Who has no place yet begins where the others are now.
    stream.flush();
    const position = opening?.position ?? stream.position;
    this.#cursor = position;
    return {
      alias: stream.alias,
      position: writePosition(position),
      ...(opening?.recovered === undefined ? {} : { recovered: opening.recovered }),
      ...(opening?.gap === undefined ? {} : { gap: opening.gap }),
    };
  }

  /** Sends what was missed, and goes live. */
  begin(): void {
    const opening = this.#opening;
    const cursor = this.#cursor;
    if (opening === undefined || cursor === undefined || this.#isEnded) return;
    this.#opening = undefined;
    const { stream } = this;
    const { link } = this.#home;
    if (this.#options.delta) this.#takesChanges = stream.takeChanges();
    // What does not fit now is read again when the link has drained.
    this.#owesMap = opening.snapshot !== undefined && link.isFull;
    if (opening.snapshot !== undefined && !this.#owesMap) link.send(opening.snapshot);
    stream.adopt(opening.entries, cursor.epoch);
    if (this.#options.rate !== undefined) stream.wakeWhenNew(this);
    if (this.#owesMap || !this.#sendEntries(opening.entries) || !this.#joinLive()) void this.#catchUp();
    stream.release();
  }

  /** Follows no more. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#timer?.cancel();
    this.#cursor = undefined;
    this.stream.leave(this);
    this.stream.letSleep(this);
    if (this.#takesChanges) this.stream.leaveChanges();
    this.#abandon();
  }

  #abandon(): void {
    if (this.#opening === undefined) return;
    this.#opening = undefined;
    this.stream.release();
  }

  // While it is live

  deliver(chunk: Chunk): void {
    const { link, id } = this.#home;
    if (link.isFull) {
      this.#fallBehind(chunk.before);
    } else if (chunk.hasExceptions && chunk.entries.some(({ exceptSession }) => exceptSession === id)) {
      this.#cursor = chunk.before;
      const hasSentAll = this.#sendEntries(chunk.entries);
      const reached = this.#cursor;
      this.#cursor = undefined;
      this.#wholeSince = chunk.entries[chunk.entries.length - 1].offset;
      if (!hasSentAll) this.#fallBehind(reached);
    } else {
      const { shared, changes } = chunk;
      const mayChange = this.#takesChanges && changes !== undefined && changes.oldestBase > this.#wholeSince;
      link.sendShared(mayChange ? changes.shared : shared);
    }
  }

  moved(message: SharedText | undefined, before: StreamPosition): void {
    this.#wholeSince = this.stream.position.offset;
    if (message === undefined) {
      this.#home.outgrown(this.stream);
    } else if (this.#home.link.isFull) {
      this.#fallBehind(before);
    } else if (this.stream.format.mayJump && this.stream.kind !== 'map') {
      // The newest of each key counts, wherever the stream goes on: each reads it as if it came back.
      this.stream.leave(this);
      this.#cursor = before;
      void this.#catchUp();
    } else {
      this.#home.link.sendShared(message);
    }
  }

  #fallBehind(cursor: StreamPosition): void {
    this.stream.leave(this);
    this.#cursor = cursor;
    this.#isSlow = true;
    this.#home.lagged(this.stream);
    if (this.#options.whenSlow === 'close') this.#home.tooSlow(this.stream);
    else this.#home.waitForDrain(this);
  }

  // While it is behind

  drained(): void {
    void this.#catchUp();
  }

  wake(): void {
    const { rate, clock } = this.#options;
    if (rate === undefined || this.#isEnded || this.#isReading || this.#timer !== undefined) return;
    const waitMs = this.#nextAtMs - clock.now();
    if (waitMs <= 0) void this.#catchUp();
    else this.#tryAgainIn(waitMs);
  }

  #tryAgainIn(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimer(() => {
      this.#timer = undefined;
      void this.#catchUp();
    }, delayMs);
  }

  async #catchUp(): Promise<void> {
    if (this.#isReading || this.#isEnded) return;
    this.#isReading = true;
    this.stream.hold();
    try {
      let stalls = 0;
      while (this.#cursor !== undefined && !this.#home.link.isFull) {
        if (this.#options.rate !== undefined && this.#nextAtMs > this.#options.clock.now()) break;
        const { offset } = this.#cursor;
        if (await this.#readOn()) break;
        if (this.#cursor === undefined || this.#cursor.offset !== offset) continue;
        // The stream on this node is behind the engine, or of another history.
        if (++stalls > maxStalls) throw new Error('the stream stands still');
        await this.stream.repair();
      }
    } catch {
      // The engine is away: the cursor stays where it is.
      if (!this.#isEnded) this.#tryAgainIn(retryMs);
    } finally {
      this.stream.release();
      this.#isReading = false;
    }
    if (this.#isEnded || this.#cursor === undefined) return;
    if (this.#home.link.isFull) this.#home.waitForDrain(this);
    else if (this.#options.rate !== undefined && this.stream.position.offset !== this.#cursor.offset)
      this.wake();
  }

  // Reads once and sends that; true when nothing is left to do.
  async #readOn(): Promise<boolean> {
    const { stream } = this;
    const cursor = this.#cursor;
    if (cursor === undefined) return true;
    if (this.#options.whenSlow === 'drop' && this.#isSlow && this.#options.rate === undefined) {
      stream.flush();
      const { position } = stream;
      return this.#goOnAt(position, position.epoch === cursor.epoch ? undefined : 'epoch');
    }
    const page = await readPage(stream.engine, stream.name, cursor);
    if (this.#isEnded) return true;
    if (this.#options.rate !== undefined && !stream.format.mayJump && hasMoreThanIsKept(page)) {
      // Whoever wants few misses nothing by what it does not want, however much that is.
      const newest = await newestAfter(stream.engine, stream.name, cursor);
      if (this.#isEnded) return true;
      if (newest !== undefined) {
        this.#skipTo(newest.position, undefined);
        return this.#sendEntries(newest.entries) && this.#joinLive();
      }
    }
    if (page.kind === 'page' && (stream.kind === 'log' || page.isLast) && !this.#owesMap) {
      stream.adopt(page.entries, cursor.epoch);
      return this.#sendEntries(page.entries) && this.#joinLive();
    }
    if (stream.kind === 'map') {
      const { entries, head } = await stream.engine.map(stream.name);
      if (this.#isEnded) return true;
      const snapshot = stream.snapshot(entries);
      if (snapshot === undefined) {
        this.#home.outgrown(stream);
        return true;
      }
      this.#home.link.send(messageOf([skipFrame(stream.alias, -1, head), snapshot]));
      this.#owesMap = false;
      this.#cursor = head;
      return this.#joinLive();
    }
    const reason = page.kind === 'gap' ? page.reason : 'limit';
    const gap = this.#isSlow ? overrunOf(reason) : reason;
    if (!stream.format.mayJump) return this.#goOnAt(page.head, gap);
    // What is still kept has the newest of each key, or of most of them.
    const kept = await stream.newest(this.#options.conflatedEntries);
    if (this.#isEnded) return true;
    this.#skipTo(kept.position, gap);
    stream.adopt(kept.entries, kept.position.epoch);
    return this.#sendEntries(kept.entries) && this.#joinLive();
  }

  #goOnAt(position: StreamPosition, gap: GapReason | undefined): boolean {
    this.#skipTo(position, gap);
    return this.#joinLive();
  }

  #skipTo(position: StreamPosition, gap: GapReason | undefined): void {
    const from = this.#cursor;
    const count = from?.epoch === position.epoch ? Math.max(0, position.offset - from.offset) : -1;
    this.#home.link.send(skipFrame(this.stream.alias, count, position, gap));
    this.#cursor = position;
  }

  // Sends what was told while it was read, and goes live; true when that was possible.
  #joinLive(): boolean {
    const { stream } = this;
    // What was sent a moment ago may have ended the link.
    if (this.#cursor === undefined || this.#isEnded) return true;
    const recent = stream.recentAfter(this.#cursor);
    if (this.#options.rate !== undefined) return recent?.length === 0;
    if (recent !== undefined && !this.#sendEntries(recent)) return false;
    if (this.#cursor === undefined || this.#home.link.isFull || !stream.join(this, this.#cursor))
      return false;
    this.#wholeSince = this.#cursor.offset;
    this.#cursor = undefined;
    this.#isSlow = false;
    return true;
  }

  // Sends entries that stand behind the cursor, and moves it; false when the link was full before the last.
  #sendEntries(entries: readonly StreamEntry[]): boolean {
    const from = this.#cursor;
    if (from === undefined || entries.length === 0) return true;
    const { link, id } = this.#home;
    // A place whose id is not known cannot be read on from: from there, some entries go in any case.
    if (link.isFull && (from.id !== '' || from.offset === 0)) return false;
    const { alias, format } = this.stream;
    const wanted = this.#wanted(entries);
    const frames: string[] = [];
    let [offset, length, most] = [from.offset, 0, firstBatchBytes];
    for (const [index, entry] of wanted.entries()) {
      const place = { epoch: from.epoch, offset: entry.offset, id: entry.id };
      const left = entry.offset - offset - 1;
      if (left > 0 && !format.mayJump) {
        const before = entries[entries.indexOf(entry) - 1];
        frames.push(skipFrame(alias, left, { epoch: from.epoch, offset: before.offset, id: before.id }));
      }
      const frame =
        entry.exceptSession === id
          ? skipFrame(alias, 0, place)
          : (format.frame(alias, format.mayJump ? left + 1 : 1, entry) ?? skipFrame(alias, 1, place));
      frames.push(frame);
      offset = entry.offset;
      length += frame.length;
      const isLast = index === wanted.length - 1;
      if (length < most && !isLast) continue;
      most = Math.min(2 * most, maxBatchBytes);
      link.send(messageOf(frames));
      this.#cursor = place;
      [frames.length, length] = [0, 0];
      if (link.isFull && !isLast) return false;
    }
    const { rate, clock } = this.#options;
    if (rate !== undefined) this.#nextAtMs = clock.now() + (wanted.length * 1000) / rate;
    return true;
  }

  #wanted(entries: readonly StreamEntry[]): readonly StreamEntry[] {
    const { rate, whenSlow } = this.#options;
    const { format } = this.stream;
    if (format.mayJump || (this.#isSlow && whenSlow === 'conflate'))
      return conflate(entries, (entry) => format.keyOf(entry));
    if (rate === undefined) return entries;
    // What it has published itself is not what it waits for; it is passed over with the next.
    const newest = entries.findLast(({ exceptSession }) => exceptSession !== this.#home.id);
    return newest === undefined ? entries.slice(-1) : [newest];
  }
}

// Whether there is more behind a place than one page, or than the history has.
function hasMoreThanIsKept(page: StreamPage): boolean {
  return page.kind === 'page' ? !page.isLast : page.reason === 'expired';
}

// What a slow session calls what its server calls by another name.
function overrunOf(reason: GapReason): GapReason {
  return reason === 'expired' ? 'overrun' : reason;
}
