// What server and connections are made of, as in `fullduplex`: the same for every platform whose entry exports all of it.

export { type ErrorCode, FullduplexError } from '../base/errors.ts';
export type { ConnectionHandlers, SendData, SendOptions } from '../connection/connection-handlers.ts';
export { type ConnectionOptions, defaultConnectionOptions } from '../connection/connection-options.ts';
export type { ClosedInfo } from '../connection/end-reason.ts';
export type { Message, MessageType } from '../connection/message-transport.ts';
export { CloseCode } from '../protocol/close-code.ts';
export { PreparedMessage, type PreparedMessageOptions } from '../protocol/prepared-message.ts';
export { type DrainOptions, defaultDrainOptions } from './drain.ts';
export type { Endpoint } from './endpoint.ts';
export type { AllowedOrigins } from './origin.ts';
export type { PathParams } from './path-pattern.ts';
export type {
  PlatformConnectionOptions,
  PlatformEndpointOptions,
  PlatformServerOptions,
} from './platform-options.ts';
export { PlatformServer } from './platform-server.ts';
export { ServerConnection } from './server-connection.ts';
export type { ServerHandlers } from './server-options.ts';
export type { SubscribeOptions, WhenSlow } from './topics.ts';
export type { UpgradeAcceptance, UpgradeDecision } from './upgrade-decision.ts';
export { UpgradeRequest } from './upgrade-request.ts';
