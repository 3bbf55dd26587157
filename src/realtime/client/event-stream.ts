// The publications of one stream on their way to those who listen: each once and in order, or a gap that is told. The streams
// are those of channels, and those of what is sent to the session and to the user alone.

import type { ChangeFrame, Delivery, GapReason, PublicationFrame, Subscribed } from '../wire/frames.ts';
import type { JsonPatch } from '../wire/json-delta.ts';
import { Listeners } from './listeners.ts';
import { type Publication, publicationOf } from './publication.ts';
import { type FollowedStream, StreamCursor, type StreamFrame } from './stream-cursor.ts';

/** What is missing. */
export interface Gap {
  /** Why it could not be recovered. */
  readonly reason: GapReason;
}

/** What an event stream asks of whoever owns it. */
export interface EventStreamOwner {
  /** The name for the publications. */
  readonly name: string;
  /** How many publications wait for a `for await` at most. */
  readonly readerLimit: number;
  /** Applies a change to a value; undefined: none is asked for. */
  readonly patch?: JsonPatch | undefined;
  /** Hears what a listener throws. */
  readonly failed: (error: unknown) => void;
  /** Some publications were not taken: the subscription has to begin again, where the cursor stands. Undefined: nobody loops over it. */
  readAgain?(): void;
}

// One loop: what it has not read yet.
interface Reader {
  readonly queue: Publication[];
  isOver: boolean;
  wake: () => void;
}

/** Publications, from the wire to listeners and loops. */
export class EventStream extends Listeners implements FollowedStream {
  readonly cursor: StreamCursor = new StreamCursor();
  readonly #owner: EventStreamOwner;
  readonly #readers = new Set<Reader>();
  #subscribed: Subscribed | undefined;
  // The highest offset of the present epoch that was delivered before a gap: a history that reaches back behind it repeats nothing.
  #seenOffset = 0;
  #isBehind = false;
  // The last data of each event, by its number, for what changes it.
  readonly #last = new Map<number, unknown>();
  #end: { readonly error: Error | undefined } | undefined;

  constructor(owner: EventStreamOwner) {
    super(owner.failed);
    this.#owner = owner;
  }

  /** Goes on where the server says, and tells if something is missing before that. */
  follow(subscribed: Subscribed): void {
    const before = this.cursor.position;
    this.#subscribed = subscribed;
    this.#isBehind = false;
    this.#last.clear();
    const { position, recovered, gap = 'epoch' } = subscribed;
    this.cursor.position = position;
    const isSameHistory = before?.[0] === position[0] && (recovered !== false || gap !== 'epoch');
    this.#seenOffset = isSameHistory ? before[1] : 0;
    if (recovered === false) this.tell('gap', { reason: gap } satisfies Gap);
  }

  take(frame: StreamFrame): boolean {
    if (frame[0] === 12 && !this.#isBehind) {
      const [, , count, { position, gap }] = frame;
      this.cursor.position = position;
      if (gap) this.tell('gap', { reason: gap } satisfies Gap);
      else if (count > 0) this.tell('skipped', { count });
    }
    if (frame[0] === 2) return this.#deliver(frame);
    if (frame[0] !== 15) return true;
    const [, , , number, delta] = frame;
    const { patch } = this.#owner;
    return !!patch && this.#last.has(number) && this.#deliver(frame, patch(this.#last.get(number), delta));
  }

  #deliver(frame: PublicationFrame | ChangeFrame, data: unknown = frame[4]): boolean {
    const [, , step, number, , id = '', meta] = frame;
    if (!this.#subscribed) return false;
    const { delivery, events } = this.#subscribed;
    // A loop that is too slow for a log reads on later, from the server's history.
    const isKept = id !== '';
    if (delivery === 'log' && isKept && this.#isHeld()) {
      this.#isBehind = true;
      return true;
    }
    // Without an id it is kept nowhere, and has no place.
    if (isKept && !this.cursor.step(step, id, delivery === 'latest')) return false;
    if (this.#owner.patch) this.#last.set(number, data);
    const offset = isKept ? this.cursor.position?.[1] : undefined;
    const event = events[number];
    // An event that came with a newer contract is none of ours; what was delivered before a gap is not delivered again.
    if (event === undefined || (offset !== undefined && offset <= this.#seenOffset)) return true;
    const publication = publicationOf(this.#owner.name, event, data, offset, meta);
    for (const reader of this.#readers) this.#push(reader, publication, delivery);
    this.tell(event, data, publication);
    return true;
  }

  /** A new loop over what arrives from now on. */
  read(): AsyncGenerator<Publication, undefined, undefined> {
    const reader: Reader = { queue: [], isOver: false, wake: () => undefined };
    this.#readers.add(reader);
    const loop = this.#publications(reader);
    const leave = loop.return.bind(loop);
    // Whoever leaves it while it waits does not wait for the next publication.
    loop.return = (value) => {
      reader.isOver = true;
      reader.wake();
      return leave(value);
    };
    return loop;
  }

  /** Ends all loops, when what has arrived is read. */
  end(error?: Error): void {
    this.#end = { error };
    for (const reader of this.#readers) reader.wake();
  }

  async *#publications(reader: Reader): AsyncGenerator<Publication, undefined, undefined> {
    const { queue } = reader;
    try {
      for (;;) {
        const publication = queue.shift();
        if (publication) {
          if (queue.length < this.#owner.readerLimit / 2) this.#goOn();
          yield publication;
        } else if (this.#end || reader.isOver) {
          if (this.#end?.error) throw this.#end.error;
          return undefined;
        } else {
          await new Promise<void>((resolve) => {
            reader.wake = resolve;
          });
        }
      }
    } finally {
      this.#readers.delete(reader);
      this.#goOn();
    }
  }

  // What does not fit is left out by the rule of the channel: the older of the same event, or the oldest.
  #push({ queue, wake }: Reader, publication: Publication, delivery: Delivery): void {
    if (queue.length >= this.#owner.readerLimit) {
      const older = delivery === 'latest' ? queue.findIndex(({ event }) => event === publication.event) : 0;
      queue.splice(Math.max(0, older), 1);
    }
    queue.push(publication);
    wake();
  }

  #goOn(): void {
    if (!this.#isBehind || this.#isHeld()) return;
    this.#isBehind = false;
    this.#owner.readAgain?.();
  }

  #isHeld(): boolean {
    for (const { queue } of this.#readers) if (queue.length >= this.#owner.readerLimit) return true;
    return false;
  }
}
