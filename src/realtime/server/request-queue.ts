// The requests of a session that wait for their turn, when as many as may run at once do: bounded by number and by length, in the order
// in which they came.

import type { RequestFrame } from '../wire/frames.ts';
import { writeJson } from '../wire/json-codec.ts';
import type { RequestOrigin } from './requests.ts';

/** A request, and where it came from. */
export interface WaitingRequest {
  readonly frame: RequestFrame;
  readonly origin: RequestOrigin;
}

interface Waiting extends WaitingRequest {
  readonly length: number;
}

/** The length of a request as JSON, in characters: its part of the message that brought it says nothing, since the others may be short. */
export function lengthOf(frame: RequestFrame): number {
  return writeJson(frame).length;
}

/** The bounds of a queue. */
export interface RequestQueueLimits {
  readonly maxRequests: number;
  /** Of all that wait together. */
  readonly maxLength: number;
}

/** A queue of one session. */
export class RequestQueue {
  /** Whether somebody is about to run what waits. */
  isAdvancing = false;
  readonly #limits: RequestQueueLimits;
  readonly #waiting: Waiting[] = [];
  #length = 0;

  constructor(limits: RequestQueueLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** Whether one more of a length may wait. */
  hasRoom(length: number): boolean {
    const { maxRequests, maxLength } = this.#limits;
    return this.#waiting.length < maxRequests && this.#length + length <= maxLength;
  }

  /** Puts one behind the others. */
  put({ frame, origin }: WaitingRequest, length: number): void {
    this.#waiting.push({ frame, origin, length });
    this.#length += length;
  }

  /**
   * Lets one that was sent again wait in the place of its first copy.
   * @returns who has sent that; undefined: there is none
   */
  replace({ frame, origin }: WaitingRequest): RequestOrigin | undefined {
    const index = this.#indexOf(frame[1]);
    if (index < 0) return undefined;
    const { frame: first, origin: before, length } = this.#waiting[index];
    const [type, id, channel, name, data] = first;
    // What the first has said counts, so that nothing grows here.
    this.#waiting[index] = { frame: [type, id, channel, name, data, frame[5]], origin, length };
    return before;
  }

  /** Takes the one that has waited longest. */
  next(): WaitingRequest | undefined {
    return this.#taken(this.#waiting.shift());
  }

  /** Takes one out of its order: nobody waits for it any more. */
  take(id: number | string): WaitingRequest | undefined {
    const index = this.#indexOf(id);
    return index < 0 ? undefined : this.#taken(this.#waiting.splice(index, 1)[0]);
  }

  #indexOf(id: number | string): number {
    return this.#waiting.findIndex(({ frame }) => frame[1] === id);
  }

  #taken(request: Waiting | undefined): WaitingRequest | undefined {
    this.#length -= request?.length ?? 0;
    return request;
  }
}
