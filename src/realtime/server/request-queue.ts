// The requests of a session that wait for their turn, when as many as may run at once do: bounded by number and by length, in the order
// in which they came.

import type { RequestFrame } from '../wire/frames.ts';
import type { RequestOrigin } from './requests.ts';

/** A request that waits. */
export interface WaitingRequest {
  readonly frame: RequestFrame;
  readonly origin: RequestOrigin;
  /** What it had of its message, in characters; 0: something else bounds it. */
  readonly length: number;
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
  readonly #waiting: WaitingRequest[] = [];
  #length = 0;

  constructor(limits: RequestQueueLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** Whether one more may wait. */
  hasRoom({ length }: WaitingRequest): boolean {
    const { maxRequests, maxLength } = this.#limits;
    return this.#waiting.length < maxRequests && this.#length + length <= maxLength;
  }

  /** Puts one behind the others. */
  put(request: WaitingRequest): void {
    this.#waiting.push(request);
    this.#length += request.length;
  }

  /** Takes the one that has waited longest. */
  next(): WaitingRequest | undefined {
    return this.#taken(this.#waiting.shift());
  }

  /** Takes one out of its order: nobody waits for it any more. */
  take(id: number | string): WaitingRequest | undefined {
    const index = this.#waiting.findIndex(({ frame }) => frame[1] === id);
    return index < 0 ? undefined : this.#taken(this.#waiting.splice(index, 1)[0]);
  }

  #taken(request: WaitingRequest | undefined): WaitingRequest | undefined {
    this.#length -= request?.length ?? 0;
    return request;
  }
}
