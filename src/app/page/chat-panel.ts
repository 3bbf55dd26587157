// The chat: who is there, what is said, who is typing.

import type { Channel, Client, Publication } from '../../client.browser.ts';
import type { ChatMessage, Contract } from '../contract.ts';
import { byId, element } from './element.ts';

const messagesShown = 200;
const history = 50;
// While somebody types, the others are told this often; what is not renewed is forgotten after a while.
const typingEveryMs = 2_000;
const typingForgottenMs = 6_000;
// What is said while the network is gone waits for it this long.
const patienceMs = 10 * 60_000;
const colourCount = 6;
const nameKey = 'fullduplex.name';

/** What the chat tells the page. */
export interface ChatEvents {
  /** A message arrived that was published at a time; gives whether it was missed before. */
  received(atMs: number): boolean;
  /** Something is gone for good. */
  gap(): void;
  /** What was said could not be. */
  refused(why: string): void;
}

/** Shows the channel `chat` and says what the person says. */
export class ChatPanel {
  readonly #client: Client<Contract>;
  readonly #events: ChatEvents;
  readonly #typingRoom: Channel<Contract, 'chat-typing'>;
  readonly #log = byId('log', HTMLDivElement);
  readonly #people = byId('people', HTMLUListElement);
  readonly #typingLine = byId('typing', HTMLParagraphElement);
  readonly #text = byId('text', HTMLInputElement);
  readonly #name = byId('name', HTMLInputElement);
  readonly #typing = new Map<string, { readonly name: string; readonly timer: number }>();
  #room: Channel<Contract, 'chat'> | undefined;
  #toldTypingAtMs = -Infinity;

  constructor(client: Client<Contract>, events: ChatEvents) {
    this.#client = client;
    this.#events = events;
    this.#typingRoom = client.channel('chat-typing');
    this.#typingRoom.on('typing', ({ name, isTyping }, { user = '' }) => {
      if (user === client.user) return;
      this.#forgetTyping(user);
      if (isTyping) {
        const timer = window.setTimeout(() => this.#forgetTyping(user), typingForgottenMs);
        this.#typing.set(user, { name, timer });
      }
      this.#showTyping();
    });
    byId('say', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#say();
    });
    byId('rename', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#rename();
    });
    this.#text.addEventListener('input', () => this.#typed());
    void this.#start();
  }

  /** Puts a line into the log. */
  note(line: HTMLElement): void {
    this.#keepingTheEnd(() => this.#log.append(line));
  }

  async #start(): Promise<void> {
    // Kept for the tab, so that two tabs are two people.
    const known = sessionStorage.getItem(nameKey);
    const name = known ?? (await this.#client.call('freeName').catch(() => 'Guest'));
    this.#join(name);
  }

  #join(name: string): void {
    if (document.activeElement !== this.#name) this.#name.value = name;
    this.#room?.leave();
    const advice = 'Nobody has said anything yet. Open a second tab and talk to yourself.';
    this.#log.replaceChildren(element('p', 'hint empty', advice));
    // The history comes as if it were said now.
    const room = this.#client.channel('chat', { history, presence: { name } });
    room.on('message', (message, publication) => this.#add(message, publication));
    room.on('gap', () => {
      this.#events.gap();
      this.#log.querySelectorAll('.message').forEach((line) => line.remove());
    });
    room.on('status', (status, error) => {
      if (status === 'refused') this.#events.refused(error?.message ?? 'The chat is full.');
    });
    room.presence.on('change', () => this.#showPeople());
    this.#room = room;
  }

  #say(): void {
    const text = this.#text.value.trim();
    if (text === '' || this.#room === undefined) return;
    this.#text.value = '';
    this.#toldTypingAtMs = -Infinity;
    const said = this.#room.publish('message', { name: this.#name.value, text }, { timeoutMs: patienceMs });
    const waiting = element('p', 'waiting hint', `“${text}” waits for the network`);
    if (this.#client.state !== 'open') this.note(waiting);
    said.then(
      () => waiting.remove(),
      (error: unknown) => {
        waiting.remove();
        this.#events.refused(error instanceof Error ? error.message : String(error));
      },
    );
  }

  #rename(): void {
    const name = this.#name.value.trim();
    if (name === '') return;
    sessionStorage.setItem(nameKey, name);
    this.#join(name);
  }

  #typed(): void {
    if (this.#text.value === '') {
      this.#tellTyping(false);
      return;
    }
    const nowMs = performance.now();
    if (nowMs - this.#toldTypingAtMs < typingEveryMs) return;
    this.#tellTyping(true);
    this.#toldTypingAtMs = nowMs;
  }

  #tellTyping(isTyping: boolean): void {
    if (!isTyping && this.#toldTypingAtMs === -Infinity) return;
    this.#toldTypingAtMs = -Infinity;
    // By the time the network is back it is of no interest.
    if (this.#client.state !== 'open') return;
    void this.#typingRoom.publish('typing', { name: this.#name.value, isTyping });
  }

  #add({ name, text }: ChatMessage, { user = '', at = 0 }: Publication): void {
    this.#forgetTyping(user);
    this.#log.querySelector('.empty')?.remove();
    const time = element('time', 'hint');
    const date = new Date(at);
    time.dateTime = date.toISOString();
    time.textContent = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    const line = element(
      'div',
      'message',
      element('p', 'by', element('b', '', name), time),
      element('p', 'text', text),
    );
    line.dataset['colour'] = colourOf(user);
    // What is said here while the network is cut goes out when it is back: nothing of it was missed.
    if (user === this.#client.user) line.classList.add('mine');
    else if (this.#events.received(at)) line.classList.add('recovered');
    this.note(line);
    while (this.#log.childElementCount > messagesShown) this.#log.firstElementChild?.remove();
  }

  #keepingTheEnd(change: () => void): void {
    const isAtEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 40;
    change();
    if (isAtEnd) this.#log.scrollTop = this.#log.scrollHeight;
  }

  // A person may be there over two connections for a moment.
  #showPeople(): void {
    const people = new Map<string, string>();
    for (const { user = '', info } of this.#room?.presence.members.values() ?? [])
      people.set(user, info?.name ?? '');
    this.#people.replaceChildren(
      ...[...people].map(([user, name]) => {
        const chip = element('li', 'person', name);
        chip.dataset['colour'] = colourOf(user);
        if (user === this.#client.user) chip.append(element('span', 'hint', ' (you)'));
        return chip;
      }),
    );
  }

  #forgetTyping(user: string): void {
    const known = this.#typing.get(user);
    if (known === undefined) return;
    window.clearTimeout(known.timer);
    this.#typing.delete(user);
    this.#showTyping();
  }

  #showTyping(): void {
    const names = [...this.#typing.values()].map(({ name }) => name);
    this.#typingLine.replaceChildren();
    if (names.length === 0) return;
    const [first, second] = names;
    let who = `${names.length} people are`;
    if (names.length === 1) who = `${first} is`;
    else if (names.length === 2) who = `${first} and ${second} are`;
    const dots = element('span', 'dots', element('i'), element('i'), element('i'));
    dots.setAttribute('aria-hidden', 'true');
    this.#typingLine.append(dots, `${who} typing…`);
  }
}

// The same for a person on every page, and after every return.
function colourOf(user: string): string {
  let sum = 0;
  for (const character of user) sum = (sum * 31 + character.charCodeAt(0)) % 65_521;
  return String(sum % colourCount);
}
