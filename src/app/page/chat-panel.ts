// The chat: who is there, what is said, who is typing.

import type { ChatEvent, ChatMessage, ChatRequest, Person } from '../messages.ts';
import { byId, element } from './element.ts';

const messagesShown = 200;
// While somebody types, the others are told this often; what is not renewed is forgotten after a while.
const typingEveryMs = 2_000;
const typingForgottenMs = 6_000;
const colourCount = 6;
const nameKey = 'fullduplex.name';

/** Shows what `/chat` sends and sends what the person does. */
export class ChatPanel {
  readonly #send: (request: ChatRequest) => boolean;
  readonly #log = byId('log', HTMLDivElement);
  readonly #people = byId('people', HTMLUListElement);
  readonly #typingLine = byId('typing', HTMLParagraphElement);
  readonly #text = byId('text', HTMLInputElement);
  readonly #name = byId('name', HTMLInputElement);
  readonly #typing = new Map<number, { readonly name: string; readonly timer: number }>();
  #you: Person | undefined;
  // Who connects again is somebody new to the server, but not to the person.
  readonly #everYou = new Set<number>();
  // By name, so that a person who connects again keeps the colour of what they said before.
  readonly #colours = new Map<string, string>();
  #toldTypingAtMs = -Infinity;

  /** @param send gives false when there is no connection */
  constructor(send: (request: ChatRequest) => boolean) {
    this.#send = send;
    byId('say', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#say();
    });
    byId('rename', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#rename();
    });
    this.#text.addEventListener('input', () => this.#typed());
  }

  /** The connection is open: says who is here. */
  opened(): void {
    // Kept for the tab, so that two tabs are two people.
    const name = sessionStorage.getItem(nameKey);
    this.#send({ type: 'hello', ...(name === null ? {} : { name }) });
  }

  /** The connection is gone: so is everybody else, as far as we know. */
  lost(): void {
    this.#people.replaceChildren();
    for (const { timer } of this.#typing.values()) window.clearTimeout(timer);
    this.#typing.clear();
    this.#showTyping();
  }

  /** Takes what the server sent; notices are for somebody else. */
  receive(event: Exclude<ChatEvent, { type: 'notice' }>): void {
    switch (event.type) {
      case 'welcome':
        this.#you = event.you;
        this.#everYou.add(event.you.id);
        if (document.activeElement !== this.#name) this.#name.value = event.you.name;
        this.#log.replaceChildren();
        for (const message of event.messages) this.#add(message);
        if (event.messages.length === 0) {
          const advice = 'Nobody has said anything yet. Open a second tab and talk to yourself.';
          this.#log.append(element('p', 'hint empty', advice));
        }
        this.#showPeople(event.people);
        return;
      case 'people':
        this.#showPeople(event.people);
        return;
      case 'message':
        this.#forgetTyping(event.from.id);
        this.#log.querySelector('.empty')?.remove();
        this.#add(event);
        return;
      case 'typing':
        this.#forgetTyping(event.who.id);
        if (event.isTyping) {
          const timer = window.setTimeout(() => this.#forgetTyping(event.who.id), typingForgottenMs);
          this.#typing.set(event.who.id, { name: event.who.name, timer });
        }
        this.#showTyping();
    }
  }

  #say(): void {
    const text = this.#text.value.trim();
    if (text === '' || !this.#send({ type: 'say', text })) return;
    this.#text.value = '';
    this.#toldTypingAtMs = -Infinity;
  }

  #rename(): void {
    const name = this.#name.value.trim();
    if (name === '') return;
    sessionStorage.setItem(nameKey, name);
    this.#send({ type: 'rename', name });
  }

  #typed(): void {
    if (this.#text.value === '') {
      this.#stoppedTyping();
      return;
    }
    const nowMs = performance.now();
    if (nowMs - this.#toldTypingAtMs < typingEveryMs) return;
    this.#toldTypingAtMs = nowMs;
    this.#send({ type: 'typing', isTyping: true });
  }

  #stoppedTyping(): void {
    if (this.#toldTypingAtMs === -Infinity) return;
    this.#toldTypingAtMs = -Infinity;
    this.#send({ type: 'typing', isTyping: false });
  }

  #add({ from, text, atMs }: ChatMessage): void {
    const isAtEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 40;
    const time = element('time', 'hint');
    const at = new Date(atMs);
    time.dateTime = at.toISOString();
    time.textContent = at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    const name = element('b', '', from.name);
    const line = element('div', 'message', element('p', 'by', name, time), element('p', 'text', text));
    line.dataset['colour'] = this.#colourOf(from);
    if (this.#everYou.has(from.id)) line.classList.add('mine');
    this.#log.append(line);
    while (this.#log.childElementCount > messagesShown) this.#log.firstElementChild?.remove();
    if (isAtEnd) this.#log.scrollTop = this.#log.scrollHeight;
  }

  #showPeople(people: readonly Person[]): void {
    this.#people.replaceChildren(
      ...people.map((person) => {
        const chip = element('li', 'person', person.name);
        chip.dataset['colour'] = this.#colourOf(person);
        if (person.id === this.#you?.id) chip.append(element('span', 'hint', ' (you)'));
        return chip;
      }),
    );
  }

  #forgetTyping(id: number): void {
    const known = this.#typing.get(id);
    if (known === undefined) return;
    window.clearTimeout(known.timer);
    this.#typing.delete(id);
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

  #colourOf({ id, name }: Person): string {
    const colour = this.#colours.get(name) ?? String(id % colourCount);
    this.#colours.set(name, colour);
    return colour;
  }
}
