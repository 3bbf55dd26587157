// Requests that bring frames take turns: one of a session at a time, so that their order is that of the client, and one more may
// wait. Turns belong to id and secret together: who knows only the id of a session, which is public, cannot take them.

import { Deferred } from '../../../base/deferred.ts';
import { refuseRequest } from './refused-request.ts';

interface Turn {
  /** Who waits for it. */
  next: Deferred<void> | undefined;
}

/** Gives turns to sessions. */
export class UpstreamTurns {
  readonly #turns = new Map<string, Turn>();

  /**
   * Runs a task when it is its turn.
   * @throws RefusedRequest 429 when another waits already; whatever the task throws
   */
  async run<T>(session: readonly [id: string, secret: string], task: () => Promise<T>): Promise<T> {
    // No separator can be misread: both were JSON.
    const key = JSON.stringify(session);
    let turn = this.#turns.get(key);
    if (turn === undefined) {
      turn = { next: undefined };
      this.#turns.set(key, turn);
    } else {
      if (turn.next !== undefined) {
        const message = 'two requests of this session are under way already, expected one at a time';
        throw refuseRequest(429, 'RATE_LIMITED', message, { 'Retry-After': '1' });
      }
      turn.next = new Deferred();
      await turn.next.promise;
      turn.next = undefined;
    }
    try {
      return await task();
    } finally {
      if (turn.next === undefined) this.#turns.delete(key);
      else turn.next.resolve();
    }
  }
}
