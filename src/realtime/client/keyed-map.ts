// A keyed map of the server as the client sees it: the state of a channel, or who is there.

import type { StreamStart } from '../wire/frames.ts';
import type { WirePosition } from '../wire/stream-position.ts';
import { type Listener, Listeners } from './listeners.ts';
import { type FollowedStream, StreamCursor, type StreamFrame } from './stream-cursor.ts';

/** A map that follows that of the server. Users see it as a ReadonlyMap. */
export class KeyedMap extends Map<string, unknown> implements FollowedStream {
  readonly cursor: StreamCursor = new StreamCursor();
  readonly #listeners: Listeners;
  // Where it stands once the snapshot that was announced is here: a link may end in between, and then nothing is known.
  #announced: WirePosition | undefined;

  constructor(failed: (error: unknown) => void) {
    super();
    this.#listeners = new Listeners(failed);
  }

  /** Adds a listener of `change`. */
  on(event: string, listener: Listener): () => void {
    return this.#listeners.on(event, listener);
  }

  /** Goes on where a subscription begins, or behind something that was left out. */
  follow({ position, recovered }: Pick<StreamStart, 'position' | 'recovered'>): void {
    this.#announced = position;
    this.cursor.position = recovered ? position : undefined;
  }

  take(frame: StreamFrame): boolean {
    if (frame[0] === 3) {
      // A change; older ones of the same key may have been left out.
      const [, , step, key, value, id] = frame;
      if (!this.cursor.step(step, id, true)) return false;
      if (value === null) this.delete(key);
      else this.set(key, value);
      this.#listeners.tell('change', key, value ?? undefined);
    } else if (frame[0] === 11) {
      // A snapshot.
      this.cursor.position ??= this.#announced;
      this.clear();
      for (const [key, value] of Object.entries(frame[2])) this.set(key, value);
      this.#listeners.tell('change');
    } else if (frame[0] === 12) this.follow(frame[3]);
    return true;
  }
}

/** Who is in a channel. */
export class PresenceMap extends KeyedMap {
  /** The map itself: users see it beside the number. */
  get members(): KeyedMap {
    return this;
  }

  /** How many connections are there. Where the channel tells numbers only, they are all that is in the map. */
  get count(): number {
    const count = this.get('count');
    return typeof count === 'number' ? count : this.size;
  }
}
