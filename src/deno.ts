// `fullduplex/deno`: the server over Deno's own listener. Clients import `fullduplex`, which runs on Deno as it is.

export { type ServeOptions, serve } from './deno/serve.ts';
export { DenoServer, type DenoServerOptions } from './deno/deno-server.ts';
export type { DenoAddress, DenoRequestInfo } from './deno/deno-runtime.ts';
export type { PlatformTarget, PlatformTls } from './server/platform-target.ts';

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
