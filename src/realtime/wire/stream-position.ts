// A place in an ordered stream of one channel, exact enough to know whether a history is the one that it was taken from.

/**
 * A place in a stream. The epoch is random and new whenever the stream began anew; the offset counts entries, from 1, and is
 * 0 before the first; the id is random for each entry, so that a history that was lost and written again is not taken for
 * the one before. At offset 0 the id is empty.
 */
export interface StreamPosition {
  readonly epoch: string;
  readonly offset: number;
  readonly id: string;
}

/** A position as frames carry it. */
export type WirePosition = readonly [epoch: string, offset: number, id: string];

/** Writes a position into a frame. */
export function writePosition({ epoch, offset, id }: StreamPosition): WirePosition {
  return [epoch, offset, id];
}

/** Reads a position out of a frame; undefined: it is none. */
export function readPosition(value: unknown): StreamPosition | undefined {
  if (!Array.isArray(value)) return undefined;
  const [epoch, offset, id]: readonly unknown[] = value;
  if (typeof epoch !== 'string' || typeof id !== 'string' || typeof offset !== 'number') return undefined;
  if (!Number.isSafeInteger(offset) || offset < 0 || epoch.length > 64 || id.length > 64) return undefined;
  return { epoch, offset, id };
}
