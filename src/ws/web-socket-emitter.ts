// The events of a WebSocket: an EventEmitter that knows them, and takes listeners in the manner of browsers too.

import { EventEmitter } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { EventMethods } from './event-methods.ts';
import {
  addListener,
  attributeOf,
  type EventListener,
  type EventListenerOptions,
  type EventName,
  removeListener,
  setAttribute,
} from './event-target.ts';
import type { WebSocketEventMap } from './events.ts';
import type { RawData } from './received-data.ts';

/** What the listeners of a WebSocket get. */
export interface WebSocketEvents {
  open: [];
  message: [data: RawData, isBinary: boolean];
  close: [code: number, reason: Buffer];
  error: [error: Error];
  ping: [data: Buffer];
  pong: [data: Buffer];
  upgrade: [response: IncomingMessage];
  redirect: [url: string, request: ClientRequest];
  'unexpected-response': [request: ClientRequest, response: IncomingMessage];
}

// An EventEmitter that knows its events.
const SocketEmitter: new () => EventMethods<WebSocketEvents> = EventEmitter;

type Handler<Name extends EventName> = ((event: WebSocketEventMap[Name]) => void) | null;

/** The part of a WebSocket that has to do with listeners. */
export class WebSocketEmitter extends SocketEmitter {
  static {
    for (const name of ['onclose', 'onerror', 'onmessage', 'onopen'])
      Object.defineProperty(WebSocketEmitter.prototype, name, { enumerable: true });
  }

  get onclose(): Handler<'close'> {
    return handlerOf(this, 'close');
  }

  set onclose(handler: Handler<'close'>) {
    setAttribute(this, 'close', handler);
  }

  get onerror(): Handler<'error'> {
    return handlerOf(this, 'error');
  }

  set onerror(handler: Handler<'error'>) {
    setAttribute(this, 'error', handler);
  }

  get onmessage(): Handler<'message'> {
    return handlerOf(this, 'message');
  }

  set onmessage(handler: Handler<'message'>) {
    setAttribute(this, 'message', handler);
  }

  get onopen(): Handler<'open'> {
    return handlerOf(this, 'open');
  }

  set onopen(handler: Handler<'open'>) {
    setAttribute(this, 'open', handler);
  }

  /** Adds a listener in the manner of browsers; the same one is not added twice. */
  addEventListener<Name extends EventName>(
    type: Name,
    listener: EventListener<Name>,
    options?: EventListenerOptions,
  ): void {
    addListener(this, type, listener, options);
  }

  /** Removes a listener that `addEventListener` has added. */
  removeEventListener<Name extends EventName>(type: Name, listener: EventListener<Name>): void {
    removeListener(this, type, listener);
  }
}

function handlerOf<Name extends EventName>(emitter: WebSocketEmitter, name: Name): Handler<Name> {
  const handler = attributeOf(emitter, name);
  return isHandler(handler) ? handler : null;
}

function isHandler(value: unknown): value is () => void {
  return typeof value === 'function';
}
