// One direction of a connection: what is put in comes out later, in order; it can stand still, and be emptied.

import type { Clock, Timer } from '../../base/clock.ts';

interface Delayed<Item> {
  readonly item: Item;
  readonly bytes: number;
  readonly dueMs: number;
}

/** A queue whose items come out when their time has come. */
export class DelayedQueue<Item> {
  readonly #clock: Clock;
  readonly #take: (item: Item) => void;
  #items: Delayed<Item>[] = [];
  #queuedBytes = 0;
  #stalledUntilMs = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, take: (item: Item) => void) {
    this.#clock = clock;
    this.#take = take;
  }

  /** How many bytes are on their way. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  put(item: Item, bytes: number, delayMs: number): void {
    this.#items.push({ item, bytes, dueMs: this.#clock.now() + delayMs });
    this.#queuedBytes += bytes;
    this.#watch();
  }

  /** Lets nothing out for a time. */
  stall(durationMs: number): void {
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.#clock.now() + durationMs);
  }

  /** Lets everything that stands still go on. */
  flow(): void {
    this.#stalledUntilMs = 0;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#watch();
  }

  /** Loses what is on its way. */
  clear(): void {
    this.#items = [];
    this.#queuedBytes = 0;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #watch(): void {
    const [first] = this.#items;
    if (first === undefined || this.#timer !== undefined) return;
    const dueMs = Math.max(first.dueMs, this.#stalledUntilMs);
    this.#timer = this.#clock.setTimer(() => this.#run(), Math.max(0, dueMs - this.#clock.now()));
  }

  #run(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.now();
    for (let next = this.#items[0]; next !== undefined; next = this.#items[0]) {
      if (Math.max(next.dueMs, this.#stalledUntilMs) > nowMs) break;
      this.#items.shift();
      this.#queuedBytes -= next.bytes;
      this.#take(next.item);
    }
    this.#watch();
  }
}
