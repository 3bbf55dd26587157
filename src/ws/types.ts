// The types of the API in one place, for the namespace of the class.

import type { AddressInfo as NetAddress } from 'node:net';

export type AddressInfo = NetAddress;
/** Certificates and keys. */
export type CertMeta = string | string[] | Buffer | Buffer[];
export type { ClientOptions, FinishRequestCallback } from './client-options.ts';
export type { PerMessageDeflateOptions } from './deflate-options.ts';
export type { EventListenerOptions } from './event-target.ts';
export type { CloseEvent, ErrorEvent, Event, MessageEvent, WebSocketEventMap } from './events.ts';
export type { Data, RawData } from './received-data.ts';
export type { ServerOptions, VerifyClientCallbackAsync, VerifyClientCallbackSync } from './server-options.ts';
export type { WebSocketServer } from './web-socket-server.ts';
