// Publications as what has changed since the one before of the same event, for large values of which little changes. It is made
// once for all who asked for it, and each of them gets it only when they have the value that it changes.

import type { StreamEntry } from '../engine/engine.ts';
import { FrameType } from '../wire/frames.ts';
import { readJson, writeJson } from '../wire/json-codec.ts';
import { diffJson } from '../wire/json-delta.ts';
import type { PublicationFormat } from './stream-frames.ts';

/** A frame that says what has changed. */
export interface DeltaFrame {
  readonly frame: string;
  /** The place of the publication whose value it changes. */
  readonly baseOffset: number;
}

interface Known {
  readonly value: unknown;
  readonly offset: number;
}

/** Makes the changes of one stream. All publications of the stream have to pass by, or it has to `forget`. */
export class DeltaFrames {
  readonly #format: PublicationFormat;
  readonly #known = new Map<string, Known>();

  constructor(format: PublicationFormat) {
    this.#format = format;
  }

  /** Nothing is known of the values before. */
  forget(): void {
    this.#known.clear();
  }

  /** Remembers a publication; gives what has changed, where that is shorter than `frame`, its whole frame. */
  write(alias: number, entry: StreamEntry, frame: string): DeltaFrame | undefined {
    const { name, data, id, offset } = entry;
    const event = this.#format.numberOf(name);
    if (event === undefined) return undefined;
    const value = readJson(data);
    const base = this.#known.get(name);
    this.#known.set(name, { value, offset });
    if (base === undefined) return undefined;
    // An empty change is one as well: it was published.
    const delta = writeJson(diffJson(base.value, value) ?? {});
    const change = `[${FrameType.change},${alias},1,${event},${delta},"${id}"${this.#format.metaOf(entry)}]`;
    return change.length < frame.length ? { frame: change, baseOffset: base.offset } : undefined;
  }
}
