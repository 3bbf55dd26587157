// `fullduplex/workers`: a server as a `fetch` handler, for Cloudflare Workers and runtimes in its style.

export { type FetchHandler, type FetchHandlerOptions, fetchHandler } from './workers/fetch-handler.ts';

// What server and connections are made of, as in `fullduplex`.
export { type ErrorCode, FullduplexError } from './base/errors.ts';
export type { ConnectionHandlers, SendData, SendOptions } from './connection/connection-handlers.ts';
export { type ConnectionOptions, defaultConnectionOptions } from './connection/connection-options.ts';
export type { ClosedInfo } from './connection/end-reason.ts';
export type { Message, MessageType } from './connection/message-transport.ts';
export { CloseCode } from './protocol/close-code.ts';
export { PreparedMessage, type PreparedMessageOptions } from './protocol/prepared-message.ts';
export { type DrainOptions, defaultDrainOptions } from './server/drain.ts';
export type { Endpoint } from './server/endpoint.ts';
export type { AllowedOrigins } from './server/origin.ts';
export type { PathParams } from './server/path-pattern.ts';
export type {
  PlatformConnectionOptions,
  PlatformEndpointOptions,
  PlatformServerOptions,
} from './server/platform-options.ts';
export { PlatformServer } from './server/platform-server.ts';
export { ServerConnection } from './server/server-connection.ts';
export type { ServerHandlers } from './server/server-options.ts';
export type { SubscribeOptions, WhenSlow } from './server/topics.ts';
export type { UpgradeAcceptance, UpgradeDecision } from './server/upgrade-decision.ts';
export { UpgradeRequest } from './server/upgrade-request.ts';
