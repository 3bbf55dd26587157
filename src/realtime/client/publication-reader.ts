// One `for await` over the publications of a channel: a queue with a bound between what arrives and a loop that takes its time.

import type { Delivery } from '../wire/frames.ts';

/** What was published. */
export interface Publication<Event extends string = string, Data = unknown> {
  readonly channel: string;
  readonly event: Event;
  readonly data: Data;
  /** Its place in the channel; undefined where the channel keeps nothing. */
  readonly offset: number | undefined;
  /** The user who published it, if the channel tells. */
  readonly user: string | undefined;
  /** When, in milliseconds since 1970 by the clock of the server, if the channel tells. */
  readonly at: number | undefined;
}

interface Waiting {
  readonly resolve: (result: IteratorResult<Publication, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

/** An async iterator that is fed. */
export class PublicationReader implements AsyncIterableIterator<Publication, undefined> {
  readonly #limit: number;
  readonly #drained: () => void;
  readonly #left: (reader: PublicationReader) => void;
  readonly #queue: Publication[] = [];
  #waiting: Waiting[] = [];
  #end: { readonly error?: Error } | undefined;

  /**
   * @param limit how many publications wait at most
   * @param drained called when less than half of that waits
   * @param left called when the loop is left
   */
  constructor(limit: number, drained: () => void, left: (reader: PublicationReader) => void) {
    this.#limit = limit;
    this.#drained = drained;
    this.#left = left;
  }

  /** Whether as much waits as may. */
  get isFull(): boolean {
    return this.#queue.length >= this.#limit;
  }

  /** Hands over what arrived. What does not fit is left out by the rule of the channel: the older of the same event, or the oldest. */
  push(publication: Publication, delivery: Delivery): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      waiting.resolve({ value: publication, done: false });
      return;
    }
    if (this.isFull) {
      const older =
        delivery === 'latest' ? this.#queue.findIndex(({ event }) => event === publication.event) : 0;
      this.#queue.splice(Math.max(0, older), 1);
    }
    this.#queue.push(publication);
  }

  /** Nothing more comes; what waits is still read. */
  end(error?: Error): void {
    this.#end ??= error === undefined ? {} : { error };
    for (const waiting of this.#waiting.splice(0)) this.#finish(waiting);
  }

  next(): Promise<IteratorResult<Publication, undefined>> {
    const value = this.#queue.shift();
    if (value !== undefined) {
      if (this.#queue.length < this.#limit / 2) this.#drained();
      return Promise.resolve({ value, done: false });
    }
    return new Promise((resolve, reject) => {
      const waiting = { resolve, reject };
      if (this.#end === undefined) this.#waiting.push(waiting);
      else this.#finish(waiting);
    });
  }

  return(): Promise<IteratorReturnResult<undefined>> {
    this.#queue.length = 0;
    this.#left(this);
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #finish({ resolve, reject }: Waiting): void {
    const error = this.#end?.error;
    if (error === undefined) resolve({ value: undefined, done: true });
    else reject(error);
  }
}
