// `fullduplex/client` in a browser, and wherever else the platform has WebSocket and fetch: Deno, Bun, Workers.

import { clientFactory, type CreateClient } from './realtime/client/create-client.ts';

/** Connects to a realtime server. */
export const createClient: CreateClient = /* @__PURE__ */ clientFactory(() => ({
  WebSocket: globalThis.WebSocket,
  fetch: globalThis.fetch,
  // Workers have a location and no document; others may have neither.
  baseUrl: globalThis.document?.baseURI ?? globalThis.location?.href,
}));

export * from './realtime/client/public.ts';
