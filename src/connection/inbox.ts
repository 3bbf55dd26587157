// What has arrived and waits for its consumer, whole messages or streams of them, and how many bytes that are. Made
// when the first message has to wait: a connection whose handler takes every message at once has none.

import type { Message, MessageType } from './message-transport.ts';
import { type MessageStream, MessageStreamSource } from './message-stream.ts';
import { PullQueue, type PullQueueEvents } from './pull-queue.ts';

/** What a queued message costs beside its bytes, so that a flood of empty messages is bounded too. */
export const messageOverheadBytes = 64;
// A stream has queues, and a text stream a decoder.
const streamOverheadBytes = 1024;

/** Holds what nobody has taken yet. */
export class Inbox {
  readonly #events: PullQueueEvents;
  readonly #messages: PullQueue<Message>;
  readonly #streams: PullQueue<MessageStreamSource>;
  // The stream that is arriving, the one that the consumer got last, and what waits in all of them.
  #arriving: MessageStreamSource | undefined;
  #given: MessageStreamSource | undefined;
  #streamBytes = 0;
  #isCutOff = false;
  // Which of the messages in bytes are text that was not decoded.
  #textBytes: WeakSet<Uint8Array> | undefined;

  constructor(events: PullQueueEvents) {
    this.#events = events;
    this.#messages = new PullQueue(events);
    this.#streams = new PullQueue(events);
  }

  /** The bytes of whole messages that wait. */
  get messageBytes(): number {
    return this.#messages.byteLength;
  }

  /** The bytes of everything that waits. */
  get heldBytes(): number {
    return this.#messages.byteLength + this.#streams.byteLength + this.#streamBytes;
  }

  /** Adds a message, or hands it to the loop that waits for it. */
  push(message: Message, type?: MessageType): void {
    if (this.#isCutOff) return;
    if (type === 'text' && typeof message !== 'string') (this.#textBytes ??= new WeakSet()).add(message);
    this.#messages.push(message, messageOverheadBytes + message.length);
  }

  /** Takes the first message; undefined when none waits. */
  shift(): Message | undefined {
    return this.#messages.shift()?.item;
  }

  /** Whether a message that was taken is text or binary. */
  typeOf(message: Message): MessageType {
    return typeof message === 'string' || this.#textBytes?.has(message) === true ? 'text' : 'binary';
  }

  /** A message begins that is read while it arrives. */
  messageStart(type: MessageType): void {
    if (this.#isCutOff) return;
    const source = new MessageStreamSource(type, (addedBytes) => {
      this.#streamBytes += addedBytes;
      if (addedBytes < 0) this.#events.taken();
    });
    this.#arriving = source;
    this.#streams.push(source, streamOverheadBytes);
  }

  /** Its next bytes, borrowed for the call. */
  messageChunk(bytes: Uint8Array): void {
    this.#arriving?.push(bytes);
  }

  /** It is complete. */
  messageEnd(): void {
    this.#arriving?.end(true);
    this.#arriving = undefined;
  }

  /**
   * Takes nothing more, however much comes: what waits is the beginning of what the peer has sent, without a gap. The
   * stream that is arriving ends here, incomplete.
   */
  cutOff(): void {
    this.#isCutOff = true;
    this.#endArriving();
  }

  /** Forgets the messages that wait, and takes nothing more: the connection had to be ended because of what it holds. */
  clear(): void {
    this.cutOff();
    this.#messages.clear();
  }

  /** Nothing more will come: loops end behind what waits. */
  end(): void {
    this.#endArriving();
    this.#messages.end();
    this.#streams.end();
  }

  #endArriving(): void {
    this.#arriving?.end(false);
    this.#arriving = undefined;
  }

  /** Iterates over whole messages. */
  messages(): AsyncIterator<Message, undefined> {
    return this.#messages.iterate();
  }

  /** Iterates over streams; one that was not begun when the next is asked for is skipped. */
  streams(): AsyncIterator<MessageStream, undefined> {
    const sources = this.#streams.iterate();
    return {
      next: async () => {
        this.#given?.skipUnlessBegun();
        const { done, value } = await sources.next();
        if (done === true) return { done, value };
        this.#given = value;
        return { done, value: value.stream };
      },
      return: async () => {
        await sources.return?.();
        return { done: true, value: undefined };
      },
    };
  }
}
