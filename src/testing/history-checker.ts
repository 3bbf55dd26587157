// Judges what happened: it is told what was published, what the log of each channel became, what each subscriber saw, what calls did and
// what their callers heard, and finds every broken promise. It knows nothing of how anything works, so it serves for this
// library's tests as for those of applications.

import { type CallEvents, judgeCalls } from './history-checker/call-history.ts';
import { StreamHistory, SubscriberHistory } from './history-checker/stream-history.ts';
import type { HistoryRates, Violation } from './history-checker/violation.ts';

/** What a log channel promises. */
export interface ChannelPromise {
  /** How many entries are kept. */
  readonly maxEntries: number;
  /** For how long, in milliseconds. */
  readonly maxAgeMs: number;
  /** The most entries that are recovered at once. @defaultValue no limit */
  readonly maxRecovered?: number;
}

/** An entry of the log of a channel, told by whoever looks at the engine itself. */
export interface LoggedEntry {
  readonly epoch: string;
  readonly offset: number;
  /** What it is, by a name that each publication has for itself. */
  readonly what: string;
  readonly atMs: number;
}

/** Checks histories. Times are milliseconds of one clock. */
export class HistoryChecker {
  readonly #promise: ChannelPromise;
  readonly #streams = new Map<string, StreamHistory>();
  readonly #subscribers = new Map<string, SubscriberHistory>();
  readonly #calls = new Map<string, CallEvents>();
  readonly #presence: Violation[] = [];
  // When a reason came up for the outcome of calls to be unknown.
  readonly #doubtsMs: number[] = [];

  constructor(promise: ChannelPromise) {
    this.#promise = promise;
  }

  /** An entry is in the log of a channel. Told in the order of the log. */
  logged(channel: string, entry: LoggedEntry): void {
    this.#stream(channel).logged(entry);
  }

  /** A publisher was told that its publication is in the log. */
  acknowledged(channel: string, what: string, offset: number | undefined): void {
    this.#stream(channel).acknowledged(what, offset);
  }

  /** A subscriber asks to follow a channel. */
  asking(subscriber: string, channel: string): void {
    this.#subscriber(subscriber, channel).asking();
  }

  /** A subscriber follows a channel: what is logged from now on it has to see. */
  following(subscriber: string, channel: string): void {
    this.#subscriber(subscriber, channel).following();
  }

  /** A subscriber saw a publication. */
  delivered(subscriber: string, channel: string, what: string, offset: number | undefined): void {
    this.#subscriber(subscriber, channel).delivered(what, offset);
  }

  /** The connection of a subscriber was made anew. */
  reconnected(subscriber: string, channel: string): void {
    this.#subscriber(subscriber, channel).reconnected();
  }

  /** A subscriber was told that something is missing. */
  gap(subscriber: string, channel: string, reason: string, atMs: number): void {
    this.#subscriber(subscriber, channel).gap(reason, atMs);
  }

  /** A call was made. @param call a name that each call has for itself */
  called(call: string, atMs: number): void {
    this.#call(call).calledAtMs = atMs;
  }

  /** A handler did what a call asks for. */
  applied(call: string): void {
    this.#call(call).applied++;
  }

  /** The caller heard what became of it: `ok`, or the code of an error. */
  answered(call: string, outcome: string, atMs: number): void {
    this.#call(call).answers.push({ outcome, atMs });
  }

  /** A node died, a session was lost, or the engine was away: calls that run now may become OUTCOME_UNKNOWN. */
  doubt(atMs: number): void {
    this.#doubtsMs.push(atMs);
  }

  /** At the end, when all is quiet: who is there, and who is there in the eyes of an observer. */
  presence(observer: string, channel: string, expected: Iterable<string>, seen: Iterable<string>): void {
    const [a, b] = [[...expected].sort(), [...seen].sort()];
    if (a.join('\n') === b.join('\n')) return;
    const found = `${observer} sees [${b.join(', ')}] in ${channel}, expected [${a.join(', ')}]`;
    this.#presence.push({ kind: 'presence-diverged', found });
  }

  /** What was broken. Call it at the end, when everybody has had the time to see everything. */
  violations(): readonly Violation[] {
    return [
      ...[...this.#streams.values()].flatMap((stream) => stream.violations()),
      ...[...this.#subscribers.values()].flatMap((subscriber) => subscriber.violations()),
      ...judgeCalls(this.#calls, this.#doubtsMs),
      ...this.#presence,
    ];
  }

  /** How often what was missed was recovered, and how often it could not be. */
  rates(): HistoryRates {
    let [recovered, lost, delivered] = [0, 0, 0];
    for (const subscriber of this.#subscribers.values()) {
      recovered += subscriber.recoveries;
      lost += subscriber.gaps;
      delivered += subscriber.deliveries;
    }
    return { recovered, lost, delivered, calls: this.#calls.size };
  }

  #stream(channel: string): StreamHistory {
    let stream = this.#streams.get(channel);
    if (stream === undefined)
      this.#streams.set(channel, (stream = new StreamHistory(channel, this.#promise)));
    return stream;
  }

  #subscriber(name: string, channel: string): SubscriberHistory {
    const key = `${name} of ${channel}`;
    let subscriber = this.#subscribers.get(key);
    if (subscriber === undefined) {
      subscriber = new SubscriberHistory(key, this.#stream(channel));
      this.#subscribers.set(key, subscriber);
    }
    return subscriber;
  }

  #call(name: string): CallEvents {
    let call = this.#calls.get(name);
    if (call === undefined) this.#calls.set(name, (call = { calledAtMs: 0, applied: 0, answers: [] }));
    return call;
  }
}
