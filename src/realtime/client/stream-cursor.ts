// Where a client stands in one ordered stream: what came last, by epoch, offset and id. Frames are told apart by their bare numbers
// in all of the client, since a page downloads what has names; the types know which there are (FrameType of wire/frames.ts).

import type { ServerFrame } from '../wire/frames.ts';
import type { WirePosition } from '../wire/stream-position.ts';

/** Frames of a stream: publications (2), changes of a map (3), a map as a whole (11), what was left out (12), and publications as changes (15). */
export type StreamFrame = Extract<ServerFrame, readonly [2 | 3 | 11 | 12 | 15, ...unknown[]]>;

/** A stream that the client follows. */
export interface FollowedStream {
  readonly cursor: StreamCursor;
  /** Takes a frame. @returns false when something is missing before it */
  take(frame: StreamFrame): boolean;
}

/** A place in a stream that moves on with what arrives. */
export class StreamCursor {
  /** Where it stands: where a subscription began, or goes on after something was left out; undefined: nowhere yet. */
  position: WirePosition | undefined;

  /**
   * Moves on to the next entry. @returns false when it is not the next: something is missing, and the cursor stays
   * @param mayLeap whether the stream leaves out what is no longer of interest
   */
  step(step: number, id: string, mayLeap: boolean): boolean {
    const { position } = this;
    if (!position || !(step === 1 || (mayLeap && step > 1))) return false;
    this.position = [position[0], position[1] + step, id];
    return true;
  }
}
