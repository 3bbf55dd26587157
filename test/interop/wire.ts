// What went over the wire of one of our connections: its data messages in both directions, put together from the frames
// that an observer sees.

import { createHash, type Hash } from 'node:crypto';
import type { FrameDirection, FrameHeader, FrameObserver } from '../../src/protocol.ts';

/** A data message as it was on the wire. */
export interface WireMessage {
  /** RSV1 on its first frame (RFC 7692 6). */
  readonly isCompressed: boolean;
  readonly frames: number;
  /** The bytes of its payloads. */
  readonly bytes: number;
  /** The digest of these bytes, masked where they were. */
  readonly sha256: string;
}

/** The messages that went in one direction, put together from frames. */
class WireLog {
  readonly messages: WireMessage[] = [];
  /** How many data frames (text, binary, continuation) there were. */
  dataFrames = 0;
  #open: { isCompressed: boolean; frames: number; bytes: number; hash: Hash } | undefined;
  #isData = false;
  #isFinal = false;
  #left = 0;

  header({ opcode, rsv, fin, payloadLength }: FrameHeader): void {
    this.#isData = opcode < 8;
    if (!this.#isData) return;
    this.dataFrames += 1;
    this.#open ??= { isCompressed: rsv === 0x40, frames: 0, bytes: 0, hash: createHash('sha256') };
    this.#open.frames += 1;
    this.#isFinal = fin;
    this.#left = payloadLength;
    if (payloadLength === 0) this.#endFrame();
  }

  payload(bytes: Uint8Array): void {
    if (!this.#isData || this.#open === undefined) return;
    this.#open.bytes += bytes.length;
    this.#open.hash.update(bytes);
    this.#left -= bytes.length;
    if (this.#left === 0) this.#endFrame();
  }

  #endFrame(): void {
    if (!this.#isFinal || this.#open === undefined) return;
    const { isCompressed, frames, bytes, hash } = this.#open;
    this.#open = undefined;
    this.messages.push({ isCompressed, frames, bytes, sha256: hash.digest('hex') });
  }
}

/** Both directions of a connection, as its observer. */
export class Wire implements FrameObserver {
  readonly in = new WireLog();
  readonly out = new WireLog();

  header(direction: FrameDirection, header: FrameHeader): void {
    this[direction].header(header);
  }

  payload(direction: FrameDirection, bytes: Uint8Array): void {
    this[direction].payload(bytes);
  }
}
