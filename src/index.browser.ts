// `fullduplex` in a browser: the client and the WHATWG classes, by the same names as on Node. `serve` is not here, so
// that importing it fails when a bundle is built.

export { Connection } from './connection/connection.ts';
export type {
  CloseOptions,
  ConnectionHandlers,
  FragmentOptions,
  SendData,
} from './connection/connection-handlers.ts';
export { type ConnectionOptions, defaultConnectionOptions } from './connection/connection-options.ts';
export type {
  BothWays,
  ClosedSnapshot,
  ConnectionSnapshot,
  PauseReason,
  TrafficSnapshot,
} from './connection/connection-snapshot.ts';
export type { ClosedInfo } from './connection/end-reason.ts';
export type { MessageStream } from './connection/message-stream.ts';
export type { Message, MessageType } from './connection/message-transport.ts';
export type { TrafficRates } from './connection/rate-window.ts';
export { Traffic } from './protocol/traffic.ts';

// Client
export { connect } from './browser/connect.ts';
export {
  type BrowserConnectionOptions,
  type ConnectOptions,
  defaultConnectOptions,
} from './browser/connect-options.ts';
export { reconnect } from './browser/reconnect.ts';
export { type Dial, defaultReconnectOptions, type ReconnectOptions } from './connection/reconnect.ts';
export { isTransient } from './connection/retry.ts';
export { ProxyError, type ProxyErrorDetails } from './connection/proxy-error.ts';
export { HandshakeError } from './protocol/handshake/handshake-error.ts';
export type { HeaderInit, HeaderList } from './protocol/handshake/header-list.ts';
export { type ErrorCode, FullduplexError } from './base/errors.ts';
export { CloseCode } from './protocol/close-code.ts';
export { PreparedMessage } from './protocol/prepared-message.ts';

// The WHATWG classes
export { WebSocket, WebSocketError, WebSocketStream } from './browser/web-socket.ts';
export { CloseEvent, type CloseEventInit } from './whatwg/events.ts';
export type { WebSocketCloseInfo } from './whatwg/web-socket-error.ts';
export type { WebSocketEventMap } from './whatwg/web-socket.ts';
export type { WebSocketOpenInfo, WebSocketStreamEnd } from './whatwg/web-socket-stream-session.ts';
export type { WebSocketStreamOptions } from './whatwg/web-socket-stream.ts';
