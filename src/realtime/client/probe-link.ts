// A link beside the one that is open, which finds out whether a better kind gets through by now: with a session of its own and no
// subscriptions, so that nothing is disturbed when it does not.

import type { Clock, Timer } from '../../base/clock.ts';
import type { ClientLink, OpenClientLink } from '../link/link.ts';
import { FrameType, type Hello } from '../wire/frames.ts';
import { readFrames } from './frame-text.ts';

/** A link that is tried. */
export class ProbeLink {
  readonly #done: (gotThrough: boolean) => void;
  readonly #timer: Timer;
  #link: ClientLink | undefined;
  #isWelcomed = false;
  #isOver = false;

  /** @param done hears the verdict, once, unless it is cancelled: whether a welcome and a heartbeat came in time */
  constructor(
    open: OpenClientLink,
    hello: () => Hello,
    { clock, connectTimeoutMs }: { readonly clock: Clock; readonly connectTimeoutMs: number },
    done: (gotThrough: boolean) => void,
  ) {
    this.#done = done;
    this.#timer = clock.setTimer(() => this.#end(false), connectTimeoutMs);
    try {
      this.#link = open(
        hello,
        {
          received: (text) => this.#received(text),
          ended: () => this.#end(false),
        },
        () => undefined,
      );
    } catch {
      // The platform refuses the address: it does not get through.
      queueMicrotask(() => this.#end(false));
    }
  }

  /** Gives it up. */
  cancel(): void {
    this.#isOver = true;
    this.#timer.cancel();
    this.#link?.close();
  }

  #received(text: string): void {
    for (const frame of readFrames(text)) {
      if (frame.length === 0 && this.#isWelcomed) this.#end(true);
      else if (frame[0] === FrameType.hello) this.#isWelcomed = true;
    }
  }

  #end(gotThrough: boolean): void {
    if (this.#isOver) return;
    this.cancel();
    this.#done(gotThrough);
  }
}
