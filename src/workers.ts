// `fullduplex/workers`: a server as a `fetch` handler, for Cloudflare Workers and runtimes in its style.

export { type FetchHandler, type FetchHandlerOptions, fetchHandler } from './workers/fetch-handler.ts';

// What server and connections are made of, as in `fullduplex`.
export * from './server/platform-exports.ts';
