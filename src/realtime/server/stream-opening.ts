// What somebody who begins to follow a stream is sent first: what was missed since a place, some of the history, or a whole map.

import { describe } from '../../base/errors.ts';
import type { StreamEntry } from '../engine/engine.ts';
import { RealtimeError } from '../wire/error-codes.ts';
import type { GapReason } from '../wire/frames.ts';
import type { StreamPosition } from '../wire/stream-position.ts';
import type { NodeStream } from './node-stream.ts';
import { pageBefore, readPage } from './stream-pages.ts';

/** Where somebody wants to begin. */
export interface FollowWish {
  readonly position: StreamPosition | undefined;
  /** How many entries before the end, without a position or when it is gone. */
  readonly history: number;
}

/** What is to be sent first. */
export interface Opening {
  /** Where it begins; undefined: where the others are. */
  readonly position: StreamPosition | undefined;
  /** Whether everything since the place that was wished follows; undefined: none was wished. */
  readonly recovered?: boolean;
  readonly gap?: GapReason;
  readonly entries: readonly StreamEntry[];
  /** A frame with the whole map. */
  readonly snapshot?: string;
}

/**
 * Reads what somebody begins with.
 * @param conflatedEntries the entries that are looked through for the newest of each key, on streams that may jump
 * @throws (as a rejection) RealtimeError `TOO_LARGE`: a map is larger than what is sent at once
 */
export function openStream(stream: NodeStream, wish: FollowWish, conflatedEntries: number): Promise<Opening> {
  return stream.kind === 'map' ? openMap(stream, wish) : openLog(stream, wish, conflatedEntries);
}

async function openLog(
  stream: NodeStream,
  { position, history }: FollowWish,
  conflatedEntries: number,
): Promise<Opening> {
  if (position !== undefined) {
    const page = await readPage(stream.engine, stream.name, position);
    if (page.kind === 'page') return { position, recovered: true, entries: page.entries };
    const beginning = await openHistory(stream, history, conflatedEntries);
    return { ...beginning, recovered: false, gap: page.reason };
  }
  return await openHistory(stream, history, conflatedEntries);
}

async function openHistory(stream: NodeStream, history: number, conflatedEntries: number): Promise<Opening> {
  if (stream.format.mayJump) return await stream.newest(conflatedEntries);
  if (history === 0) return { position: undefined, entries: [] };
  return await pageBefore(stream.engine, stream.name, history);
}

async function openMap(stream: NodeStream, { position }: FollowWish): Promise<Opening> {
  if (position === undefined) return { ...(await readMap(stream)), entries: [] };
  const page = await readPage(stream.engine, stream.name, position);
  if (page.kind === 'page' && page.isLast) return { position, recovered: true, entries: page.entries };
  const gap = page.kind === 'page' ? 'limit' : page.reason;
  return { ...(await readMap(stream)), recovered: false, gap, entries: [] };
}

async function readMap(
  stream: NodeStream,
): Promise<{ readonly position: StreamPosition; readonly snapshot: string }> {
  const { entries, head } = await stream.engine.map(stream.name);
  const snapshot = stream.snapshot(entries);
  if (snapshot !== undefined) return { position: head, snapshot };
  throw new RealtimeError(
    'TOO_LARGE',
    `the map of ${describe(stream.name)} is larger than what is sent at once: expected fewer or smaller values`,
  );
}
