// The WHATWG classes on Node: WebSocket and WebSocketStream over the same dialling as connect(), with Node's tasks and
// UTF-8. Beyond the standard they take the options of connect(): headers, cookies, auth, TLS, limits.

import type { Connection } from '../connection/connection.ts';
import type { Dialer, DialRequest } from '../whatwg/dialer.ts';
import {
  createWebSocketClass,
  type WebSocketClass,
  type WebSocketExtras,
  type WebSocket as WebSocketInstance,
} from '../whatwg/web-socket.ts';
import {
  createWebSocketStreamClass,
  type WebSocketStreamClass,
  type WebSocketStream as WebSocketStreamInstance,
  type WebSocketStreamOptions as StandardStreamOptions,
} from '../whatwg/web-socket-stream.ts';
import { openConnection, planConnection } from './connect.ts';
import type { ConnectOptions } from './connect-options.ts';
import { nodeScheduler } from './node-scheduler.ts';
import { nodeTextCodec } from './node-text-codec.ts';

/** The options of connect() that do not contradict the standard. */
export type DialOptions = Omit<
  ConnectOptions,
  'protocols' | 'requireProtocol' | 'signal' | 'binaryMessages' | 'receive' | 'onError' | 'maxRedirects'
>;

/** The third argument of WebSocket on Node; not in the standard. */
export interface WebSocketOptions extends DialOptions, WebSocketExtras {}

/** The second argument of WebSocketStream on Node; all but `protocols` and `signal` is not in the standard. */
export interface WebSocketStreamOptions extends DialOptions, StandardStreamOptions {}

const dialer: Dialer<DialOptions> = Object.freeze({
  // Not async: a wrong option throws at once, out of the constructor.
  dial({ url, protocols, options, signal }: DialRequest<DialOptions>): Promise<Connection> {
    const plan = planConnection(url, {
      ...options,
      protocols,
      requireProtocol: true,
      binaryMessages: 'copied',
      receive: 'whole',
      // "Establish a WebSocket connection": the redirect mode is "error".
      maxRedirects: 0,
    });
    return openConnection(plan, { signal });
  },
});

const platform = Object.freeze({ dialer, scheduler: nodeScheduler, text: nodeTextCodec });

/** The WHATWG WebSocket class. */
export const WebSocket: WebSocketClass<WebSocketOptions> = createWebSocketClass<WebSocketOptions>(platform);
export type WebSocket = WebSocketInstance;

/** The WHATWG WebSocketStream class. */
export const WebSocketStream: WebSocketStreamClass<WebSocketStreamOptions> =
  createWebSocketStreamClass<WebSocketStreamOptions>(platform);
export type WebSocketStream = WebSocketStreamInstance;
