// One stream in memory: its entries as far as they are kept, and its two ends. Of the entry before the first that is kept, place and
// id stay: that is the one entry more than promised, without its data, by which the start of what is kept can be verified.

import type { StreamPosition } from '../wire/stream-position.ts';
import type { Retention, StreamEntry, StreamRead } from './engine.ts';

// Stands where an entry was, so that its data is free at once.
const gone: StreamEntry = Object.freeze({
  kind: 'publication',
  offset: 0,
  id: '',
  name: '',
  data: 'null',
  atMs: 0,
});

/** The log of one stream. */
export class StreamLog {
  readonly epoch: string;
  // The entries, and when each was appended by the clock that only goes forward; those before `start` are gone.
  #entries: StreamEntry[] = [];
  #appendedAtMs: number[] = [];
  #start = 0;
  #maxAgeMs = 0;
  // The place before the first entry that is kept, and that of the last one.
  #baseOffset = 0;
  #baseId = '';
  #headOffset = 0;
  #headId = '';

  constructor(epoch: string) {
    this.epoch = epoch;
  }

  /** How many entries are kept. */
  get size(): number {
    return this.#entries.length - this.#start;
  }

  /** The offset that the next entry has. */
  get nextOffset(): number {
    return this.#headOffset + 1;
  }

  get head(): StreamPosition {
    return { epoch: this.epoch, offset: this.#headOffset, id: this.#headId };
  }

  /** Appends an entry whose offset is the next, and drops what is more than its retention. */
  append(entry: StreamEntry, retention: Retention, nowMs: number): void {
    this.#entries.push(entry);
    this.#appendedAtMs.push(nowMs);
    this.#headOffset = entry.offset;
    this.#headId = entry.id;
    this.#maxAgeMs = retention.maxAgeMs;
    while (this.size > retention.maxEntries) this.#dropFirst();
    this.expire(nowMs);
  }

  /** Drops what is older than the last retention says. */
  expire(nowMs: number): void {
    const oldestMs = nowMs - this.#maxAgeMs;
    while (this.#start < this.#entries.length && this.#appendedAtMs[this.#start] < oldestMs)
      this.#dropFirst();
  }

  /** Everything after a position, or why that cannot be said. */
  read(since: StreamPosition, limit: number): StreamRead {
    const { head } = this;
    if (since.epoch !== this.epoch || since.offset > this.#headOffset)
      return { kind: 'gap', reason: 'epoch', head };
    if (since.offset < this.#baseOffset) return { kind: 'gap', reason: 'expired', head };
    const next = this.#start + (since.offset - this.#baseOffset);
    const id = since.offset === this.#baseOffset ? this.#baseId : this.#entries[next - 1].id;
    if (id !== since.id) return { kind: 'gap', reason: 'epoch', head };
    if (this.#headOffset - since.offset > limit) return { kind: 'gap', reason: 'limit', head };
    return { kind: 'read', entries: this.#entries.slice(next), head };
  }

  /** The last entries before an offset, oldest first. */
  history(before: number, count: number): readonly StreamEntry[] {
    const end = this.#start + Math.min(this.size, Math.max(0, before - 1 - this.#baseOffset));
    return this.#entries.slice(Math.max(this.#start, end - count), end);
  }

  #dropFirst(): void {
    const { offset, id } = this.#entries[this.#start];
    this.#baseOffset = offset;
    this.#baseId = id;
    this.#entries[this.#start] = gone;
    this.#start++;
    // Half of the places are empty: moving the other half now costs each entry one move.
    if (this.#start < this.#entries.length && (this.#start < 32 || this.#start * 2 < this.#entries.length))
      return;
    this.#entries = this.#entries.slice(this.#start);
    this.#appendedAtMs = this.#appendedAtMs.slice(this.#start);
    this.#start = 0;
  }
}
