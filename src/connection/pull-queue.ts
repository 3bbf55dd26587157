// A queue that one consumer pulls from as an async iterator and a producer pushes into. It knows how many bytes wait,
// so that its owner can pause the producer; it never drops anything by itself.

/** What a PullQueue tells its owner. */
export interface PullQueueEvents {
  /** The consumer took something: fewer bytes wait than before. */
  taken(): void;
  /** The consumer has left the loop; nobody pulls any more. */
  left(): void;
}

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
}

/** Items on their way from a producer to one async iterator after the other. */
export class PullQueue<T> {
  readonly #events: PullQueueEvents;
  #items: { readonly item: T; readonly byteLength: number }[] = [];
  #head = 0;
  #byteLength = 0;
  #waiters: Waiter<T>[] = [];
  #hasEnded = false;

  constructor(events: PullQueueEvents) {
    this.#events = events;
  }

  /** The bytes that wait, as told to `push`. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Adds an item, or hands it over when the consumer is waiting. */
  push(item: T, byteLength: number): void {
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter.resolve({ done: false, value: item });
      return;
    }
    this.#items.push({ item, byteLength });
    this.#byteLength += byteLength;
  }

  /** Takes the first item without waiting; undefined when nothing waits. */
  shift(): { readonly item: T; readonly byteLength: number } | undefined {
    if (this.#head === this.#items.length) return undefined;
    const first = this.#items[this.#head++];
    // Moving the rest forward is put off until half of the array is behind us: each item moves once at most.
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    this.#byteLength -= first.byteLength;
    return first;
  }

  /** Forgets what waits: nobody wants it any more. */
  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#byteLength = 0;
  }

  /** No more items will come: the iteration ends behind those that wait. */
  end(): void {
    this.#hasEnded = true;
    this.#endWaiters();
  }

  /**
   * Gives an iterator, for a consumer that its owner has let in. Once it was left it takes nothing any more, also when
   * somebody still holds it: reads of it that wait give the end, and what comes then is the next iterator's.
   */
  iterate(): AsyncIterator<T, undefined> {
    let hasLeft = false;
    return {
      next: () => (hasLeft ? Promise.resolve({ done: true, value: undefined }) : this.#next()),
      return: () => {
        if (!hasLeft) {
          hasLeft = true;
          this.#endWaiters();
          this.#events.left();
        }
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #next(): Promise<IteratorResult<T, undefined>> {
    const first = this.shift();
    if (first !== undefined) {
      this.#events.taken();
      return Promise.resolve({ done: false, value: first.item });
    }
    if (this.#hasEnded) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      this.#waiters.push({ resolve });
    });
  }

  #endWaiters(): void {
    for (const waiter of this.#waiters) waiter.resolve({ done: true, value: undefined });
    this.#waiters = [];
  }
}
