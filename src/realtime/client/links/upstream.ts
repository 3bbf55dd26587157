// What goes to the server beside a link that only comes from there: requests, answers and signs of life, gathered while one
// POST is on its way, and answered in its response.

import type { ClientLinkEvents, LinkEnd } from '../../link/link.ts';
import type { Hello } from '../../wire/frames.ts';
import { type FallbackAddress, post, refusal } from './fallback-request.ts';

// One request brings no more than a server takes for sure.
const maxFrames = 200;
const maxCharacters = 64 * 1024;

/** The way up. */
export class Upstream {
  readonly #address: FallbackAddress;
  readonly #session: () => Hello['session'];
  readonly #events: ClientLinkEvents;
  readonly #signal: AbortSignal;
  readonly #queue: string[] = [];
  #queuedCharacters = 0;
  #isSending = false;

  /**
   * @param events hears the answers, and the end when a request fails
   * @param signal ends it
   */
  constructor(
    address: FallbackAddress,
    session: () => Hello['session'],
    events: ClientLinkEvents,
    signal: AbortSignal,
  ) {
    this.#address = address;
    this.#session = session;
    this.#events = events;
    this.#signal = signal;
  }

  get bufferedBytes(): number {
    return this.#queuedCharacters;
  }

  send(frame: string): void {
    this.#queue.push(frame);
    this.#queuedCharacters += frame.length;
    if (this.#isSending) return;
    this.#isSending = true;
    // What is said in the same turn goes together.
    queueMicrotask(() => void this.#sendAll());
  }

  async #sendAll(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const session = JSON.stringify(this.#session());
        const body = `{"link":"send","session":${session},"frames":[${this.#next().join(',')}]}`;
        const response = await post(this.#address, body, this.#signal);
        if (!response.ok) {
          // What is wrong with one request is not the end of everything: the next hello shows whether the session is.
          this.#end(await refusal(response, { received: () => undefined }));
          return;
        }
        const text = await response.text();
        if (this.#signal.aborted) return;
        this.#events.received(text);
      }
    } catch (error) {
      this.#end({ cause: error instanceof Error ? error : new Error(String(error)) });
    } finally {
      this.#isSending = false;
    }
  }

  #next(): string[] {
    let characters = 0;
    let count = 0;
    for (const frame of this.#queue) {
      characters += frame.length;
      if (count > 0 && (characters > maxCharacters || count >= maxFrames)) break;
      count++;
    }
    const frames = this.#queue.splice(0, count);
    for (const frame of frames) this.#queuedCharacters -= frame.length;
    return frames;
  }

  #end(end: LinkEnd): void {
    if (!this.#signal.aborted) this.#events.ended(end);
  }
}
