// Messages out of frames (RFC 6455 5.4): the order of fragments, control frames between them, limits on the whole
// message, UTF-8 across fragments, and the codec of a negotiated extension. Whole or streamed, every message goes
// through here once.

import { type Allocate, type CopyBytes, noBytes, plainView } from '../base/bytes.ts';
import { poison } from '../base/poison.ts';
import type { TextCodec } from '../base/text-codec.ts';
import type { NegotiatedExtension } from './extensions/extension.ts';
import type { FrameSink } from './frame-decoder.ts';
import type { ProtocolLimits } from './limits.ts';
import { Opcode, opcodeName } from './opcode.ts';
import { PayloadBuffer } from './payload-buffer.ts';
import { ProtocolError } from './protocol-error.ts';
import type { RetainedBytes } from './retained-bytes.ts';
import { Utf8Validator } from './utf8-validator.ts';

/** Hears the messages and control frames that a MessageAssembler puts together. */
export interface AssembledSink {
  /** A whole text message, and how many bytes of UTF-8 it was. */
  text(text: string, byteLength: number): void;
  /** A whole text message that is not decoded, `bytes[start..end)`, borrowed for the call unless `isOwned`. */
  textBytes(bytes: Uint8Array, start: number, end: number, isOwned: boolean): void;
  /** A whole binary message, `bytes[start..end)`, borrowed for the call unless `isOwned`. */
  binary(bytes: Uint8Array, start: number, end: number, isOwned: boolean): void;
  /** Streamed: a message begins. */
  messageStart(type: 'text' | 'binary'): void;
  /** Streamed: the next bytes, borrowed for the call. */
  messageChunk(bytes: Uint8Array): void;
  /** Streamed: the message is complete. */
  messageEnd(): void;
  /** A message that a codec has transformed is complete: its bytes as framed, and what they became. */
  messageInflated(framedBytes: number, inflatedBytes: number): void;
  /** A control frame with its payload, borrowed for the call. */
  control(opcode: number, payload: Uint8Array): void;
  /** A codec has not finished: nothing may be decoded until `codecDone`. */
  codecPending(): void;
  /** The codec has finished, and what it gave is delivered. */
  codecDone(): void;
  /** The peer broke a rule. */
  assemblyError(error: ProtocolError): void;
}

/** What a MessageAssembler needs to know. */
export interface MessageAssemblerOptions {
  readonly limits: ProtocolLimits;
  readonly text: TextCodec;
  readonly validateUtf8: boolean;
  readonly isStreamed: boolean;
  /** Whether text is handed out as strings. @defaultValue true */
  readonly isTextDecoded?: boolean;
  /** Makes the copy of text that is not decoded; without it the text is borrowed. */
  readonly copy?: CopyBytes | undefined;
  readonly retained: RetainedBytes;
  /** Makes the memory of messages that do not arrive in one piece. @defaultValue allocateZeroed */
  readonly allocate?: Allocate | undefined;
}

const finText = 0x80 | Opcode.text;
const finBinary = 0x80 | Opcode.binary;

/** Puts the messages of one direction together. */
export class MessageAssembler implements FrameSink {
  readonly #options: MessageAssemblerOptions;
  #sink: AssembledSink | undefined;
  #extension: NegotiatedExtension | undefined;
  readonly #maxMessageBytes: number;
  readonly #payload: PayloadBuffer;
  readonly #utf8: Utf8Validator;
  // A message is in progress: a flag of its own, since a message may have any number of empty fragments.
  #isInMessage = false;
  #opcode = 0;
  #isTransformed = false;
  #fragments = 0;
  // Payload bytes of the message as framed, with those that the current frame has announced.
  #framedBytes = 0;
  // What the codec has given for this message (streamed receiving only).
  #inflatedBytes = 0;
  #frameFirstByte = 0;
  #control: Uint8Array | undefined;
  #controlLength = 0;
  #isCodecBusy = false;
  #codecInputBytes = 0;
  #finalAwaitsCodec = false;
  #isDisposed = false;

  constructor(options: MessageAssemblerOptions) {
    this.#options = options;
    this.#maxMessageBytes = options.limits.maxMessageBytes;
    this.#payload = new PayloadBuffer(options.retained, options.allocate);
    this.#utf8 = new Utf8Validator(options.text);
  }

  /** Whether a message is in progress. */
  get isInMessage(): boolean {
    return this.#isInMessage;
  }

  /** Names who hears the messages from now on, and the extension that was negotiated; called between messages. */
  bind(sink: AssembledSink | undefined, extension: NegotiatedExtension | undefined): void {
    this.#sink = sink;
    this.#extension = extension;
  }

  /** Gives back everything; later calls of a codec are ignored. */
  dispose(): void {
    this.#isDisposed = true;
    this.#payload.clear();
    this.#releaseCodecInput();
  }

