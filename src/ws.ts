// The entry `fullduplex/ws`: the API of the package ws on our engine. What `require` gives is the class itself, with all else as
// its members (the export named 'module.exports', which Node has from 20.19 on).

import { Sender } from './ws/sender.ts';
import { createWebSocketStream } from './ws/stream.ts';
import { WebSocket } from './ws/web-socket.ts';
import { WebSocketServer } from './ws/web-socket-server.ts';

Object.assign(WebSocket, {
  WebSocket,
  WebSocketServer,
  Server: WebSocketServer,
  Sender,
  createWebSocketStream,
});

export type { ClientOptions, FinishRequestCallback } from './ws/client-options.ts';
export type { PerMessageDeflateOptions } from './ws/deflate-options.ts';
export type { EventListenerOptions } from './ws/event-target.ts';
export type { CloseEvent, ErrorEvent, Event, MessageEvent, WebSocketEventMap } from './ws/events.ts';
export type { SendOptions, SentCallback } from './ws/outgoing.ts';
export type { Data, RawData } from './ws/received-data.ts';
export type { BufferLike } from './ws/sent-data.ts';
export type {
  ServerOptions,
  VerifyClientCallbackAsync,
  VerifyClientCallbackSync,
} from './ws/server-options.ts';
export { createWebSocketStream, Sender, WebSocket, WebSocketServer, WebSocketServer as Server };
export { WebSocket as default, WebSocket as 'module.exports' };
