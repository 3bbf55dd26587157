// The history of one channel, as its log was, and as one subscriber saw it.

import type { ChannelPromise, LoggedEntry } from '../history-checker.ts';
import type { Violation, ViolationKind } from './violation.ts';

/** The log of a channel. */
export class StreamHistory {
  readonly channel: string;
  readonly #promise: ChannelPromise;
  // The entries of all epochs, in order: a place in this list is a place in time.
  readonly #entries: LoggedEntry[] = [];
  readonly #places = new Map<string, number>();
  readonly #violations: Violation[] = [];
  readonly #acknowledged: { readonly what: string; readonly offset: number | undefined }[] = [];

  constructor(channel: string, promise: ChannelPromise) {
    this.channel = channel;
    this.#promise = promise;
  }

  /** How many entries there are. */
  get length(): number {
    return this.#entries.length;
  }

  at(place: number): LoggedEntry | undefined {
    return this.#entries[place];
  }

  /** Where a publication stands. */
  placeOf(what: string): number | undefined {
    return this.#places.get(what);
  }

  logged(entry: LoggedEntry): void {
    if (this.#places.has(entry.what)) {
      const found = `${entry.what} is in ${this.channel} at offset ${entry.offset} again`;
      this.#violations.push({ kind: 'published-twice', found });
    } else this.#places.set(entry.what, this.#entries.length);
    this.#entries.push(entry);
  }

  acknowledged(what: string, offset: number | undefined): void {
    this.#acknowledged.push({ what, offset });
  }

  /** Whether what follows a place is gone, so that nobody could have recovered it. */
  isDestroyed(place: number, atMs: number): boolean {
    const { maxEntries, maxAgeMs, maxRecovered = Infinity } = this.#promise;
    const missed = this.#entries.slice(place);
    const [first] = missed;
    if (first === undefined) return false;
    if (missed.length > maxEntries || missed.length > maxRecovered || atMs - first.atMs > maxAgeMs)
      return true;
    // A stream that began anew.
    const { epoch } = this.#entries[Math.max(0, place - 1)];
    return missed.some((entry) => entry.epoch !== epoch);
  }

  violations(): readonly Violation[] {
    const inVain = this.#acknowledged.flatMap(({ what, offset }): readonly Violation[] => {
      const place = this.#places.get(what);
      if (place !== undefined && (offset === undefined || this.#entries[place].offset === offset)) return [];
      const where = place === undefined ? 'nowhere' : `at ${this.#entries[place].offset}`;
      const found = `${what} was acknowledged at offset ${offset} of ${this.channel} and is ${where}`;
      return [{ kind: 'acknowledged-in-vain', found }];
    });
    return [...this.#violations, ...inVain];
  }
}

/** What one subscriber saw of a channel. */
export class SubscriberHistory {
  readonly #name: string;
  readonly #stream: StreamHistory;
  readonly #seen = new Set<string>();
  readonly #violations: Violation[] = [];
  // The place in the log of what comes next: at least, because it may have been further on without anybody seeing it, and at most.
  #leastPlace: number | undefined;
  #mostPlace = Infinity;
  #hasReconnected = false;
  recoveries = 0;
  gaps = 0;

  constructor(name: string, stream: StreamHistory) {
    this.#name = name;
    this.#stream = stream;
  }

  get deliveries(): number {
    return this.#seen.size;
  }

  asking(): void {
    this.#leastPlace ??= this.#stream.length;
  }

  following(): void {
    this.asking();
    if (this.#mostPlace === Infinity) this.#mostPlace = this.#stream.length;
  }

  reconnected(): void {
    if (this.#mostPlace === Infinity) return;
    if (this.#hasReconnected) this.recoveries++;
    this.#hasReconnected = true;
  }

  gap(reason: string, atMs: number): void {
    if (this.#leastPlace === undefined) return;
    this.gaps++;
    if (!this.#stream.isDestroyed(this.#leastPlace, atMs)) {
      const missed = this.#stream.length - this.#leastPlace;
      const what = `was told of a gap (${reason}) at ${atMs} ms, though all ${missed} entries were still there`;
      this.#break('gap-without-cause', what);
    }
    this.#hasReconnected = false;
    this.#mostPlace = this.#stream.length;
  }

  delivered(what: string, offset: number | undefined): void {
    const place = this.#stream.placeOf(what);
    const entry = place === undefined ? undefined : this.#stream.at(place);
    if (place === undefined || (offset !== undefined && entry?.offset !== offset)) {
      this.#break('invented', `saw ${what} at offset ${offset}, where the log has ${entry?.what}`);
      return;
    }
    const least = this.#leastPlace ?? 0;
    if (this.#seen.has(what)) this.#break('duplicated', `saw ${what} twice`);
    else if (place < least) this.#break('reordered', `saw ${what} after ${this.#stream.at(least - 1)?.what}`);
    else if (place > this.#mostPlace) this.#missed(this.#mostPlace, place);
    this.#seen.add(what);
    this.#leastPlace = Math.max(least, place + 1);
    this.#mostPlace = this.#leastPlace;
    if (this.#hasReconnected) this.recoveries++;
    this.#hasReconnected = false;
  }

  violations(): readonly Violation[] {
    if (this.#mostPlace >= this.#stream.length) return this.#violations;
    const found = `${this.#name} never saw ${this.#stream.at(this.#mostPlace)?.what}, nor what follows`;
    return [...this.#violations, { kind: this.#hasReconnected ? 'falsely-recovered' : 'lost', found }];
  }

  #missed(from: number, to: number): void {
    const [first, next] = [this.#stream.at(from)?.what, this.#stream.at(to)?.what];
    const more = to - from > 1 ? ` and ${to - from - 1} more` : '';
    const kind = this.#hasReconnected ? 'falsely-recovered' : 'lost';
    this.#break(kind, `saw ${next} without ${first}${more}, and was told of no gap`);
  }

  #break(kind: ViolationKind, what: string): void {
    this.#violations.push({ kind, found: `${this.#name} ${what}` });
  }
}
