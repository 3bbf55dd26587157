// `fullduplex/deno`: the server over Deno's own listener. Clients import `fullduplex`, which runs on Deno as it is.

export { type ServeOptions, serve } from './deno/serve.ts';
export { DenoServer, type DenoServerOptions } from './deno/deno-server.ts';
export type { DenoAddress, DenoRequestInfo } from './deno/deno-runtime.ts';
export type { PlatformTarget, PlatformTls } from './server/platform-target.ts';

// What server and connections are made of, as in `fullduplex`.
export * from './server/platform-exports.ts';
