// What a connection needs to read: the decoder of frames, the assembler of messages, and the input that may not be
// decoded yet, with the count of what all of them retain. Between two messages it holds nothing and serves another
// connection.

import type { NegotiatedExtension } from './extensions/extension.ts';
import { FrameDecoder } from './frame-decoder.ts';
import { type AssembledSink, MessageAssembler } from './message-assembler.ts';
import type { ProtocolSettings } from './protocol-settings.ts';
import { RetainedBytes } from './retained-bytes.ts';
import { WaitingInput } from './waiting-input.ts';

/** The reading half of a connection, lent while it is in the middle of something. */
export class Receiver {
  readonly decoder: FrameDecoder;
  readonly assembler: MessageAssembler;
  readonly retained: RetainedBytes;
  /** Input that arrived while nothing may be decoded: receiving is paused, or a codec is busy. */
  readonly waiting: WaitingInput;
  #isOver = false;

  constructor(settings: ProtocolSettings) {
    const { limits, text, validateUtf8, isStreamed, isTextDecoded, isBorrowing, copy } = settings;
    const { unmask, isServer, budget, allocate } = settings;
    this.retained = new RetainedBytes(limits.maxRetainedBytes, budget);
    this.waiting = new WaitingInput(this.retained);
    this.assembler = new MessageAssembler({
      limits,
      text,
      validateUtf8,
      isStreamed,
      isTextDecoded,
      copy: isBorrowing ? undefined : copy,
      retained: this.retained,
      allocate,
    });
    const masking = isServer ? 'required' : 'forbidden';
    this.decoder = new FrameDecoder({ masking, maxFrameBytes: limits.maxFrameBytes, unmask }, this.assembler);
  }

  /** Whether it stands between two messages and holds nothing, so that another connection may have it. */
  get isIdle(): boolean {
    return (
      this.decoder.isAtFrameBoundary &&
      !this.assembler.isInMessage &&
      this.waiting.length === 0 &&
      !this.#isOver
    );
  }

  /** Starts to serve a connection. */
  bind(sink: AssembledSink, extension: NegotiatedExtension | undefined): void {
    this.assembler.bind(sink, extension);
    this.decoder.allowedRsv = extension?.rsvBit ?? 0;
  }

  /** Ends to serve a connection, so that nothing of it is kept. */
  unbind(): void {
    this.assembler.bind(undefined, undefined);
    this.decoder.observer = undefined;
  }

  /** Reads nothing any more and gives all memory back: the connection was closed or failed. */
  dispose(): void {
    this.#isOver = true;
    this.decoder.discard();
    this.assembler.dispose();
    this.waiting.clear();
  }
}
