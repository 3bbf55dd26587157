// A link that is one answer: it collects what the hub says to a hello, and answers as soon as there is something that the client
// does not know yet, or when it has waited long enough. What comes later is recovered over the next poll.

import type { Timer } from '../../../base/clock.ts';
import { Deferred } from '../../../base/deferred.ts';
import type { ServerLink, ServerLinkEvents, SharedText } from '../../link/link.ts';
import type { ResolvedFallbackOptions } from './fallback-options.ts';
import { isNewsOfWelcome } from './welcome-news.ts';

// What comes together shall go together: the rest of a batch, and what is recovered behind the welcome.
const gatherMs = 10;

/** The server's end of a poll. */
export class PollLink implements ServerLink {
  readonly kind = 'poll';
  readonly isTwoWay = false;
  readonly #answer = new Deferred<string>();
  readonly #options: Pick<
    ResolvedFallbackOptions,
    'clock' | 'pollHoldMs' | 'highWaterMarkBytes' | 'maxBufferedBytes'
  >;
  readonly #isUrgent: boolean;
  readonly #frames: string[] = [];
  readonly #hold: Timer;
  #events: ServerLinkEvents | undefined;
  #gather: Timer | undefined;
  #bufferedBytes = 0;
  #isOver = false;

  /** @param isUrgent whether the client waits for the welcome itself */
  constructor(
    options: Pick<
      ResolvedFallbackOptions,
      'clock' | 'pollHoldMs' | 'highWaterMarkBytes' | 'maxBufferedBytes'
    >,
    isUrgent: boolean,
  ) {
    this.#options = options;
    this.#isUrgent = isUrgent;
    this.#hold = options.clock.setTimer(() => this.#finish(), options.pollHoldMs);
  }

  /** The answer, as JSON; it never rejects. */
  get answer(): Promise<string> {
    return this.#answer.promise;
  }

  /** Tells who hears of it; before, nobody does. */
  attach(events: ServerLinkEvents): void {
    this.#events = events;
    if (this.#isOver) events.ended();
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  get isFull(): boolean {
    return this.#isOver || this.#bufferedBytes >= this.#options.highWaterMarkBytes;
  }

  send(text: string): void {
    // Near enough for a bound of memory.
    this.#take(text, text.length);
  }

  sendShared({ text, byteLength }: SharedText): void {
    this.#take(text, byteLength);
  }

  close(): void {
    // Behind what was sent in this turn.
    queueMicrotask(() => this.#finish());
  }

  /** The client no longer waits. */
  cut(): void {
    this.#frames.length = 0;
    this.#finish();
  }

  #take(text: string, byteLength: number): void {
    // A poll is answered in time by itself: the sign of life that the hub asks for is the next poll.
    if (this.#isOver || text === '[]') return;
    if (this.#bufferedBytes + byteLength > this.#options.maxBufferedBytes && this.#frames.length > 0) {
      this.#finish();
      return;
    }
    const isNews = this.#frames.length > 0 || this.#isUrgent || isNewsOfWelcome(text);
    // A message is a frame, or an array of frames.
    this.#frames.push(text.startsWith('[[') ? text.slice(1, -1) : text);
    this.#bufferedBytes += byteLength;
    if (this.isFull) this.#finish();
    else if (isNews) this.#gather ??= this.#options.clock.setTimer(() => this.#finish(), gatherMs);
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#hold.cancel();
    this.#gather?.cancel();
    this.#answer.resolve(`{"frames":[${this.#frames.join(',')}]}`);
    this.#frames.length = 0;
    this.#events?.ended();
  }
}
