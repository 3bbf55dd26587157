// `fullduplex/client` on Node: with the WebSocket of this library, which Node has no own of before version 22.

import { WebSocket } from './node/web-socket.ts';
import { clientFactory, type CreateClient } from './realtime/client/create-client.ts';

/** Connects to a realtime server. */
export const createClient: CreateClient = /* @__PURE__ */ clientFactory(() => ({
  WebSocket,
  fetch: globalThis.fetch,
  baseUrl: undefined,
}));

export * from './realtime/client/public.ts';
