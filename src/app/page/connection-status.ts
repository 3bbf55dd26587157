// Whether the page is connected, said at the top; and how long it takes to the server and back.

import { byId } from './element.ts';

/** The line at the top of the page. */
export class ConnectionStatus {
  readonly #element = byId('connection', HTMLParagraphElement);
  readonly #text = byId('connection-text', HTMLSpanElement);
  readonly #retry = byId('retry', HTMLButtonElement);
  #countdown: number | undefined;

  /** @param retry is called when the person does not want to wait */
  constructor(retry: () => void) {
    this.#retry.addEventListener('click', retry);
  }

  /** The connection is open. */
  connected(): void {
    this.#show('connected', 'Connected');
  }

  /** The connection is gone, and tried again after a while. */
  lost(waitMs: number): void {
    const againAtMs = performance.now() + waitMs;
    const tell = (): void => {
      const seconds = Math.ceil((againAtMs - performance.now()) / 1000);
      const when = seconds > 0 ? `trying again in ${seconds} s` : 'trying again…';
      this.#show('lost', `The connection is gone: ${when}`);
      this.#countdown = window.setTimeout(tell, 1000);
    };
    tell();
  }

  #show(state: string, text: string): void {
    window.clearTimeout(this.#countdown);
    this.#element.dataset['state'] = state;
    this.#text.textContent = text;
    this.#retry.hidden = state !== 'lost';
  }
}
