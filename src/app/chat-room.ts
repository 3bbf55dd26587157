// The chat of the start page: who is there, what was said last, who is typing. Bounded in every direction, because
// anybody who reaches the server may join.

import { randomInt } from 'node:crypto';
import type { ServerConnection, WebSocketServer } from '../index.ts';
import { maxTextLength, parseChatRequest } from './chat-request.ts';
import { runExperiment } from './experiments.ts';
import type { ChatEvent, ChatMessage, ChatRequest, Person } from './messages.ts';

/** A connection to the chat. */
type ChatConnection = ServerConnection<unknown>;

/** How many of the last messages a newcomer gets. */
export const historyLength = 50;
/** How many people fit in. */
const maxPeople = 100;

// A person can send this many requests at once, and this many per second for long.
const burst = 20;
const refillPerSecond = 4;

const animals = (
  'Otter Heron Lynx Tern Badger Finch Marten Wren Hare Swift Beaver Plover Stoat Curlew Dormouse Kestrel ' +
  'Hedgehog Avocet Squirrel Puffin'
).split(' ');

const topic = 'chat';

class Participant {
  readonly id: number;
  name: string;
  hasJoined = false;
  isTyping = false;
  #allowance = burst;
  #countedAtMs = Date.now();

  constructor(id: number, name: string) {
    this.id = id;
    this.name = name;
  }

  get person(): Person {
    return { id: this.id, name: this.name };
  }

  /** Whether another request is within the rate. */
  takeTurn(): boolean {
    const nowMs = Date.now();
    const earned = ((nowMs - this.#countedAtMs) / 1000) * refillPerSecond;
    this.#allowance = Math.min(burst, this.#allowance + Math.max(0, earned));
    this.#countedAtMs = nowMs;
    if (this.#allowance < 1) return false;
    this.#allowance--;
    return true;
  }
}

/** One room for everybody. */
export class ChatRoom {
  readonly #server: Pick<WebSocketServer, 'publish'>;
  readonly #participants = new Map<ChatConnection, Participant>();
  readonly #messages: ChatMessage[] = [];
  // A page remembers which numbers it had; those of another run of the server must not be among them.
  #lastId: number = randomInt(2 ** 30);

  constructor(server: Pick<WebSocketServer, 'publish'>) {
    this.#server = server;
  }

  /** Whether nobody else fits in. */
  get isFull(): boolean {
    return this.#participants.size >= maxPeople;
  }

  /** Lets somebody in; others hear of it when the first request has come. */
  enter(connection: ChatConnection): void {
    const id = ++this.#lastId;
    this.#participants.set(connection, new Participant(id, this.#freeName(id)));
  }

  /** Takes what somebody sent. */
  receive(connection: ChatConnection, message: string | Uint8Array): void {
    const participant = this.#participants.get(connection);
    if (participant === undefined) return;
    if (!participant.takeTurn()) {
      send(connection, { type: 'notice', text: 'That was too much at once: wait a moment.' });
      return;
    }
    if (typeof message !== 'string') {
      const text = `The server got one binary message of ${message.length.toLocaleString('en')} bytes.`;
      send(connection, { type: 'notice', text });
      return;
    }
    const request = parseChatRequest(message);
    if (request === undefined) {
      const text = `Not understood. Try {"type":"say","text":"Hello"}, at most ${maxTextLength} characters.`;
      send(connection, { type: 'notice', text });
      return;
    }
    if (!participant.hasJoined) this.#join(connection, participant, request);
    this.#apply(connection, participant, request);
  }

  /** Tells the others that somebody is gone. */
  leave(connection: ChatConnection): void {
    const participant = this.#participants.get(connection);
    this.#participants.delete(connection);
    if (participant?.hasJoined === true) this.#publishPeople();
  }

  #join(connection: ChatConnection, participant: Participant, request: ChatRequest): void {
    participant.hasJoined = true;
    if (request.type === 'hello' && request.name !== undefined) participant.name = request.name;
    this.#publishPeople();
    send(connection, {
      type: 'welcome',
      you: participant.person,
      people: this.#people(),
      messages: this.#messages,
    });
    connection.subscribe(topic);
  }

  #apply(connection: ChatConnection, participant: Participant, request: ChatRequest): void {
    switch (request.type) {
      case 'hello':
        return;
      case 'rename':
        participant.name = request.name;
        this.#publishPeople();
        return;
      case 'typing':
        if (participant.isTyping === request.isTyping && !request.isTyping) return;
        participant.isTyping = request.isTyping;
        connection.publish(topic, JSON.stringify(typing(participant)));
        return;
      case 'say': {
        participant.isTyping = false;
        const message: ChatMessage = { from: participant.person, text: request.text, atMs: Date.now() };
        this.#messages.push(message);
        if (this.#messages.length > historyLength) this.#messages.shift();
        this.#publish({ type: 'message', ...message });
        return;
      }
      case 'try':
        runExperiment(connection, request.experiment, request.code);
    }
  }

  #people(): Person[] {
    return [...this.#participants.values()].filter(({ hasJoined }) => hasJoined).map(({ person }) => person);
  }

  #publishPeople(): void {
    this.#publish({ type: 'people', people: this.#people() });
  }

  #publish(event: ChatEvent): void {
    this.#server.publish(topic, JSON.stringify(event));
  }

  #freeName(id: number): string {
    const taken = new Set([...this.#participants.values()].map(({ name }) => name));
    return animals.find((name) => !taken.has(name)) ?? `Guest ${id}`;
  }
}

function typing(participant: Participant): ChatEvent {
  return { type: 'typing', who: participant.person, isTyping: participant.isTyping };
}

function send(connection: ChatConnection, event: ChatEvent): void {
  connection.send(JSON.stringify(event));
}
