// Watching frames as they are on the wire: the inspector, the recorder and the tests attach one. It costs one
// comparison per read and per write when nobody watches.

import type { FrameHeader } from './frame-header.ts';

/** Which way a frame travels, seen from this side. */
export type FrameDirection = 'in' | 'out';

/** Sees every frame of a connection. For each frame `header` comes first, then its payload in pieces. */
export interface FrameObserver {
  /** A frame begins. The object and its bytes are the observer's own. */
  header(direction: FrameDirection, header: FrameHeader): void;
  /** The next bytes of the payload as on the wire, still masked if the frame is. A copy, the observer's own. */
  payload(direction: FrameDirection, bytes: Uint8Array): void;
}

/** A frame as it was seen. */
export interface ObservedFrame {
  /** Which way it travelled. */
  readonly direction: FrameDirection;
  /** Its header. */
  readonly header: FrameHeader;
  /** The start of its payload as on the wire (masked if the frame is), at most `maxPayloadBytes` of it. */
  readonly payload: Uint8Array;
}

interface Unfinished {
  readonly header: FrameHeader;
  readonly payload: Uint8Array;
  seenBytes: number;
}

/** Collects what an observer hears into whole frames, keeping at most `maxPayloadBytes` of each payload. */
export class FrameCollector implements FrameObserver {
  readonly #maxPayloadBytes: number;
  readonly #done: (frame: ObservedFrame) => void;
  #in: Unfinished | undefined;
  #out: Unfinished | undefined;

  constructor(maxPayloadBytes: number, done: (frame: ObservedFrame) => void) {
    this.#maxPayloadBytes = maxPayloadBytes;
    this.#done = done;
  }

  header(direction: FrameDirection, header: FrameHeader): void {
    const kept = Math.min(header.payloadLength, this.#maxPayloadBytes);
    const frame: Unfinished = { header, payload: new Uint8Array(kept), seenBytes: 0 };
    if (header.payloadLength === 0) this.#done({ direction, header, payload: frame.payload });
    else this.#keep(direction, frame);
  }

  payload(direction: FrameDirection, bytes: Uint8Array): void {
    const frame = direction === 'in' ? this.#in : this.#out;
    if (frame === undefined) return;
    const room = frame.payload.length - frame.seenBytes;
    if (room > 0) frame.payload.set(bytes.length > room ? bytes.subarray(0, room) : bytes, frame.seenBytes);
    frame.seenBytes += bytes.length;
    if (frame.seenBytes < frame.header.payloadLength) return;
    this.#keep(direction, undefined);
    this.#done({ direction, header: frame.header, payload: frame.payload });
  }

  #keep(direction: FrameDirection, frame: Unfinished | undefined): void {
    if (direction === 'in') this.#in = frame;
    else this.#out = frame;
  }
}
