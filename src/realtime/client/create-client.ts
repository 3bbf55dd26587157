// Makes clients: with the contract, or with its types alone; and what the types of a contract make of a client.

import { FullduplexError } from '../../base/errors.ts';
import type { ContractDefinition } from '../contract/contract.ts';
import { RealtimeClient } from './client.ts';
import { type ClientOptions, resolveClientOptions } from './client-options.ts';
import type { Client } from './client-types.ts';
import type { FallbackAddress } from './links/fallback-request.ts';
import { pollLinks } from './links/poll-link.ts';
import { streamLinks } from './links/stream-link.ts';
import { type WebSocketConstructor, webSocketLinks } from './links/web-socket-link.ts';

/** What a platform gives to clients. */
export interface ClientPlatform {
  readonly WebSocket: WebSocketConstructor;
  readonly fetch: typeof globalThis.fetch;
  /** What relative addresses are relative to. */
  readonly baseUrl: string | undefined;
}

/** Makes clients of a platform. */
export interface CreateClient {
  /**
   * Connects to a server with a contract.
   * @param url the address of the server: ws:, wss:, http: or https:, in a page also relative
   * @throws FullduplexError `WS_URL_INVALID`, `WS_OPTION_INVALID`
   */
  <const C extends ContractDefinition>(contract: C, url: string | URL, options?: ClientOptions): Client<C>;
  /** Connects with the types of a contract alone, whose schemas stay out of the bundle: `createClient<typeof chat>(url)`. */
  <C extends ContractDefinition>(url: string | URL, options?: ClientOptions): Client<C>;
}

/** Gives the `createClient` of a platform. */
export function clientFactory(platform: () => ClientPlatform): CreateClient {
  return <C extends ContractDefinition>(...given: WithContract<C> | WithTypes): Client<C> => {
    const [contract, url, settings = {}] = hasContract(given) ? given : ([undefined, ...given] as const);
    const { baseUrl, ...parts } = platform();
    const options = resolveClientOptions(settings);
    const { WebSocket, fetch, credentials } = { ...parts, ...options };
    const scheme = /^(ws|http)(?=s?:)/;
    const href = URL.canParse(url, baseUrl) ? new URL(url, baseUrl).href : '';
    if (!scheme.test(href)) {
      throw new FullduplexError('WS_URL_INVALID', `no address of ws: or http: is ${String(url)}`);
    }
    const [address] = href.split('#');
    const fallback: FallbackAddress = { url: address.replace(scheme, 'http'), fetch, credentials };
    const client = new RealtimeClient(contract, options, {
      websocket: webSocketLinks(address.replace(scheme, 'ws'), WebSocket),
      stream: streamLinks(fallback),
      poll: pollLinks(fallback),
    });
    takeForTyped<C>(client);
    return client;
  };
}

/**
 * Says of a client that its data has the types of the contract: nothing here could check that. The server has checked everything by the
 * contract's schemas before it came.
 */
function takeForTyped<C extends ContractDefinition>(
  _client: Readonly<Record<keyof Client<C>, unknown>>,
): asserts _client is Client<C> {}

type WithTypes = readonly [url: string | URL, options?: ClientOptions];
type WithContract<C> = readonly [contract: C, ...WithTypes];

function hasContract<C>(given: WithContract<C> | WithTypes): given is WithContract<C> {
  const [first] = given;
  return typeof first !== 'string' && !(first instanceof URL);
}
