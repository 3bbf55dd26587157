// A message that is read while it arrives, because it is larger than memory or because its start is wanted before
// its end. Its chunks are pulled; what nobody pulls makes the connection pause.

import type { MessageType } from './message-transport.ts';
import { PullQueue } from './pull-queue.ts';

/** An incoming message as a stream of chunks. A loop that is left early skips the rest of the message. */
export type MessageStream =
  | { readonly type: 'text'; readonly chunks: AsyncIterable<string> }
  | { readonly type: 'binary'; readonly chunks: AsyncIterable<Uint8Array> };

/** The producer's side of a MessageStream. */
export class MessageStreamSource {
  /** The consumer's side. */
  readonly stream: MessageStream;
  readonly #push: (bytes: Uint8Array) => void;
  readonly #end: () => void;
  readonly #byteLength: () => number;

  /** `taken` is called when the consumer took a chunk or left: fewer bytes wait than before. */
  constructor(type: MessageType, taken: () => void) {
    let isWanted = true;
    const events = {
      taken,
      left: (): void => {
        isWanted = false;
        taken();
      },
    };
    if (type === 'binary') {
      const chunks = new PullQueue<Uint8Array>(events);
      this.stream = { type, chunks: { [Symbol.asyncIterator]: () => chunks } };
      this.#push = (bytes) => {
        if (isWanted) chunks.push(bytes.slice(), bytes.length);
      };
      this.#end = () => chunks.end();
      this.#byteLength = () => (isWanted ? chunks.byteLength : 0);
      return;
    }
    const chunks = new PullQueue<string>(events);
    // The protocol has checked the text; the decoder only joins characters that are cut between chunks.
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    this.stream = { type, chunks: { [Symbol.asyncIterator]: () => chunks } };
    this.#push = (bytes) => {
      const text = decoder.decode(bytes, { stream: true });
      if (isWanted && text !== '') chunks.push(text, bytes.length);
    };
    this.#end = () => chunks.end();
    this.#byteLength = () => (isWanted ? chunks.byteLength : 0);
  }

  /** The bytes that arrived and were not pulled. */
  get byteLength(): number {
    return this.#byteLength();
  }

  /** The next bytes, borrowed for the call. */
  push(bytes: Uint8Array): void {
    this.#push(bytes);
  }

  /** The message is complete, or the connection has ended. */
  end(): void {
    this.#end();
  }
}
