// The publications of one stream on their way to those who listen: each once and in order, or a gap that is told. The streams
// are those of channels, and those of what is sent to the session and to the user alone.

import type { GapReason, PublicationFrame, SkippedTo, Subscribed } from '../wire/frames.ts';
import type { Listener } from './listeners.ts';
import { Listeners } from './listeners.ts';
import { type Publication, PublicationReader } from './publication-reader.ts';
import { StreamCursor } from './stream-cursor.ts';

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
  /** Hears what a listener throws. */
  failed(error: unknown): void;
  /** Some publications were not taken: the subscription has to begin again, where the cursor stands. */
  readAgain(): void;
}

/** Publications, from the wire to listeners and loops. */
export class EventStream {
  readonly cursor: StreamCursor = new StreamCursor();
  readonly #owner: EventStreamOwner;
  readonly #listeners: Listeners;
  readonly #readers = new Set<PublicationReader>();
  #subscribed: Subscribed | undefined;
  // The highest offset of the present epoch that was delivered before a gap: a history that reaches back behind it repeats nothing.
  #seenOffset = 0;
  #isBehind = false;

  constructor(owner: EventStreamOwner) {
    this.#owner = owner;
    this.#listeners = new Listeners((error) => owner.failed(error));
  }

  on(event: string, listener: Listener): () => void {
    return this.#listeners.on(event, listener);
  }

  tell(event: string, ...values: readonly unknown[]): void {
    this.#listeners.tell(event, ...values);
  }

  /** Goes on where the server says, and tells if something is missing before that. */
  follow(subscribed: Subscribed): void {
    const before = this.cursor.position;
    this.#subscribed = subscribed;
    this.#isBehind = false;
    this.#moveTo(subscribed);
    const isSameHistory = subscribed.gap !== 'epoch' && before?.[0] === subscribed.position[0];
    this.#seenOffset = before !== undefined && isSameHistory ? before[1] : 0;
  }

  /** Goes on behind something that was left out. */
  skip(count: number, to: SkippedTo): void {
    if (this.#isBehind) return;
    this.#moveTo({ position: to.position, recovered: to.gap === undefined, gap: to.gap });
    if (to.gap === undefined && count > 0) this.tell('skipped', { count });
  }

  /** Takes a publication. @returns false when one is missing before it */
  take([, , step, number, data, id, meta]: PublicationFrame): boolean {
    const subscribed = this.#subscribed;
    if (subscribed === undefined) return false;
    const { delivery, events } = subscribed;
    // A loop that is too slow for a log reads on later, from the server's history.
    const isKept = id !== undefined && id !== '';
    if (delivery === 'log' && isKept && this.#isHeld()) {
      this.#isBehind = true;
      return true;
    }
    // Without an id it is kept nowhere, and has no place.
    if (isKept && !this.cursor.step(step, id, delivery === 'latest')) return false;
    const offset = isKept ? this.cursor.position?.[1] : undefined;
    const event = events[number];
    // An event that came with a newer contract is none of ours; what was delivered before a gap is not delivered again.
    if (event === undefined || (offset !== undefined && offset <= this.#seenOffset)) return true;
    const publication: Publication = {
      channel: this.#owner.name,
      event,
      data,
      offset,
      user: meta?.user,
      at: meta?.at,
    };
    for (const reader of this.#readers) reader.push(publication, delivery);
    this.tell(event, data, publication);
    return true;
  }

  /** A new loop over what arrives from now on. */
  read(): PublicationReader {
    const goOn = (): void => {
      if (this.#isBehind && !this.#isHeld()) {
        this.#isBehind = false;
        this.#owner.readAgain();
      }
    };
    const reader = new PublicationReader(this.#owner.readerLimit, goOn, (left) => {
      this.#readers.delete(left);
      goOn();
    });
    this.#readers.add(reader);
    return reader;
  }

  /** Ends all loops. */
  end(error?: Error): void {
    for (const reader of this.#readers) reader.end(error);
    this.#readers.clear();
  }

  #isHeld(): boolean {
    for (const reader of this.#readers) if (reader.isFull) return true;
    return false;
  }

  #moveTo(start: Pick<Subscribed, 'position' | 'recovered' | 'gap'>): void {
    this.cursor.moveTo(start);
    if (start.recovered === false) {
      const gap: Gap = { reason: start.gap ?? 'epoch' };
      this.tell('gap', gap);
    }
  }
}
