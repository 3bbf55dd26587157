// What came back after the connection was gone: counted, so that a person can see that nothing is missing.

import { element } from './element.ts';

/** What is counted. */
export type RecoveredKind = 'message' | 'price';

/** Counts what was published while the connection was gone, and says so in the chat. */
export class RecoveryNote {
  readonly #show: (line: HTMLElement) => void;
  #lostAtMs: number | undefined;
  #backAtMs = 0;
  #line: HTMLElement | undefined;
  #awayMs = 0;
  #isWhole = true;
  readonly #counts = { message: 0, price: 0 };

  /** @param show puts the line where what comes next will follow it */
  constructor(show: (line: HTMLElement) => void) {
    this.#show = show;
  }

  /** The connection is gone. */
  lost(): void {
    this.#lostAtMs ??= Date.now();
  }

  /** It is there again; what was missed follows. */
  back(): void {
    if (this.#lostAtMs === undefined) return;
    this.#backAtMs = Date.now();
    this.#awayMs = this.#backAtMs - this.#lostAtMs;
    this.#lostAtMs = undefined;
    this.#isWhole = true;
    this.#counts.message = 0;
    this.#counts.price = 0;
    this.#line = element('p', 'recovery hint');
    this.#tell();
    this.#show(this.#line);
  }

  /** Something arrived that was published at a time. Gives whether it was missed before. */
  received(kind: RecoveredKind, atMs: number): boolean {
    if (this.#line === undefined || atMs >= this.#backAtMs || atMs < this.#backAtMs - this.#awayMs)
      return false;
    this.#counts[kind]++;
    this.#tell();
    return true;
  }

  /** Something is gone for good. */
  gap(): void {
    this.#isWhole = false;
    this.#tell();
  }

  #tell(): void {
    if (this.#line === undefined) return;
    const { message, price } = this.#counts;
    const seconds = Math.max(1, Math.round(this.#awayMs / 1000));
    const came = `${message} ${message === 1 ? 'message' : 'messages'} and ${price} ${price === 1 ? 'price' : 'prices'}`;
    const verdict = this.#isWhole ? 'Nothing was lost.' : 'The rest had left the history.';
    this.#line.textContent = `Back after ${seconds} s: ${came} were recovered. ${verdict}`;
    this.#line.dataset['messages'] = String(message);
    this.#line.dataset['prices'] = String(price);
  }
}
