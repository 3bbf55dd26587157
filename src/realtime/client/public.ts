// What `fullduplex/client` gives on every platform beside `createClient`.

export { FullduplexError } from '../../base/errors.ts';
export { RealtimeError, type RealtimeErrorCode } from '../wire/error-codes.ts';
export { type ClientOptions, defaultClientOptions } from './client-options.ts';
export type { Channel, Client, Member, Presence, PublicationOf, Remove, SyncedMap } from './client-types.ts';
export type { CallSettings } from './client.ts';
export type { ChannelOptions, ChannelStatus, RequestSettings } from './channel.ts';
export type { ConnectionState } from './connector.ts';
export type { CreateClient } from './create-client.ts';
export type { Gap } from './event-stream.ts';
export type { Publication } from './publication.ts';
export type { ServerCallContext } from './server-calls.ts';
export type { TokenSource } from './token.ts';
export type { LinkKind } from '../link/link.ts';
export type { GapReason, HistoryRequest, PublishResult } from '../wire/frames.ts';
export type { WebSocketConstructor, WebSocketLike } from './links/web-socket-link.ts';
