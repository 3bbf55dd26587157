// How many are there, for channels where nobody wants to know who: each node keeps one number in the channel's presence map, and a
// session is told their sum, as a snapshot without places.

import type { StreamEntry } from '../engine/engine.ts';
import type { SharedText } from '../link/link.ts';
import { RealtimeError } from '../wire/error-codes.ts';
import type { StreamStart } from '../wire/frames.ts';
import { writePosition } from '../wire/stream-position.ts';
import type { DrainListener, FollowerHome } from './follower.ts';
import type { NodeStream } from './node-stream.ts';
import type { StreamFollower } from './stream-follower.ts';
import type { NodeStreams } from './node-streams.ts';
import { mapFormat, noPosition, SharedFrames, snapshotFrame } from './stream-frames.ts';

// So often may the stream on this node be elsewhere than the map that was read.
const maxTries = 4;

/** The sum of one channel on this node. */
export class PresenceCounter implements StreamFollower {
  readonly stream: NodeStream;
  readonly #counts = new Map<string, number>();
  readonly #followers = new Set<PresenceCountFollower>();
  users = 0;
  #starting: Promise<void> | undefined;
  #message: SharedText | undefined;

  constructor(stream: NodeStream) {
    this.stream = stream;
  }

  /** The snapshot that clients get. */
  get message(): SharedText {
    this.#message ??= new SharedFrames(
      snapshotFrame(this.stream.alias, [{ key: 'count', value: String(this.count) }]),
    );
    return this.#message;
  }

  /** How many are there. */
  get count(): number {
    let sum = 0;
    for (const count of this.#counts.values()) sum += count;
    return sum;
  }

  /** Reads the numbers of all nodes once. */
  start(): Promise<void> {
    this.#starting ??= this.#read().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  async #read(): Promise<void> {
    const { stream } = this;
    await stream.start();
    for (let tries = 0; tries < maxTries; tries++) {
      const { entries, head } = await stream.engine.map(stream.name);
      // Who asked may be gone by now.
      if (this.users === 0) return;
      this.#counts.clear();
      for (const { key, value } of entries) this.#counts.set(key, Number(value));
      if (stream.join(this, head)) return;
      await stream.repair();
    }
    throw new RealtimeError('UNAVAILABLE', `${JSON.stringify(stream.name)} cannot be read on this node now`, {
      retryable: true,
    });
  }

  deliver({ entries }: { readonly entries: readonly StreamEntry[] }): void {
    for (const { kind, name, data } of entries) {
      if (kind === 'delete') this.#counts.delete(name);
      else this.#counts.set(name, Number(data));
    }
    this.#tell();
  }

  moved(): void {
    this.stream.leave(this);
    this.#starting = undefined;
    // Until the engine answers the old number stands; the next one who asks tries again.
    void this.start().then(
      () => this.#tell(),
      () => undefined,
    );
  }

  wake(): void {
    // It is told everything.
  }

  #tell(): void {
    this.#message = undefined;
    for (const follower of this.#followers) follower.tell();
  }

  add(follower: PresenceCountFollower): void {
    this.#followers.add(follower);
  }

  remove(follower: PresenceCountFollower): void {
    this.#followers.delete(follower);
  }
}

/** One session that wants to know how many are there. */
export class PresenceCountFollower implements DrainListener {
  readonly counter: PresenceCounter;
  readonly #home: FollowerHome;
  #isWaiting = false;
  #isEnded = false;

  constructor(counter: PresenceCounter, home: FollowerHome) {
    this.counter = counter;
    this.#home = home;
  }

  prepare(): Promise<void> {
    return this.counter.start();
  }

  open(): StreamStart & { readonly counts: boolean } {
    return { alias: this.counter.stream.alias, position: writePosition(noPosition), counts: true };
  }

  begin(): void {
    if (this.#isEnded) return;
    this.counter.add(this);
    this.tell();
  }

  /** Sends the number as it is; to who is too slow, when the link has drained. */
  tell(): void {
    if (this.#isWaiting) return;
    if (!this.#home.link.isFull) {
      this.#home.link.sendShared(this.counter.message);
      return;
    }
    this.#isWaiting = true;
    this.#home.waitForDrain(this);
  }

  drained(): void {
    this.#isWaiting = false;
    if (!this.#isEnded) this.tell();
  }

  end(): void {
    this.#isEnded = true;
    this.counter.remove(this);
  }
}

/** All counted channels of a node. */
export class PresenceCounts {
  readonly #counters = new Map<string, PresenceCounter>();

  /** Gives the counter of a stream, for somebody who will `leave` it. */
  take(name: string, streams: NodeStreams): PresenceCounter {
    let counter = this.#counters.get(name);
    if (counter === undefined) {
      counter = new PresenceCounter(streams.take(name, 'map', mapFormat));
      this.#counters.set(name, counter);
    }
    counter.users++;
    return counter;
  }

  /** Somebody who took it is gone. */
  leave(counter: PresenceCounter, streams: NodeStreams): void {
    counter.users--;
    if (counter.users > 0) return;
    counter.stream.leave(counter);
    streams.leave(counter.stream);
    this.#counters.delete(counter.stream.name);
  }
}
