// What goes to the server beside a link that only comes from there: requests, answers and signs of life, gathered while one
// POST is on its way, and answered in its response.

import type { LinkEnd } from '../../link/link.ts';
import type { Hello } from '../../wire/frames.ts';
import { writeJson } from '../frame-text.ts';
import { type FallbackAddress, post, refusal } from './fallback-request.ts';

// One request brings no more than a server takes for sure.
const maxFrames = 200;
const maxCharacters = 64 * 1024;

/** What an upstream needs of its link. */
export interface UpstreamOwner {
  readonly signal: AbortSignal;
  readonly session: () => Hello['session'];
  /** Hears the answers. */
  readonly received: (text: string) => void;
  /** Hears that a request failed. */
  readonly ended: (end: LinkEnd) => void;
}

/** The way up. */
export class Upstream {
  readonly #address: FallbackAddress;
  readonly #owner: UpstreamOwner;
  readonly #queue: string[] = [];
  #isSending = false;

  constructor(address: FallbackAddress, owner: UpstreamOwner) {
    this.#address = address;
    this.#owner = owner;
  }

  get bufferedBytes(): number {
    return this.#queue.reduce((sum, { length }) => sum + length, 0);
  }

  send(frame: string): void {
    this.#queue.push(frame);
    if (this.#isSending) return;
    this.#isSending = true;
    // What is said in the same turn goes together.
    queueMicrotask(() => {
      this.#sendAll().catch((cause: unknown) => this.#owner.ended({ cause }));
    });
  }

  async #sendAll(): Promise<void> {
    const { signal, session, received, ended } = this.#owner;
    while (this.#queue.length > 0) {
      const body = `{"link":"send","session":${writeJson(session())},"frames":[${this.#next().join(',')}]}`;
      const response = await post(this.#address, body, signal);
      if (!response.ok) {
        // That a session is not known is no goodbye: the next hello shows what becomes of it.
        ended(await refusal(response, () => undefined));
        return;
      }
      received(await response.text());
    }
    this.#isSending = false;
  }

  #next(): string[] {
    let characters = 0;
    const end = this.#queue.findIndex((frame, index) => {
      characters += frame.length;
      return index > 0 && (characters > maxCharacters || index >= maxFrames);
    });
    return this.#queue.splice(0, end < 0 ? Infinity : end);
  }
}
