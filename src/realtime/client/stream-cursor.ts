// Where a client stands in one ordered stream: what came last, by epoch, offset and id.

import type { StreamStart } from '../wire/frames.ts';
import type { WirePosition } from '../wire/stream-position.ts';

/** A place in a stream that moves on with what arrives. */
export class StreamCursor {
  #position: WirePosition | undefined;

  /** Where it stands; undefined: nowhere yet. */
  get position(): WirePosition | undefined {
    return this.#position;
  }

  /** Goes where a subscription begins, or goes on after something was left out. */
  moveTo({ position }: Pick<StreamStart, 'position'>): void {
    this.#position = position;
  }

  /**
   * Moves on to the next entry. @returns false when it is not the next: something is missing, and the cursor stays
   * @param mayLeap whether the stream leaves out what is no longer of interest
   */
  step(step: number, id: string, mayLeap = false): boolean {
    if (this.#position === undefined || !(mayLeap ? step > 0 : step === 1)) return false;
    this.#position = [this.#position[0], this.#position[1] + step, id];
    return true;
  }
}