  frame(firstByte: number, bytes: Uint8Array, start: number, end: number): void {
    const options = this.#options;
    if (!this.#isInMessage && !options.isStreamed && end - start <= this.#maxMessageBytes) {
      // The common case: a message in one frame, whole in the chunk, no extension at work.
      if (firstByte === finText) {
        this.#deliverText(bytes, start, end, false);
        return;
      }
      if (firstByte === finBinary) {
        this.#sink?.binary(bytes, start, end, false);
        return;
      }
    }
    if ((firstByte & 0x0f) >= Opcode.close) {
      this.#sink?.control(firstByte & 0x0f, bytes.subarray(start, end));
      poison(bytes, start, end);
      return;
    }
    // Each of these may fail the message, or the sink may end it all: the next one then does nothing.
    this.frameStart(firstByte, end - start);
    this.framePayload(bytes, start, end);
    this.frameEnd();
  }

  frameStart(firstByte: number, payloadLength: number): void {
    this.#frameFirstByte = firstByte;
    const opcode = firstByte & 0x0f;
    if (opcode >= Opcode.close) {
      // RFC 6455 5.4: control frames come between fragments and do not touch the message.
      this.#control = new Uint8Array(payloadLength);
      this.#controlLength = 0;
      return;
    }
    const error = opcode === Opcode.continuation ? this.#continue() : this.#begin(firstByte, opcode);
    if (error !== undefined) {
      this.#fail(error);
      return;
    }
    this.#framedBytes += payloadLength;
    this.#checkLimits();
  }

