// What a stream of a node and those who follow it there say to each other.

import type { StreamEntry } from '../engine/engine.ts';
import type { SharedText } from '../link/link.ts';
import type { StreamPosition } from '../wire/stream-position.ts';

/** Some entries in one message. */
export interface Chunk {
  readonly shared: SharedText;
  readonly entries: readonly StreamEntry[];
  /** The place before the first of them. */
  readonly before: StreamPosition;
  /** The same as what has changed, for those who asked for that; undefined: nobody did, or it is not shorter. */
  readonly changes: ChunkChanges | undefined;
  /** Whether a session does not want one of them. */
  readonly hasExceptions: boolean;
}

/** A chunk as what has changed. */
export interface ChunkChanges {
  readonly shared: SharedText;
  /** Who has been live since before this place has all values that are changed. */
  readonly oldestBase: number;
}

/** Somebody who follows a stream. */
export interface StreamFollower {
  /** Entries that come next. */
  deliver(chunk: Chunk): void;
  /**
   * The stream goes on somewhere else; what it begins with there, a map, is in the message.
   * @param message undefined: that is too large to be sent
   */
  moved(message: SharedText | undefined, before: StreamPosition): void;
  /** There is something new, for those who read by themselves. */
  wake(): void;
}
