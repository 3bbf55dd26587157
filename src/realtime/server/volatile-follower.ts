// One session's place on a channel that keeps nothing. While the link is full the newest that fit are held, the oldest are dropped
// first, and the session is told how many.

import type { Clock, Timer } from '../../base/clock.ts';
import type { SharedText } from '../link/link.ts';
import type { StreamStart } from '../wire/frames.ts';
import { writePosition } from '../wire/stream-position.ts';
import type { DrainListener, FollowerHome } from './follower.ts';
import type { NodeStream } from './node-stream.ts';
import type { Chunk, StreamFollower } from './stream-follower.ts';
import { messageOf, noPosition, SharedFrames, skipFrame } from './stream-frames.ts';
import type { FollowWish } from './stream-opening.ts';

/** How somebody follows what is volatile. */
export interface VolatileOptions {
  readonly whenSlow: 'drop' | 'close';
  /** The most publications a second; undefined: all. */
  readonly rate: number | undefined;
  readonly clock: Clock;
  /** The most that is held for a link that is full. */
  readonly maxHeldBytes: number;
}

interface Held {
  readonly shared: SharedText;
  readonly count: number;
}

/** A place on a volatile channel. */
export class VolatileFollower implements StreamFollower, DrainListener {
  readonly stream: NodeStream;
  readonly #home: FollowerHome;
  readonly #options: VolatileOptions;
  #hadPosition = false;
  #held: Held[] | undefined;
  #heldBytes = 0;
  #dropped = 0;
  #nextAtMs = 0;
  #timer: Timer | undefined;
  #isEnded = false;

  constructor(stream: NodeStream, home: FollowerHome, options: VolatileOptions) {
    this.stream = stream;
    this.#home = home;
    this.#options = options;
  }

  /** How many bytes are held for a link that is full. */
  get heldBytes(): number {
    return this.#held?.reduce((sum, { shared }) => sum + shared.byteLength, 0) ?? 0;
  }

  async prepare({ position }: FollowWish): Promise<void> {
    this.#hadPosition = position !== undefined;
    await this.stream.start();
  }

  open(): StreamStart {
    return {
      alias: this.stream.alias,
      position: writePosition(noPosition),
      ...(this.#hadPosition ? { recovered: false, gap: 'volatile' } : {}),
    };
  }

  begin(): void {
    if (!this.#isEnded) this.stream.join(this, noPosition);
  }

  end(): void {
    this.#isEnded = true;
    this.#held = undefined;
    this.#timer?.cancel();
    this.stream.leave(this);
  }

  deliver(chunk: Chunk): void {
    const { link, id } = this.#home;
    let { shared } = chunk;
    let count = chunk.entries.length;
    if (chunk.hasExceptions) {
      const wanted = chunk.entries.filter(({ exceptSession }) => exceptSession !== id);
      if (wanted.length === 0) return;
      if (wanted.length < count) {
        const { alias, format } = this.stream;
        shared = new SharedFrames(messageOf(wanted.flatMap((entry) => format.frame(alias, 0, entry) ?? [])));
        count = wanted.length;
      }
    }
    if (this.#options.rate !== undefined) {
      this.#deliverPaced(chunk);
    } else if (!link.isFull && this.#held === undefined) {
      link.sendShared(shared);
    } else if (this.#options.whenSlow === 'close') {
      this.#home.tooSlow(this.stream);
    } else {
      this.#hold({ shared, count });
    }
  }

  moved(): void {
    // A volatile stream has no places.
  }

  wake(): void {
    // It reads nothing.
  }

  drained(): void {
    const { link } = this.#home;
    if (this.#isEnded || this.#held === undefined) return;
    if (link.isFull) {
      this.#home.waitForDrain(this);
      return;
    }
    const held = this.#held;
    this.#held = undefined;
    this.#heldBytes = 0;
    this.#tellDropped();
    for (const { shared } of held) link.sendShared(shared);
  }

  // The newest within the rate; those between are left out.
  #deliverPaced({ entries }: Chunk): void {
    const { rate = 1, clock } = this.#options;
    const { alias, format } = this.stream;
    const mine = entries.filter(({ exceptSession }) => exceptSession !== this.#home.id);
    const newest = mine[mine.length - 1];
    const frame = format.frame(alias, 0, newest);
    if (frame === undefined) return;
    const heldCount = this.#held === undefined ? 0 : 1;
    this.#dropped += mine.length - 1 + heldCount;
    this.#held = [{ shared: new SharedFrames(frame), count: 1 }];
    if (this.#timer !== undefined) return;
    const send = (): void => {
      this.#timer = undefined;
      this.#nextAtMs = clock.now() + 1000 / rate;
      this.drained();
    };
    const waitMs = this.#nextAtMs - clock.now();
    if (waitMs <= 0) send();
    else this.#timer = clock.setTimer(send, waitMs);
  }

  #hold(held: Held): void {
    if (this.#held === undefined) {
      this.#held = [];
      this.#home.lagged(this.stream);
      this.#home.waitForDrain(this);
    }
    this.#held.push(held);
    this.#heldBytes += held.shared.byteLength;
    while (this.#heldBytes > this.#options.maxHeldBytes) {
      const oldest = this.#held.shift();
      if (oldest === undefined) break;
      this.#heldBytes -= oldest.shared.byteLength;
      this.#dropped += oldest.count;
    }
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return;
    this.#home.link.send(skipFrame(this.stream.alias, this.#dropped, noPosition));
    this.#dropped = 0;
  }
}
