// A keyed map of the server as the client sees it: the state of a channel, or who is there.

import type { EntryFrame, StreamStart } from '../wire/frames.ts';
import { Listeners, type Listener } from './listeners.ts';
import { StreamCursor } from './stream-cursor.ts';

/** A map that follows that of the server. Users see it as a ReadonlyMap. */
export class KeyedMap extends Map<string, unknown> {
  readonly cursor: StreamCursor = new StreamCursor();
  readonly #listeners: Listeners;

  constructor(failed: (error: unknown) => void) {
    super();
    this.#listeners = new Listeners(failed);
  }

  /** Adds a listener of `change`. */
  on(event: string, listener: Listener): () => void {
    return this.#listeners.on(event, listener);
  }

  /** Goes on where the server says; a snapshot follows unless it recovered. */
  follow(start: StreamStart): void {
    this.cursor.moveTo(start);
  }

  /** Takes one change; older ones of the same key may have been left out. @returns false when it cannot follow what came before */
  change([, , step, key, value, id]: EntryFrame): boolean {
    if (!this.cursor.step(step, id, true)) return false;
    if (value === null) this.delete(key);
    else this.set(key, value);
    this.#listeners.tell('change', key, value ?? undefined);
    return true;
  }

  /** Takes the whole. */
  replace(entries: Readonly<Record<string, unknown>>): void {
    this.clear();
    for (const [key, value] of Object.entries(entries)) this.set(key, value);
    this.#listeners.tell('change');
  }
}
