// The WHATWG classes in a browser: its own WebSocket, and its own WebSocketStream or, where it has none yet, ours over
// its WebSocket. Ours has no backpressure on what arrives there, because the platform's WebSocket cannot be paused.

import type { Connection } from '../connection/connection.ts';
import type { Dialer, DialRequest } from '../whatwg/dialer.ts';
import { WebSocketError as PortableWebSocketError } from '../whatwg/web-socket-error.ts';
import {
  createWebSocketStreamClass,
  type WebSocketStreamClass,
  type WebSocketStream as WebSocketStreamInstance,
  type WebSocketStreamOptions,
} from '../whatwg/web-socket-stream.ts';
import { currentPlatform, openConnection, planConnection } from './connect.ts';

const dialer: Dialer<WebSocketStreamOptions> = Object.freeze({
  dial({ url, protocols, signal }: DialRequest<WebSocketStreamOptions>): Promise<Connection> {
    const platform = currentPlatform();
    return openConnection(planConnection(url, { protocols }, platform.baseUrl), platform, signal);
  },
});

function isClass<Class>(value: unknown, _portable: Class): value is Class {
  return typeof value === 'function';
}

function platformsOwn<Class>(name: string, portable: Class): Class {
  const own: unknown = Reflect.get(globalThis, name);
  return isClass(own, portable) ? own : portable;
}

/** The browser's own WebSocket class. */
export const WebSocket: typeof globalThis.WebSocket = globalThis.WebSocket;
export type WebSocket = InstanceType<typeof globalThis.WebSocket>;

// The marks let bundles leave out what a page does not use.
/** The browser's own WebSocketStream class, or ours. */
export const WebSocketStream: WebSocketStreamClass = /* @__PURE__ */ platformsOwn(
  'WebSocketStream',
  /* @__PURE__ */ createWebSocketStreamClass<WebSocketStreamOptions>({
    dialer,
    baseUrl: () => currentPlatform().baseUrl,
  }),
);
export type WebSocketStream = WebSocketStreamInstance;

/** The browser's own WebSocketError class if its WebSocketStream is used, else ours. */
export const WebSocketError: typeof PortableWebSocketError = /* @__PURE__ */ platformsOwn(
  'WebSocketError',
  PortableWebSocketError,
);
export type WebSocketError = PortableWebSocketError;
