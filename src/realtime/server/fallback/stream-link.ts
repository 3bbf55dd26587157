// A link that is the body of one response, as server-sent events: each text is one event. What the client says beside it comes
// in requests of its own. The queue of the stream is the only buffer, and it is bounded.

import type { ServerLink, ServerLinkEvents, SharedText } from '../../link/link.ts';
import type { ResolvedFallbackOptions } from './fallback-options.ts';

const encoder = new TextEncoder();

// Boxes in between that collect a few kilobytes before they pass on a response get them at once.
const paddingBytes = 2048;
const padding = encoder.encode(`:${' '.repeat(paddingBytes - 3)}\n\n`);

// How long a client may take to read what was sent before the end.
const lingerMs = 5_000;

// One encoding of what goes to many, as long as somebody has the text.
const sharedEvents = new WeakMap<SharedText, Uint8Array>();

/** The server's end of a stream. */
export class StreamLink implements ServerLink {
  readonly kind = 'stream';
  readonly isTwoWay = false;
  /** The body of the response. */
  readonly body: ReadableStream<Uint8Array>;
  readonly #options: Pick<ResolvedFallbackOptions, 'clock' | 'highWaterMarkBytes' | 'maxBufferedBytes'>;
  readonly #ended: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #events: ServerLinkEvents | undefined;
  #isFull = false;
  #isOver = false;
  #hasEnded = false;

  /** @param ended is called when the response is over, for whatever reason */
  constructor(
    options: Pick<ResolvedFallbackOptions, 'clock' | 'highWaterMarkBytes' | 'maxBufferedBytes'>,
    ended: () => void,
  ) {
    this.#options = options;
    this.#ended = ended;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
          controller.enqueue(padding);
        },
        pull: () => this.#read(),
        cancel: () => this.#end(),
      },
      {
        // The padding is no reason to call a link full.
        highWaterMark: options.highWaterMarkBytes + paddingBytes,
        size: (chunk) => chunk?.byteLength ?? 0,
      },
    );
  }

  /** Tells who hears of it; before, nobody does. */
  attach(events: ServerLinkEvents): void {
    this.#events = events;
    if (this.#hasEnded) events.ended();
  }

  get bufferedBytes(): number {
    const { desiredSize } = this.#controller ?? {};
    return this.#hasEnded ? 0 : this.#options.highWaterMarkBytes + paddingBytes - (desiredSize ?? 0);
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  send(text: string): void {
    if (!this.#isOver) this.#enqueue(encodeEvent(text));
  }

  sendShared(shared: SharedText): void {
    if (this.#isOver) return;
    let event = sharedEvents.get(shared);
    if (event === undefined) {
      event = encodeEvent(shared.text);
      sharedEvents.set(shared, event);
    }
    this.#enqueue(event);
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller?.close();
    // Who does not read does not learn of the end either.
    if (this.bufferedBytes > 0) this.#options.clock.setTimer(() => this.cut(), lingerMs).unref?.();
    queueMicrotask(() => this.#end());
  }

  /** Ends it without sending what waits. */
  cut(): void {
    this.#isOver = true;
    // Harmless when it has ended already.
    this.#controller?.error(new Error('the stream was cut by the server'));
    this.#end();
  }

  #enqueue(event: Uint8Array): void {
    if (this.bufferedBytes + event.byteLength > this.#options.maxBufferedBytes) {
      this.cut();
      return;
    }
    this.#controller?.enqueue(event);
    if ((this.#controller?.desiredSize ?? 0) <= 0) this.#isFull = true;
  }

  // Called when there is room again, also in the middle of an enqueue: the hub shall not be told from within its own call.
  #read(): void {
    if (this.#isOver || !this.#isFull) return;
    this.#isFull = false;
    queueMicrotask(() => {
      if (!this.#isOver && !this.#isFull) this.#events?.drained();
    });
  }

  #end(): void {
    this.#isOver = true;
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#ended();
    this.#events?.ended();
  }
}

// JSON has no line breaks but between its tokens, where a space is as good.
function encodeEvent(text: string): Uint8Array {
  const line = /[\r\n]/.test(text) ? text.replace(/[\r\n]+/g, ' ') : text;
  return encoder.encode(`data: ${line}\n\n`);
}
