// `fullduplex/bun`: the server over Bun's own listener. Clients import `fullduplex`, which runs on Bun as it is.

export { type ServeOptions, serve } from './bun/serve.ts';
export { BunServer, type BunServerOptions, type BunSocketData } from './bun/bun-server.ts';
export type { BunListener, BunSocket, BunSocketHandlers } from './bun/bun-runtime.ts';
export type { PlatformTarget, PlatformTls } from './server/platform-target.ts';

// What server and connections are made of, as in `fullduplex`.
export * from './server/platform-exports.ts';
