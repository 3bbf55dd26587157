// A message that is read while it arrives, because it is larger than memory or because its start is wanted before
// its end. Its chunks are pulled; what nobody pulls is counted, so that the connection can pause.

import { FullduplexError } from '../base/errors.ts';
import type { MessageType } from './message-transport.ts';
import { PullQueue } from './pull-queue.ts';

// What a chunk costs beside its bytes, so that a flood of tiny fragments is bounded too.
const chunkOverheadBytes = 64;

interface Completable {
  /**
   * Whether all of the message has arrived. When the connection ends in the middle of a message, its chunks end there
   * too, and this stays false.
   */
  readonly isComplete: boolean;
}

/**
 * An incoming message as a stream of chunks. A loop that is left early skips the rest of the message; so does asking
 * for the next message before these chunks.
 */
export type MessageStream = Completable &
  (
    | { readonly type: 'text'; readonly chunks: AsyncIterable<string> }
    | { readonly type: 'binary'; readonly chunks: AsyncIterable<Uint8Array> }
  );

/** The producer's side of a MessageStream. */
export class MessageStreamSource {
  /** The consumer's side. */
  readonly stream: MessageStream;
  readonly #heldBytesChanged: (addedBytes: number) => void;
  readonly #push: (bytes: Uint8Array) => void;
  readonly #end: () => void;
  readonly #queuedBytes: () => number;
  readonly #clear: () => void;
  #heldBytes = 0;
  #isComplete = false;
  #isBegun = false;
  #isWanted = true;

  /** @param heldBytesChanged told how many bytes more, or fewer, wait for the consumer */
  constructor(type: MessageType, heldBytesChanged: (addedBytes: number) => void) {
    this.#heldBytesChanged = heldBytesChanged;
    const isComplete = (): boolean => this.#isComplete;
    if (type === 'binary') {
      const chunks = this.#makeQueue<Uint8Array>();
      this.stream = {
        type,
        chunks: this.#iterable(chunks),
        get isComplete() {
          return isComplete();
        },
      };
      this.#push = (bytes) => chunks.push(bytes.slice(), chunkOverheadBytes + bytes.length);
      this.#end = () => chunks.end();
      this.#queuedBytes = () => chunks.byteLength;
      this.#clear = () => chunks.clear();
      return;
    }
    const chunks = this.#makeQueue<string>();
    // The protocol has checked the text; the decoder only joins characters that are cut between chunks.
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    this.stream = {
      type,
      chunks: this.#iterable(chunks),
      get isComplete() {
        return isComplete();
      },
    };
    this.#push = (bytes) => {
      const text = decoder.decode(bytes, { stream: true });
      if (text !== '') chunks.push(text, chunkOverheadBytes + bytes.length);
    };
    this.#end = () => chunks.end();
    this.#queuedBytes = () => chunks.byteLength;
    this.#clear = () => chunks.clear();
  }

  /** The next bytes, borrowed for the call. */
  push(bytes: Uint8Array): void {
    if (!this.#isWanted) return;
    this.#push(bytes);
    this.#count();
  }

  /** The message is complete, or the connection has ended before that. */
  end(isComplete: boolean): void {
    this.#isComplete = isComplete;
    this.#end();
  }

  /** The consumer has gone on: a message whose chunks it has not asked for is skipped. */
  skipUnlessBegun(): void {
    if (!this.#isBegun) this.#left();
  }

  #makeQueue<T>(): PullQueue<T> {
    return new PullQueue<T>({ taken: () => this.#count(), left: () => this.#left() });
  }

  #iterable<T>(chunks: PullQueue<T>): AsyncIterable<T> {
    return {
      [Symbol.asyncIterator]: () => {
        if (!this.#isBegun && !this.#isWanted) {
          throw new FullduplexError(
            'WS_STATE_INVALID',
            'the message was skipped, expected to be asked for its chunks before the next message is asked for',
          );
        }
        this.#isBegun = true;
        return chunks.iterate();
      },
    };
  }

  #left(): void {
    this.#isWanted = false;
    this.#clear();
    this.#count();
  }

  #count(): void {
    const heldBytes = this.#queuedBytes();
    const addedBytes = heldBytes - this.#heldBytes;
    this.#heldBytes = heldBytes;
    if (addedBytes !== 0) this.#heldBytesChanged(addedBytes);
  }
}
