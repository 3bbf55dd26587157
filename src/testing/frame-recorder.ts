// Writes down the frames of a connection, for tests that look at the wire: what went which way, when, and what was in it.
// Bounded, so that it can be left on: the oldest frames are dropped first.

import { type Clock, systemClock } from '../base/clock.ts';
import { requireInteger } from '../protocol/limits.ts';
import type { Connection } from '../connection/connection.ts';
import {
  closeText,
  hexByte,
  payloadPreview,
  payloadText,
  unmaskedPayload,
} from '../protocol/frame-description.ts';
import type { FrameHeader } from '../protocol/frame-header.ts';
import { FrameCollector, type FrameDirection, type ObservedFrame } from '../protocol/frame-observer.ts';
import { opcodeName } from '../protocol/opcode.ts';

/** How frames are recorded. */
export interface FrameRecorderOptions {
  /**
   * The most bytes that are kept: headers, payloads, and 256 for each frame. The oldest frames go first, and a longer
   * payload is cut.
   * @defaultValue 1 MiB
   */
  readonly maxBytes?: number;
  /** What the times go by. @defaultValue the platform's clock */
  readonly clock?: Clock;
}

/** A frame as it was recorded. */
export interface RecordedFrame {
  /** `in` or `out`, seen from the connection that is recorded. */
  readonly direction: FrameDirection;
  /** `text`, `binary`, `continuation`, `close`, `ping`, `pong`. */
  readonly opcode: string;
  /** All fields of the header, and its bytes. */
  readonly header: FrameHeader;
  /** The payload without its mask; compressed if RSV1 is set. Of a payload longer than `maxBytes` the start. */
  readonly payload: Uint8Array;
  /** Milliseconds since the recording began. */
  readonly atMs: number;
}

/** A frame as JSON has it. */
export interface RecordedFrameJson {
  readonly direction: FrameDirection;
  readonly opcode: string;
  readonly fin: boolean;
  /** The reserved bits that are set, as `RSV1`. */
  readonly rsv: readonly string[];
  readonly masked: boolean;
  readonly payloadLength: number;
  /** The payload as text, or what a close frame says; absent where it is neither. */
  readonly text?: string;
  /** The payload in hexadecimal; absent where `text` says it. */
  readonly hex?: string;
  readonly atMs: number;
}

/** The bound that holds when none is given. */
export const defaultFrameRecorderOptions: Readonly<Required<Pick<FrameRecorderOptions, 'maxBytes'>>> =
  Object.freeze({ maxBytes: 1024 * 1024 });

/**
 * Records the frames of a connection from now on. Other observers are not disturbed.
 * @throws FullduplexError `WS_OPTION_INVALID`; `WS_UNSUPPORTED` in a browser
 */
export function recordFrames(
  connection: Connection<unknown>,
  options: FrameRecorderOptions = {},
): FrameRecorder {
  return new FrameRecorder(connection, options);
}

/** The frames of a connection, oldest first. */
export class FrameRecorder {
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #startedAtMs: number;
  readonly #frames: RecordedFrame[] = [];
  readonly #detach: () => void;
  #keptBytes = 0;
  #droppedFrames = 0;

  /** `recordFrames` makes it. @throws FullduplexError `WS_OPTION_INVALID`, `WS_UNSUPPORTED` */
  constructor(connection: Connection<unknown>, options: FrameRecorderOptions) {
    const { maxBytes = defaultFrameRecorderOptions.maxBytes, clock = systemClock } = options;
    this.#maxBytes = requireInteger('maxBytes', maxBytes, 1);
    this.#clock = clock;
    this.#startedAtMs = clock.now();
    this.#detach = connection.observe(new FrameCollector(this.#maxBytes, (frame) => this.#record(frame)));
  }

  /** What was recorded and not dropped. */
  get frames(): readonly RecordedFrame[] {
    return this.#frames;
  }

  /** How many frames were dropped because `maxBytes` was reached. */
  get droppedFrames(): number {
    return this.#droppedFrames;
  }

  /** Records nothing more. What was recorded stays. */
  stop(): void {
    this.#detach();
  }

  /** Forgets what was recorded, and goes on. */
  clear(): void {
    this.#frames.length = 0;
    this.#keptBytes = 0;
    this.#droppedFrames = 0;
  }

  /** The transcript: a line for each frame with its time, `->` for what went out and `<-` for what came in. */
  toString(): string {
    const lines = this.#frames.map((frame) => lineOf(frame));
    if (this.#droppedFrames > 0) lines.unshift(`(${this.#droppedFrames} earlier frames were dropped)`);
    return lines.join('\n');
  }

  /** The frames as plain values. */
  toJSON(): readonly RecordedFrameJson[] {
    return this.#frames.map((frame) => frameJson(frame));
  }

  #record(observed: ObservedFrame): void {
    const { direction, header } = observed;
    const payload = unmaskedPayload(observed);
    const atMs = this.#clock.now() - this.#startedAtMs;
    this.#frames.push({ direction, opcode: opcodeName(header.opcode), header, payload, atMs });
    this.#keptBytes += costOf(header, payload);
    while (this.#keptBytes > this.#maxBytes && this.#frames.length > 1) {
      const first = this.#frames.shift();
      if (first !== undefined) this.#keptBytes -= costOf(first.header, first.payload);
      this.#droppedFrames++;
    }
  }
}

// Thousands of empty frames are not for free.
const frameOverheadBytes = 256;

function costOf(header: FrameHeader, payload: Uint8Array): number {
  return frameOverheadBytes + header.bytes.length + payload.length;
}

function lineOf(frame: RecordedFrame): string {
  const { direction, opcode, header, atMs } = frame;
  const marks = [
    ...(header.fin ? [] : ['not final']),
    ...rsvNames(header.rsv),
    ...(header.maskKey === undefined ? [] : ['masked']),
  ];
  const notes = [`${header.payloadLength} bytes`, ...marks].join(', ');
  const isText = payloadText(frame) !== undefined && closeText(frame) === undefined;
  const preview = payloadPreview(frame);
  const shown = header.payloadLength === 0 ? '' : isText ? ` ${JSON.stringify(preview)}` : ` ${preview}`;
  const time = `${atMs.toFixed(0)} ms`.padStart(9);
  return `${time} ${direction === 'out' ? '->' : '<-'} ${opcode}${shown} (${notes})`;
}

/** Writes a frame down as plain values. */
export function frameJson(frame: RecordedFrame): RecordedFrameJson {
  const { direction, opcode, header, payload, atMs } = frame;
  const text = closeText(frame) ?? payloadText(frame);
  return {
    direction,
    opcode,
    fin: header.fin,
    rsv: rsvNames(header.rsv),
    masked: header.maskKey !== undefined,
    payloadLength: header.payloadLength,
    ...(text === undefined ? { hex: [...payload].map(hexByte).join('') } : { text }),
    atMs,
  };
}

function rsvNames(rsv: number): string[] {
  return [0x40, 0x20, 0x10].flatMap((bit, index) => ((rsv & bit) === 0 ? [] : [`RSV${index + 1}`]));
}
