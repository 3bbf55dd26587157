// Shares a client between the tabs of an origin, with the types of its contract.

import type { Client } from '../client/client-types.ts';
import type { ContractDefinition } from '../contract/contract.ts';
import { TabClient } from './tab-client.ts';
import { resolveShareOptions, type ShareOptions } from './tab-options.ts';

/**
 * A client that is shared with other tabs: what all have in common. `sessionId`, `transport` and `user` are those of the one connection. A
 * channel is followed as any tab wants it: who is there counts the connection once, with the `info` of the first tab.
 */
export interface SharedClient<C extends ContractDefinition>
  extends Pick<
    Client<C>,
    'state' | 'transport' | 'sessionId' | 'user' | 'closeError' | 'direct' | 'on' | 'channel' | 'call'
  > {
  /** Whether this tab is the one with the connection. */
  readonly isLeader: boolean;
  /** Ends it in this tab: another one takes over what this one did for all. Requests that wait here fail with `CLOSED`. */
  close(): void;
}

/**
 * Shares one connection between all tabs of an origin that give the same name. One of them leads: it makes the client; when it goes, another
 * one takes over where it was. Where the platform has no BroadcastChannel or no locks, each tab has a connection of its own.
 * @param create makes the client, when it is this tab's turn to lead: `() => createClient(url)`
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function shareClient<C extends ContractDefinition>(
  create: () => Client<C>,
  options: ShareOptions,
): SharedClient<C> {
  const shared = new TabClient(create, resolveShareOptions(options));
  takeForTyped<C>(shared);
  return shared;
}

// As the client, whose data was checked by the server.
function takeForTyped<C extends ContractDefinition>(
  _shared: Readonly<Record<keyof SharedClient<C>, unknown>>,
): asserts _shared is SharedClient<C> {}
