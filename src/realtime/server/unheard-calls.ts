// Calls that were answered over one link, and whose answers may not have arrived: they are kept until the answer to a heartbeat that was
// sent behind them shows that they have.

import type { CallId } from '../engine/engine.ts';

// When there are so many, a heartbeat asks whether they were heard, so that they need not be kept. All that are kept when V8 clears its
// youngest objects are copied: with 64 a call cost half as much again as with 16, and less than 16 gain nothing.
const maxUnheardCalls = 16;
// So many are remembered for a client that does not answer.
const mostUnheardCalls = 1_024;

/** The answered calls of one link. */
export class UnheardCalls {
  // Those since a heartbeat asked, and those before it: so many answers to heartbeats later these were heard.
  #answered: CallId[] = [];
  #asked: readonly CallId[] | undefined;
  #beats = 0;

  /** A call was answered. @returns whether a heartbeat should ask at once */
  add(id: CallId): boolean {
    // Whose client does not say what it has heard end by themselves.
    if (this.#answered.length >= mostUnheardCalls) this.#answered = [];
    return this.#answered.push(id) >= maxUnheardCalls && this.#asked === undefined;
  }

  /** @param unanswered how many heartbeats are not answered, with the one that goes out now: answers to those before say nothing */
  beaten(unanswered: number): void {
    if (this.#asked !== undefined || this.#answered.length === 0) return;
    this.#asked = this.#answered;
    this.#answered = [];
    this.#beats = unanswered;
  }

  /** A heartbeat was answered. @returns the calls whose answers were heard, if that shows it */
  heard(): readonly CallId[] | undefined {
    const asked = this.#asked;
    if (asked === undefined || --this.#beats > 0) return undefined;
    this.#asked = undefined;
    return asked;
  }
}