  framePayload(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isDisposed) return;
    if (this.#control !== undefined) {
      this.#control.set(bytes.subarray(start, end), this.#controlLength);
      this.#controlLength += end - start;
      return;
    }
    if (start === end) return;
    const options = this.#options;
    if (this.#isTransformed) {
      if (options.isStreamed) this.#inflate(bytes.slice(start, end), false);
      else this.#append(bytes, start, end);
      return;
    }
    if (this.#opcode === Opcode.text && options.validateUtf8 && !this.#utf8.push(bytes, start, end)) {
      this.#fail(textInvalid());
      return;
    }
    if (options.isStreamed) {
      this.#sink?.messageChunk(bytes.subarray(start, end));
      poison(bytes, start, end);
    } else this.#append(bytes, start, end);
  }

  frameEnd(): void {
    if (this.#isDisposed) return;
    const control = this.#control;
    if (control !== undefined) {
      this.#control = undefined;
      this.#sink?.control(this.#frameFirstByte & 0x0f, control);
      return;
    }
    if ((this.#frameFirstByte & 0x80) === 0) return;
    if (this.#isTransformed) {
      if (this.#isCodecBusy) this.#finalAwaitsCodec = true;
      else this.#inflate(this.#options.isStreamed ? noBytes : this.#payload.take(), true);
      return;
    }
    if (this.#opcode === Opcode.text && this.#options.validateUtf8 && !this.#utf8.isComplete) {
      this.#fail(textInvalid());
      return;
    }
    this.#finish();
  }

  frameError(error: ProtocolError): void {
    this.#fail(error);
  }

  #begin(firstByte: number, opcode: number): ProtocolError | undefined {
    if (this.#isInMessage) {
      return new ProtocolError(
        'WS_CONTINUATION_EXPECTED',
        1002,
        'RFC 6455 5.4',
        `${opcodeName(opcode)} frame inside a fragmented message, expected a continuation or control frame`,
      );
    }
    this.#isInMessage = true;
    this.#opcode = opcode;
    this.#isTransformed = (firstByte & 0x70) !== 0;
    this.#fragments = 1;
    this.#framedBytes = 0;
    this.#inflatedBytes = 0;
    this.#utf8.reset();
    if (this.#options.isStreamed) this.#sink?.messageStart(opcode === Opcode.text ? 'text' : 'binary');
    return undefined;
  }

  #continue(): ProtocolError | undefined {
    if (!this.#isInMessage) {
      return new ProtocolError(
        'WS_CONTINUATION_UNEXPECTED',
        1002,
        'RFC 6455 5.4',
        'continuation frame without a message to continue, expected a text, binary or control frame',
      );
    }
    this.#fragments++;
    return undefined;
  }

  #checkLimits(): void {
    if (this.#isDisposed) return;
    const { maxFragments } = this.#options.limits;
    // A codec may make a message a little longer (deflate: stored blocks); its output is held to the exact limit.
    const slackBytes = this.#isTransformed ? 1024 + this.#maxMessageBytes / 1000 : 0;
    if (this.#framedBytes > this.#maxMessageBytes + slackBytes) {
      this.#fail(messageTooLarge(this.#framedBytes, this.#maxMessageBytes));
    } else if (this.#fragments > maxFragments) {
      this.#fail(
        new ProtocolError(
          'WS_MESSAGE_TOO_FRAGMENTED',
          1009,
          'RFC 6455 10.4',
          `message in more than ${maxFragments} fragments, at most ${maxFragments} accepted`,
        ),
      );
    }
  }

  #append(bytes: Uint8Array, start: number, end: number): void {
    const error = this.#payload.append(bytes, start, end, this.#framedBytes);
    if (error !== undefined) this.#fail(error);
  }

  #finish(): void {
    this.#isInMessage = false;
    if (this.#options.isStreamed) {
      this.#sink?.messageEnd();
      return;
    }
    const payload = this.#payload.take();
    if (this.#opcode === Opcode.binary) this.#sink?.binary(payload, 0, payload.length, true);
    else if (this.#options.isTextDecoded === false) this.#sink?.textBytes(payload, 0, payload.length, true);
    else this.#sink?.text(this.#options.text.decode(payload, 0, payload.length), payload.length);
  }

  #deliverText(bytes: Uint8Array, start: number, end: number, isOwned: boolean): void {
    const { text, validateUtf8, isTextDecoded, copy } = this.#options;
    if (isTextDecoded === false) {
      if (copy !== undefined && !isOwned) {
        // Checked in the copy, which is an array by itself: nothing is cut out of the chunk a second time.
        this.#deliverText(copy(bytes, start, end), 0, end - start, true);
      } else if (validateUtf8 && !text.isValid(bytes, start, end)) this.#fail(textInvalid());
      else this.#sink?.textBytes(bytes, start, end, isOwned);
      return;
    }
    if (!validateUtf8) {
      this.#sink?.text(text.decode(bytes, start, end), end - start);
      return;
    }
    const decoded = text.decodeStrict(bytes, start, end);
    if (decoded === undefined) this.#fail(textInvalid());
    else this.#sink?.text(decoded, end - start);
  }

  #inflate(input: Uint8Array, isFinal: boolean): void {
    const extension = this.#extension;
    if (extension === undefined) return;
    // What the codec holds is retained too.
    const tooMuch = this.#options.retained.add(input.length);
    if (tooMuch !== undefined) {
      this.#fail(tooMuch);
      return;
    }
    this.#codecInputBytes = input.length;
    let isInside = true;
    this.#isCodecBusy = true;
    extension.inflater.inflate(input, isFinal, this.#codecAllowance, (error, output) => {
      if (this.#isDisposed) return;
      this.#releaseCodecInput();
      this.#isCodecBusy = false;
      this.#inflated(error, error === undefined ? plainView(output) : noBytes, isFinal);
      if (!isInside && !this.#isCodecBusy) this.#sink?.codecDone();
    });
    isInside = false;
    if (this.#isCodecBusy) this.#sink?.codecPending();
  }

  // How much the codec may give for one piece. A streamed message may have no limit, but a piece of it is held whole.
  get #codecAllowance(): number {
    const { isStreamed, limits } = this.#options;
    const left = this.#maxMessageBytes - this.#inflatedBytes;
    return isStreamed ? Math.min(left, limits.maxRetainedBytes) : left;
  }

  #releaseCodecInput(): void {
    this.#options.retained.subtract(this.#codecInputBytes);
    this.#codecInputBytes = 0;
  }

  #inflated(error: Error | undefined, output: Uint8Array, isFinal: boolean): void {
    if (error !== undefined) {
      this.#fail(error instanceof ProtocolError ? error : codecFailed(error));
      return;
    }
    this.#inflatedBytes += output.length;
    if (this.#inflatedBytes > this.#maxMessageBytes) {
      this.#fail(messageTooLarge(this.#inflatedBytes, this.#maxMessageBytes));
      return;
    }
    if (isFinal) this.#sink?.messageInflated(this.#framedBytes, this.#inflatedBytes);
    const { isStreamed, validateUtf8 } = this.#options;
    const isCheckedText = this.#opcode === Opcode.text && validateUtf8;
    if (isStreamed) {
      if (isCheckedText && !this.#utf8.push(output, 0, output.length)) {
        this.#fail(textInvalid());
        return;
      }
      if (output.length > 0) this.#sink?.messageChunk(output);
      if (this.#isDisposed) return;
      if (isFinal && isCheckedText && !this.#utf8.isComplete) this.#fail(textInvalid());
      else if (isFinal) this.#finish();
      else if (this.#finalAwaitsCodec) {
        this.#finalAwaitsCodec = false;
        this.#inflate(noBytes, true);
      }
      return;
    }
    this.#isInMessage = false;
    if (this.#opcode === Opcode.binary) this.#sink?.binary(output, 0, output.length, true);
    else this.#deliverText(output, 0, output.length, true);
  }

  #fail(error: ProtocolError): void {
    this.#sink?.assemblyError(error);
  }
}

function textInvalid(): ProtocolError {
  return new ProtocolError(
    'WS_TEXT_INVALID',
    1007,
    'RFC 6455 8.1',
    'text message with bytes that are not UTF-8, expected well-formed UTF-8',
  );
}

function messageTooLarge(found: number, limit: number): ProtocolError {
  return new ProtocolError(
    'WS_MESSAGE_TOO_LARGE',
    1009,
    'RFC 6455 10.4',
    `message of at least ${found} bytes, at most ${limit} accepted`,
  );
}

function codecFailed(error: Error): ProtocolError {
  return new ProtocolError(
    'WS_CODEC_FAILED',
    1007,
    'RFC 7692 7.2.2',
    `message that the extension's codec cannot read: ${error.message}`,
    error,
  );
}
