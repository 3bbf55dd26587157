// Whether the page is connected, said at the top, and the switch that cuts its network.

import type { LinkKind } from '../../client.browser.ts';
import { byId } from './element.ts';

const carriers: Readonly<Record<LinkKind, string>> = {
  websocket: 'WebSocket',
  stream: 'a stream',
  poll: 'polling',
};

/** What a person can do there. */
export interface StatusActions {
  /** The person does not want to wait. */
  readonly retry: () => void;
  /** The person cuts the network, or mends it. */
  readonly cut: (isCut: boolean) => void;
}

/** The line at the top of the page. */
export class ConnectionStatus {
  readonly #element = byId('connection', HTMLParagraphElement);
  readonly #text = byId('connection-text', HTMLSpanElement);
  readonly #retry = byId('retry', HTMLButtonElement);
  readonly #switch = byId('cut', HTMLButtonElement);
  readonly #story = byId('story', HTMLOListElement);
  readonly #storyTalk = byId('story-talk', HTMLElement);
  #isCut = false;

  constructor({ retry, cut }: StatusActions) {
    this.#retry.addEventListener('click', retry);
    this.#switch.addEventListener('click', () => {
      this.#isCut = !this.#isCut;
      this.#switch.setAttribute('aria-pressed', String(this.#isCut));
      this.#switch.textContent = this.#isCut ? 'Mend the network' : 'Cut the network';
      cut(this.#isCut);
      if (this.#isCut) this.lost();
    });
  }

  /** The connection is open. */
  connected(link: LinkKind | undefined): void {
    this.#show('connected', link === undefined ? 'Connected' : `Connected by ${carriers[link]}`);
  }

  /** The connection is gone, and comes back when it can. */
  lost(): void {
    this.#show(
      'lost',
      this.#isCut ? 'The network is cut' : 'The connection is gone: it comes back by itself',
    );
  }

  /** It does not come back. */
  ended(why: string): void {
    this.#show('lost', why);
  }

  #show(state: string, text: string): void {
    this.#element.dataset['state'] = state;
    this.#text.textContent = text;
    const isLost = state === 'lost';
    this.#story.classList.toggle('is-lost', isLost);
    this.#storyTalk.textContent = isLost ? 'Now neither hears the other' : 'Now both talk whenever they like';
    this.#retry.hidden = !isLost || this.#isCut;
  }
}
