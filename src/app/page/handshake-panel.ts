// The opening handshakes of this page's connections, both heads as they were, and the accept value recomputed here.

import { computeAccept } from '../../protocol.ts';
import type { FeedEvents, SocketName } from '../messages.ts';
import { byId, element } from './element.ts';
import { hex } from './frame-record.ts';

// RFC 6455 1.3.
const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Shows the last handshake of each connection. */
export class HandshakePanel {
  readonly #handshakes = new Map<SocketName, FeedEvents['opened']>();
  readonly #request = byId('request-head', HTMLDivElement);
  readonly #response = byId('response-head', HTMLDivElement);
  readonly #accept = byId('accept', HTMLDListElement);
  readonly #story = byId('story-accept', HTMLAnchorElement);
  #shown: SocketName = 'realtime';

  constructor() {
    for (const input of document.querySelectorAll<HTMLInputElement>('input[name="handshake"]')) {
      input.addEventListener('change', () => {
        this.#shown = input.value === 'lab' ? 'lab' : 'realtime';
        this.#show();
      });
    }
  }

  /** A connection was opened. */
  receive(opened: FeedEvents['opened']): void {
    this.#handshakes.set(opened.socket, opened);
    this.#show();
    const key = fieldOf(opened.request, 'Sec-WebSocket-Key') ?? '';
    const isRight = fieldOf(opened.response, 'Sec-WebSocket-Accept') === computeAccept(key);
    if (opened.socket === 'realtime')
      this.#story.textContent = isRight ? '✓ accept checked' : '✗ wrong accept';
  }

  #show(): void {
    const handshake = this.#handshakes.get(this.#shown);
    if (handshake === undefined) return;
    this.#request.replaceChildren(...linesOf(handshake.request));
    this.#response.replaceChildren(...linesOf(handshake.response));
    const key = fieldOf(handshake.request, 'Sec-WebSocket-Key') ?? '';
    const sent = fieldOf(handshake.response, 'Sec-WebSocket-Accept') ?? '';
    const computed = computeAccept(key);
    const digest = Array.from(atob(computed), (character) => hex(character.charCodeAt(0))).join('');
    const isRight = computed === sent;
    const verdict = element('span', isRight ? 'verdict right' : 'verdict wrong');
    verdict.textContent = isRight ? '✓ the same as the server sent' : `✗ the server sent ${sent}`;
    this.#accept.replaceChildren(
      ...stepOf('Key', element('code', 'is-key', key)),
      ...stepOf('+ GUID', element('code', '', guid)),
      ...stepOf('SHA-1', element('code', '', digest)),
      ...stepOf('Base64', element('code', 'is-accept', computed), verdict),
    );
  }
}

function stepOf(name: string, ...content: Node[]): [HTMLElement, HTMLElement] {
  return [element('dt', '', name), element('dd', '', ...content)];
}

/** The lines of a head, with what makes it a WebSocket's marked. */
function linesOf(head: string): HTMLElement[] {
  const [first = '', ...fields] = head.trimEnd().split('\r\n');
  return [
    element('p', 'start-line', first),
    ...fields.map((field) => {
      const colon = field.indexOf(':');
      const name = field.slice(0, colon);
      const line = element('p', '', element('b', '', `${name}:`), field.slice(colon + 1));
      const lower = name.toLowerCase();
      if (lower === 'sec-websocket-key') line.className = 'is-key';
      else if (lower === 'sec-websocket-accept') line.className = 'is-accept';
      else if (lower.startsWith('sec-websocket-') || lower === 'upgrade' || lower === 'connection') {
        line.className = 'is-handshake';
      }
      return line;
    }),
  ];
}

function fieldOf(head: string, name: string): string | undefined {
  const prefix = `${name.toLowerCase()}:`;
  const line = head.split('\r\n').find((one) => one.toLowerCase().startsWith(prefix));
  return line?.slice(prefix.length).trim();
}
