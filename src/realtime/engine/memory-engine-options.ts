// How an engine in memory is made, and what holds when nothing is said.

import type { Clock } from '../../base/clock.ts';
import { describe, FullduplexError } from '../../base/errors.ts';
import type { RandomSource } from '../../base/random.ts';
import type { Retention } from './engine.ts';

/** How an engine in memory is made. */
export interface MemoryEngineOptions {
  /**
   * How long the place of a stream is remembered when nobody is subscribed, its entries are too old and its map is empty. A
   * client that comes back later is told of a gap, though nothing was missed. In milliseconds. @defaultValue 24 hours
   */
  readonly idleStreamMs?: number;
  /** The most such streams: at least 1; above that, the ones that have been idle longest are forgotten first. @defaultValue 100,000 */
  readonly maxIdleStreams?: number;
  /** Hears what a listener throws: the other listeners are told all the same. @defaultValue console.error */
  readonly onError?: (error: unknown) => void;
  readonly clock?: Clock;
  readonly random?: RandomSource;
  /** The time of day, in milliseconds since 1970: only for `atMs` of entries. @defaultValue Date.now */
  readonly timeOfDay?: () => number;
}

/** The defaults of `MemoryEngineOptions`. */
export const defaultMemoryEngineOptions: Readonly<
  Required<Pick<MemoryEngineOptions, 'idleStreamMs' | 'maxIdleStreams'>>
> = Object.freeze({
  idleStreamMs: 24 * 60 * 60_000,
  maxIdleStreams: 100_000,
});

/** @throws FullduplexError `WS_OPTION_INVALID` */
export function checkRetention({ maxEntries, maxAgeMs }: Retention): void {
  checkAmount('maxEntries', maxEntries);
  checkAmount('maxAgeMs', maxAgeMs);
}

/** @throws FullduplexError `WS_OPTION_INVALID` */
export function checkAmount(name: string, value: number, least = 0): void {
  if (value >= least) return;
  throw new FullduplexError(
    'WS_OPTION_INVALID',
    `${name} is ${describe(value)}, expected a number of at least ${least}`,
  );
}
