// Timers for what every connection has and hardly ever needs: thousands that wait equally long stand in one list, in
// the order in which they end, and one timer of the clock serves them all.

import type { Clock, Timer } from './clock.ts';

/** Something that waits. Who extends it can be started again and again, and waits for one end at a time. */
export abstract class SharedTimer {
  /** The list that it stands in, with its neighbours; undefined while it does not wait. */
  list: TimerList | undefined;
  next: SharedTimer | undefined;
  previous: SharedTimer | undefined;
  /** When it ends, by the clock, in whole milliseconds. */
  dueAtMs = 0;

  /** Told when the time is up. */
  abstract timeUp(): void;
}

const timersOfClocks = new WeakMap<Clock, SharedTimers>();

/** All shared timers of one clock. */
export class SharedTimers {
  readonly #clock: Clock;
  readonly #lists = new Map<number, TimerList>();

  private constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The shared timers of everybody with this clock. */
  static of(clock: Clock): SharedTimers {
    const found = timersOfClocks.get(clock);
    if (found !== undefined) return found;
    const timers = new SharedTimers(clock);
    timersOfClocks.set(clock, timers);
    return timers;
  }

  /** Starts a timer; one that waits already is started anew. */
  start(timer: SharedTimer, delayMs: number): void {
    this.cancel(timer);
    let list = this.#lists.get(delayMs);
    if (list === undefined) {
      list = new TimerList(this.#clock, delayMs, (ended) => {
        if (this.#lists.get(delayMs) === ended) this.#lists.delete(delayMs);
      });
      this.#lists.set(delayMs, list);
    }
    list.append(timer);
  }

  /** Stops a timer; harmless when it does not wait. */
  cancel(timer: SharedTimer): void {
    const { list } = timer;
    if (list === undefined) return;
    list.remove(timer);
    if (list.isEmpty && !list.isResting) this.#lists.delete(list.delayMs);
  }
}

// Where connections come and go one after the other, a list is empty again and again: starting a timer of the clock
// each time costs more than the rest of it. So the timer stays, without holding the process, unless that were for long.
const longestRestMs = 60_000;

class TimerList {
  readonly delayMs: number;
  readonly #clock: Clock;
  readonly #restEnded: (list: TimerList) => void;
  #first: SharedTimer | undefined;
  #last: SharedTimer | undefined;
  #timer: Timer | undefined;
  #isRunning = false;

  constructor(clock: Clock, delayMs: number, restEnded: (list: TimerList) => void) {
    this.#clock = clock;
    this.#restEnded = restEnded;
    this.delayMs = delayMs;
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /** Whether its timer still runs, though nobody waits. */
  get isResting(): boolean {
    return this.#first === undefined && this.#timer !== undefined;
  }

  append(timer: SharedTimer): void {
    timer.list = this;
    timer.dueAtMs = Math.ceil(this.#clock.now() + this.delayMs);
    timer.previous = this.#last;
    if (this.#last === undefined) {
      this.#first = timer;
      this.#timer?.ref?.();
    } else {
      this.#last.next = timer;
    }
    this.#last = timer;
    // While the list runs, it is the first of those who wait then that the next timer is for.
    if (!this.#isRunning) this.#timer ??= this.#clock.setTimer(this.#run, this.delayMs);
  }

  remove(timer: SharedTimer): void {
    if (timer.previous === undefined) this.#first = timer.next;
    else timer.previous.next = timer.next;
    if (timer.next === undefined) this.#last = timer.previous;
    else timer.next.previous = timer.previous;
    timer.list = undefined;
    timer.next = undefined;
    timer.previous = undefined;
    if (this.#first !== undefined || this.#timer === undefined) return;
    if (this.delayMs <= longestRestMs && this.#timer.unref !== undefined) {
      this.#timer.unref();
      return;
    }
    this.#timer.cancel();
    this.#timer = undefined;
  }

  readonly #run = (): void => {
    this.#timer = undefined;
    this.#isRunning = true;
    const now = this.#clock.now();
    try {
      // What is started from here on stands behind those that are due.
      for (let first = this.#first; first !== undefined && first.dueAtMs <= now; first = this.#first) {
        this.remove(first);
        first.timeUp();
      }
    } finally {
      this.#isRunning = false;
      const first = this.#first;
      if (first !== undefined)
        this.#timer = this.#clock.setTimer(this.#run, Math.max(0, first.dueAtMs - this.#clock.now()));
      else this.#restEnded(this);
    }
  };
}
