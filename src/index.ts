// `fullduplex` on Node: server, client and the WHATWG classes.

export { Connection, type ConnectionHandlers, type FragmentOptions, type SendData } from './connection/connection.ts';
export { type ConnectionOptions, defaultConnectionOptions } from './connection/connection-options.ts';
export type { ClosedInfo } from './connection/end-reason.ts';
export type { MessageStream } from './connection/message-stream.ts';
export type { Message, MessageType } from './connection/message-transport.ts';
