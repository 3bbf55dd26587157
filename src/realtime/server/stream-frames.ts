// How what happens in a stream is written for clients. Data is JSON already, as the engine has it, and is put into its frame as
// it is: nothing is parsed or written again for a receiver, however many there are.

import type { MapEntry, StreamEntry } from '../engine/engine.ts';
import type { SharedText } from '../link/link.ts';
import { FrameType, type GapReason, type SkippedTo } from '../wire/frames.ts';
import { escapeKey } from '../wire/json-codec.ts';
import { type StreamPosition, writePosition } from '../wire/stream-position.ts';

/** What several frames together may have; one frame alone may have more. */
export const maxBatchBytes: number = 64 * 1024;

// Of a UTF-16 unit in UTF-8.
const mostBytesOfUnit = 3;

const encoder = new TextEncoder();

/** The place in a stream that has none. */
export const noPosition: StreamPosition = Object.freeze({ epoch: '', offset: 0, id: '' });

/** How the entries of one kind of stream are written. */
export interface StreamFormat {
  /** Whether a client takes an entry that is further on than the next: older ones of the same key were left out. */
  readonly mayJump: boolean;
  /** Writes an entry; undefined: it is one that clients cannot know. */
  frame(alias: number, step: number, entry: StreamEntry): string | undefined;
  /** Among entries with the same key only the newest counts, where they are conflated. */
  keyOf(entry: StreamEntry): string;
}

/** Keyed maps: state and presence. */
export const mapFormat: StreamFormat = Object.freeze({
  mayJump: true,
  frame: (alias: number, step: number, { kind, name, data, id }: StreamEntry): string | undefined =>
    kind === 'publication'
      ? undefined
      : `[${FrameType.entry},${alias},${step},${JSON.stringify(name)},${kind === 'set' ? data : 'null'},"${id}"]`,
  keyOf: ({ name }: StreamEntry): string => name,
});

/** What a format of publications has to know of their channel. */
export interface PublicationFormatOptions {
  /** The events, in the order in which clients know them. */
  readonly events: readonly string[];
  /** What is told beside the data. */
  readonly meta: { readonly user: boolean; readonly at: boolean };
  readonly isVolatile: boolean;
  readonly mayJump: boolean;
  readonly keyOf: (entry: StreamEntry) => string;
  /** Whether who asks for it is told only what has changed. */
  readonly hasChanges: boolean;
}

/** Publications of the channels of one declaration. */
export class PublicationFormat implements StreamFormat {
  readonly mayJump: boolean;
  readonly keyOf: (entry: StreamEntry) => string;
  readonly hasChanges: boolean;
  readonly #events: ReadonlyMap<string, number>;
  readonly #isVolatile: boolean;
  readonly #user: boolean;
  readonly #at: boolean;

  constructor({ events, meta, isVolatile, mayJump, keyOf, hasChanges }: PublicationFormatOptions) {
    this.mayJump = mayJump;
    this.keyOf = keyOf;
    this.hasChanges = hasChanges;
    this.#events = new Map(events.map((event, index) => [event, index]));
    this.#isVolatile = isVolatile;
    this.#user = meta.user;
    this.#at = meta.at;
  }

  frame(alias: number, step: number, entry: StreamEntry): string | undefined {
    const event = this.#events.get(entry.name);
    if (event === undefined || entry.kind !== 'publication') return undefined;
    const meta = this.metaOf(entry);
    if (this.#isVolatile) {
      const tail = meta === '' ? '' : `,""${meta}`;
      return `[${FrameType.publication},${alias},0,${event},${entry.data}${tail}]`;
    }
    return `[${FrameType.publication},${alias},${step},${event},${entry.data},"${entry.id}"${meta}]`;
  }

  /** The number of an event; undefined: clients know no such event. */
  numberOf(event: string): number | undefined {
    return this.#events.get(event);
  }

  /** What is told of an entry beside its data: the end of its frame, or nothing. */
  metaOf({ user, atMs }: StreamEntry): string {
    const hasUser = this.#user && user !== undefined;
    if (hasUser) return `,{"user":${JSON.stringify(user)}${this.#at ? `,"at":${atMs}` : ''}}`;
    return this.#at ? `,{"at":${atMs}}` : '';
  }
}

/** Writes that something was left out, and where the stream goes on. */
export function skipFrame(alias: number, count: number, position: StreamPosition, gap?: GapReason): string {
  const to: SkippedTo = {
    position: writePosition(position),
    ...(gap === undefined ? {} : { gap }),
  };
  return `[${FrameType.skipped},${alias},${count},${JSON.stringify(to)}]`;
}

/** Writes a whole map. */
export function snapshotFrame(alias: number, entries: readonly MapEntry[]): string {
  const members = entries.map(({ key, value }) => `${JSON.stringify(escapeKey(key))}:${value}`);
  return `[${FrameType.snapshot},${alias},{${members.join(',')}}]`;
}

/** The same, when it has no more than so many bytes; undefined: it has more. */
export function boundedSnapshot(
  alias: number,
  entries: readonly MapEntry[],
  maxBytes: number,
): string | undefined {
  let length = 0;
  for (const { key, value } of entries) length += key.length + value.length;
  // Before anything is written: what is far too large is not made at all.
  if (length > maxBytes) return undefined;
  const frame = snapshotFrame(alias, entries);
  const isSmall = frame.length * mostBytesOfUnit <= maxBytes;
  return isSmall || encoder.encode(frame).length <= maxBytes ? frame : undefined;
}

/** Joins frames into messages below `maxBatchBytes`, counted in UTF-16 units: who sends much of more than that sends larger batches. */
export function joinFrames(frames: readonly string[]): string[] {
  const messages: string[] = [];
  let from = 0;
  let length = 0;
  for (const [index, frame] of frames.entries()) {
    if (index > from && length + frame.length > maxBatchBytes) {
      messages.push(messageOf(frames.slice(from, index)));
      [from, length] = [index, 0];
    }
    length += frame.length + 1;
  }
  if (from < frames.length) messages.push(messageOf(frames.slice(from)));
  return messages;
}

/** One message of some frames. */
export function messageOf(frames: readonly string[]): string {
  return frames.length === 1 ? frames[0] : `[${frames.join(',')}]`;
}

/** Text for many receivers. */
export class SharedFrames implements SharedText {
  readonly text: string;
  #byteLength: number | undefined;

  constructor(text: string) {
    this.text = text;
  }

  get byteLength(): number {
    this.#byteLength ??= encoder.encode(this.text).length;
    return this.#byteLength;
  }
}
