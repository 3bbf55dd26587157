// `fullduplex` on Node: server, client and the WHATWG classes.

export { Connection } from './connection/connection.ts';
export type {
  CloseOptions,
  ConnectionHandlers,
  FragmentOptions,
  SendData,
  SendOptions,
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

// Watching
export {
  type CloseMessage,
  DiagnosticsChannel,
  type DiagnosticsChannels,
  diagnosticsChannels,
  type ErrorMessage,
  type FrameMessage,
  type OpenMessage,
  type Side,
  type UpgradeMessage,
} from './node/diagnostics.ts';
export type {
  BufferedSnapshot,
  MemorySnapshot,
  ServerSnapshot,
  ServerState,
} from './server/server-statistics.ts';
export type { DecidedUpgrade } from './server/upgrade-log.ts';

// Client
export { connect } from './node/connect.ts';
export {
  type ClientSocketOptions,
  type ClientTlsOptions,
  type ConnectOptions,
  type CreateConnection,
  defaultConnectOptions,
} from './node/connect-options.ts';
export type { DialTarget } from './node/connect-target.ts';
export {
  defaultHttp2SessionsOptions,
  Http2Sessions,
  type Http2SessionsOptions,
} from './node/http2/http2-sessions.ts';
export type { Authorization, Credentials } from './node/authorization.ts';
export type { CookieJar } from './node/cookie-jar.ts';
export type { ProxyOption, ProxyOptions } from './node/proxy/proxy-address.ts';
export { ProxyError, type ProxyErrorDetails } from './connection/proxy-error.ts';
export { reconnect } from './node/reconnect.ts';
export { type Dial, defaultReconnectOptions, type ReconnectOptions } from './connection/reconnect.ts';
export {
  BufferMemory,
  type BufferMemoryOptions,
} from './connection/buffer-memory.ts';
export type { ReceiveRate } from './connection/receive-rates.ts';
export type { RateLimit } from './base/token-bucket.ts';
export { isTransient } from './connection/retry.ts';
export { HandshakeError } from './protocol/handshake/handshake-error.ts';
export type { HeaderInit, HeaderList } from './protocol/handshake/header-list.ts';
export { type ErrorCode, FullduplexError } from './base/errors.ts';

// Server
export { type ServeOptions, type ServeTarget, serve } from './node/serve.ts';
export { WebSocketServer } from './node/web-socket-server.ts';
export { bufferMemory } from './node/buffer-memory.ts';
export { type AdmissionOptions, defaultAdmissionOptions } from './server/admission.ts';
export type { ForwardedHeader } from './server/forwarded-header.ts';
export { type DrainOptions, defaultDrainOptions } from './server/drain.ts';
export type { Endpoint } from './server/endpoint.ts';
export type { OpeningHandshake } from './server/opening-handshake.ts';
export type { AllowedOrigins } from './server/origin.ts';
export type { PathParams } from './server/path-pattern.ts';
export {
  defaultRollingDrainOptions,
  type DrainReport,
  type RollingDrainOptions,
} from './server/rolling-drain.ts';
export { ServerConnection, type ServerConnectionSnapshot } from './server/server-connection.ts';
export {
  defaultServerLimits,
  type EndpointOptions,
  type ServerHandlers,
  type ServerLimits,
  type ServerOptions,
} from './server/server-options.ts';
export type { SubscribeOptions, WhenSlow } from './server/topics.ts';
export type { UpgradeAcceptance, UpgradeDecision } from './server/upgrade-decision.ts';
export { type HttpVersion, UpgradeRequest } from './server/upgrade-request.ts';
export { PreparedMessage, type PreparedMessageOptions } from './protocol/prepared-message.ts';

// Compression
export {
  defaultPerMessageDeflateOptions,
  type PerMessageDeflateOptions,
} from './protocol/extensions/permessage-deflate/options.ts';
export { CompressionMemory, compressionMemory } from './node/zlib/compression-memory.ts';

// The WHATWG classes
export {
  type DialOptions,
  WebSocket,
  type WebSocketOptions,
  WebSocketStream,
  type WebSocketStreamOptions,
} from './node/web-socket.ts';
export { CloseCode } from './protocol/close-code.ts';
export { CloseEvent, type CloseEventInit } from './whatwg/events.ts';
export type { WebSocketEventMap } from './whatwg/web-socket.ts';
export { type WebSocketCloseInfo, WebSocketError } from './whatwg/web-socket-error.ts';
export type { WebSocketOpenInfo, WebSocketStreamEnd } from './whatwg/web-socket-stream-session.ts';
