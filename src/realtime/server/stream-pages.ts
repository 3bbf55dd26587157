// Reading a stream page by page, each checked against the entry before it, so that a history which was cut or written anew in
// between is never taken for the one that was begun.

import type { Engine, StreamEntry } from '../engine/engine.ts';
import type { GapReason } from '../wire/frames.ts';
import { noPosition } from './stream-frames.ts';
import type { StreamPosition } from '../wire/stream-position.ts';

/** How many entries are read at once. */
export const pageEntries = 256;

/** What is read page by page. */
export type PagedEngine = Pick<Engine, 'read' | 'history'>;

/** Some entries behind a place, or the news that they cannot be had. */
export type StreamPage =
  | {
      readonly kind: 'page';
      readonly entries: readonly StreamEntry[];
      readonly head: StreamPosition;
      /** Whether they reach the head. */
      readonly isLast: boolean;
    }
  | { readonly kind: 'gap'; readonly reason: GapReason; readonly head: StreamPosition };

/** Reads the entries that follow a place. */
export async function readPage(
  engine: PagedEngine,
  name: string,
  since: StreamPosition,
): Promise<StreamPage> {
  const read = await engine.read(name, since, pageEntries);
  if (read.kind === 'read') return { kind: 'page', entries: read.entries, head: read.head, isLast: true };
  if (read.reason !== 'limit') return { kind: 'gap', reason: read.reason, head: read.head };
  const { entries, head } = await engine.history(name, since.offset + pageEntries + 1, pageEntries + 1);
  if (head.epoch !== since.epoch) return { kind: 'gap', reason: 'epoch', head };
  const [first] = entries;
  const hasSince = first !== undefined && first.offset === since.offset;
  if (hasSince && first.id !== since.id) return { kind: 'gap', reason: 'epoch', head };
  const page = hasSince ? entries.slice(1) : entries;
  if (page[0]?.offset !== since.offset + 1) return { kind: 'gap', reason: 'expired', head };
  return { kind: 'page', entries: page, head, isLast: false };
}

/** What somebody begins with. */
export interface StreamBeginning {
  /** The place before the entries. */
  readonly position: StreamPosition;
  readonly entries: readonly StreamEntry[];
}

/** The last entries of a stream, and the place before them. */
export async function pageBefore(engine: PagedEngine, name: string, count: number): Promise<StreamBeginning> {
  const { entries, head } = await engine.history(name, undefined, count + 1);
  const { epoch } = head;
  if (entries.length === 0) return { position: head, entries };
  const [first] = entries;
  if (entries.length > count) {
    return { position: { epoch, offset: first.offset, id: first.id }, entries: entries.slice(1) };
  }
  // Without the entry before, its id is not known: a client that came back with this place would be told of a gap.
  return { position: { ...noPosition, epoch, offset: first.offset - 1 }, entries };
}

/** The newest entry behind a place, and the place before that entry; undefined: there is none in the same history. */
export async function newestAfter(
  engine: PagedEngine,
  name: string,
  since: StreamPosition,
): Promise<StreamBeginning | undefined> {
  const newest = await pageBefore(engine, name, 1);
  const [entry] = newest.entries;
  const isBehind = entry !== undefined && entry.offset > since.offset;
  return isBehind && newest.position.epoch === since.epoch ? newest : undefined;
}

/** The newest entry of each key, in their order. */
export function conflate(
  entries: readonly StreamEntry[],
  keyOf: (entry: StreamEntry) => string,
): readonly StreamEntry[] {
  const newest = new Map<string, StreamEntry>();
  for (const entry of entries) {
    const key = keyOf(entry);
    newest.delete(key);
    newest.set(key, entry);
  }
  return [...newest.values()];
}
