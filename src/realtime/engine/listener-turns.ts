// Tells listeners of streams what happens, in one order for all: what comes about while something is being told is told behind it.

import type { StreamListener } from './engine.ts';

/** Tells listeners, one thing after the other. */
export class ListenerTurns {
  readonly #onError: (error: unknown) => void;
  // What is told while something is being told waits.
  readonly #untold: (() => void)[] = [];
  #isTelling = false;

  /** @param onError hears what a listener throws: the other listeners are told all the same */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Tells all of them something, now or in its turn. */
  tell(listeners: Iterable<StreamListener>, tellOne: (listener: StreamListener) => void): void {
    if (this.#isTelling) {
      this.#untold.push(() => this.#tellAll(listeners, tellOne));
      return;
    }
    this.#isTelling = true;
    try {
      this.#tellAll(listeners, tellOne);
      for (let next = this.#untold.shift(); next !== undefined; next = this.#untold.shift()) next();
    } finally {
      this.#isTelling = false;
    }
  }

  #tellAll(listeners: Iterable<StreamListener>, tellOne: (listener: StreamListener) => void): void {
    for (const listener of listeners) {
      try {
        tellOne(listener);
      } catch (error) {
        this.#report(error);
      }
    }
  }

  // One hub's mistake takes nothing from the others, and nothing from whoever appended.
  #report(error: unknown): void {
    try {
      this.#onError(error);
    } catch (reportError) {
      // The console is the last resort.
      console.error(reportError);
    }
  }
}
