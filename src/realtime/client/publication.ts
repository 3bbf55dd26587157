// What listeners and loops get: one publication with what is known of it.

import type { PublicationMeta } from '../wire/frames.ts';

/** What was published. */
export interface Publication<Event extends string = string, Data = unknown> {
  readonly channel: string;
  readonly event: Event;
  readonly data: Data;
  /** Its place in the channel; undefined where the channel keeps nothing. */
  readonly offset: number | undefined;
  /** The user who published it, if the channel tells. */
  readonly user: string | undefined;
  /** When, in milliseconds since 1970 by the clock of the server, if the channel tells. */
  readonly at: number | undefined;
}

/** Puts together what a frame says. */
export function publicationOf(
  channel: string,
  event: string,
  data: unknown,
  offset: number | undefined,
  meta: PublicationMeta | undefined,
): Publication {
  return { channel, event, data, offset, user: meta?.user, at: meta?.at };
}
