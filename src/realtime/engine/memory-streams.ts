// The streams of the engine in memory. Those that nobody uses keep their place for a time, and are bounded by number; entries that are
// too old are let go of where nobody reads them.

import { MemoryStream } from './memory-stream.ts';
import type { RandomText } from './random-text.ts';

/** How long, and how many, idle streams are kept. */
export interface IdleStreamLimits {
  readonly idleStreamMs: number;
  readonly maxIdleStreams: number;
}

/** Streams by their channel. */
export class MemoryStreams {
  readonly #text: RandomText;
  readonly #limits: IdleStreamLimits;
  readonly #streams = new Map<string, MemoryStream>();
  // Those with entries that will be too old one day, and those of which only the place is left, the longest idle first.
  readonly #kept = new Set<MemoryStream>();
  readonly #idle = new Set<MemoryStream>();

  /** @param text where epochs come from */
  constructor(text: RandomText, limits: IdleStreamLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  /** How many there are, with the idle ones. */
  get size(): number {
    return this.#streams.size;
  }

  /** Of how many only the place is left. */
  get idleCount(): number {
    return this.#idle.size;
  }

  /** The stream of a channel, as it is. */
  find(channel: string): MemoryStream | undefined {
    return this.#streams.get(channel);
  }

  /** The stream of a channel; it begins now, if there was none. */
  of(channel: string, nowMs: number): MemoryStream {
    const found = this.#streams.get(channel);
    if (found !== undefined) {
      // Whoever asks for its place counts on it from now on.
      if (found.idleSinceMs !== undefined) this.rest(found, nowMs);
      return found;
    }
    const stream = new MemoryStream(channel, this.#text.long());
    this.#streams.set(channel, stream);
    this.rest(stream, nowMs);
    return stream;
  }

  /** A stream has entries, which will be too old one day. */
  keep(stream: MemoryStream): void {
    this.#kept.add(stream);
    if (stream.idleSinceMs !== undefined) this.use(stream);
  }

  /** Somebody needs a stream. */
  use(stream: MemoryStream): void {
    stream.idleSinceMs = undefined;
    this.#idle.delete(stream);
  }

  /** Puts a stream that nobody needs behind all others that are idle. */
  rest(stream: MemoryStream, nowMs: number): void {
    if (!stream.isUnused) return;
    this.#idle.delete(stream);
    this.#idle.add(stream);
    stream.idleSinceMs = nowMs;
    if (this.#idle.size > this.#limits.maxIdleStreams) this.#forgetFirst();
  }

  /** Lets go of what is too old, and of what has been idle for too long. */
  sweep(nowMs: number): void {
    for (const stream of this.#kept) {
      stream.log.expire(nowMs);
      if (stream.log.size > 0) continue;
      this.#kept.delete(stream);
      this.rest(stream, nowMs);
    }
    for (const stream of this.#idle) {
      if (stream.idleSinceMs === undefined || nowMs - stream.idleSinceMs < this.#limits.idleStreamMs) return;
      this.#forgetFirst();
    }
  }

  clear(): void {
    this.#streams.clear();
    this.#kept.clear();
    this.#idle.clear();
  }

  #forgetFirst(): void {
    for (const stream of this.#idle) {
      this.#idle.delete(stream);
      this.#streams.delete(stream.channel);
      return;
    }
  }
}
