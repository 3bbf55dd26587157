// Listeners in the manner of browsers on an EventEmitter: addEventListener, removeEventListener and the attributes onopen,
// onmessage, onerror and onclose. Each is a listener of the emitter that makes an event first.

import type { Buffer } from 'node:buffer';
import type { AnyListener } from './event-methods.ts';
import { CloseEvent, ErrorEvent, Event, MessageEvent, type WebSocketEventMap } from './events.ts';
import { type RawData, textOf } from './received-data.ts';
import type { WebSocketEmitter } from './web-socket-emitter.ts';

/** The events that have such listeners. */
export type EventName = keyof WebSocketEventMap;

/** A function, or an object with a method `handleEvent`. */
export type EventListener<Name extends EventName> =
  | ((event: WebSocketEventMap[Name]) => void)
  | { handleEvent(event: WebSocketEventMap[Name]): void };

/** How a listener is added. */
export interface EventListenerOptions {
  /** Whether it is called once at most. @defaultValue false */
  readonly once?: boolean | undefined;
}

// A listener of the emitter, and who stands behind it.
interface Entry {
  readonly name: string;
  readonly handler: unknown;
  readonly isAttribute: boolean;
  readonly listener: AnyListener;
}

const entriesOf = new WeakMap<WebSocketEmitter, Entry[]>();

// Those whose closing handshake was finished, among the sockets with such listeners.
const cleanlyClosed = new WeakSet<WebSocketEmitter>();

/**
 * Notes for events of 'close' whether the closing handshake was finished; to be told before them.
 * @param wasClean asked only when somebody might want to know
 */
export function noteEnd(socket: WebSocketEmitter, wasClean: () => boolean): void {
  if (entriesOf.has(socket) && wasClean()) cleanlyClosed.add(socket);
}

/**
 * Adds a listener; the same one is not added twice, and one of an unknown event is not added at all.
 */
export function addListener(
  socket: WebSocketEmitter,
  name: string,
  handler: unknown,
  options: EventListenerOptions = {},
  isAttribute = false,
): void {
  const isSame = (entry: Entry): boolean => entry.handler === handler && !entry.isAttribute;
  if (!isAttribute && find(socket, name, isSame) !== undefined) return;
  const listener = listenerFor(socket, name, handler);
  if (listener === undefined) return;
  const entries = (entriesOf.get(socket) ?? []).filter((entry) => isListening(socket, entry));
  entriesOf.set(socket, [...entries, { name, handler, isAttribute, listener }]);
  if (options.once === true) socket.once(name, listener);
  else socket.on(name, listener);
}

/** Removes what `addListener` has added. */
export function removeListener(socket: WebSocketEmitter, name: string, handler: unknown): void {
  remove(socket, name, (entry) => entry.handler === handler && !entry.isAttribute);
}

/** The handler that an attribute holds, or null. */
export function attributeOf(socket: WebSocketEmitter, name: EventName): unknown {
  return find(socket, name, ({ isAttribute }) => isAttribute)?.handler ?? null;
}

/** Sets an attribute; what is no function clears it. */
export function setAttribute(socket: WebSocketEmitter, name: EventName, handler: unknown): void {
  remove(socket, name, ({ isAttribute }) => isAttribute);
  if (typeof handler === 'function') addListener(socket, name, handler, {}, true);
}

// The listeners of an emitter can be removed behind our back.
function isListening(socket: WebSocketEmitter, { name, listener }: Entry): boolean {
  return socket.listeners(name).includes(listener);
}

function find(
  socket: WebSocketEmitter,
  name: string,
  isWanted: (entry: Entry) => boolean,
): Entry | undefined {
  return entriesOf
    .get(socket)
    ?.find((entry) => entry.name === name && isWanted(entry) && isListening(socket, entry));
}

function remove(socket: WebSocketEmitter, name: string, isWanted: (entry: Entry) => boolean): void {
  const entry = find(socket, name, isWanted);
  if (entry === undefined) return;
  socket.removeListener(name, entry.listener);
  const entries = entriesOf.get(socket) ?? [];
  entries.splice(entries.indexOf(entry), 1);
}

function listenerFor(socket: WebSocketEmitter, name: string, handler: unknown): AnyListener | undefined {
  switch (name) {
    case 'open':
      return () => call(handler, socket, new Event('open', socket));
    case 'message':
      return (data: RawData, isBinary: boolean) =>
        call(handler, socket, new MessageEvent(socket, isBinary ? data : textOf(data)));
    case 'error':
      return (error: Error) => call(handler, socket, new ErrorEvent(socket, error));
    case 'close':
      return (code: number, reason: Buffer) =>
        call(handler, socket, new CloseEvent(socket, code, reason.toString(), cleanlyClosed.has(socket)));
    default:
      return undefined;
  }
}

function call(handler: unknown, socket: WebSocketEmitter, event: Event<WebSocketEmitter>): void {
  if (typeof handler === 'function') Reflect.apply(handler, socket, [event]);
  else if (typeof handler === 'object' && handler !== null && 'handleEvent' in handler) {
    const { handleEvent } = handler;
    if (typeof handleEvent === 'function') Reflect.apply(handleEvent, handler, [event]);
  }
}
