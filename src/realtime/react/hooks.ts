// Hooks of React over a client: a channel for as long as a component shows it, who is there, and how the connection stands. React is
// passed in, so that nothing here depends on it or on its version.

import type { ContractDefinition } from '../contract/contract.ts';
import type { ChannelNames, Given, PresenceOf } from '../contract/contract-types.ts';
import type { ChannelOptions } from '../client/channel.ts';
import type { Channel, Client, Member, Presence } from '../client/client-types.ts';
import type { ConnectionState } from '../client/connector.ts';

/** What hooks need of React, version 18 or later. */
export interface ReactLike {
  useEffect(effect: () => () => void, deps: readonly unknown[]): void;
  useRef<T>(initial: T): { current: T };
  useSyncExternalStore<T>(
    subscribe: (changed: () => void) => () => void,
    snapshot: () => T,
    serverSnapshot: () => T,
  ): T;
}

/** Who is there, as it was when the component was drawn. */
export interface PresenceSnapshot<Info> {
  readonly members: ReadonlyMap<string, Member<Info>>;
  readonly count: number;
}

/** Hooks for the components of an application. */
export interface Hooks {
  /**
   * Gives a channel, and leaves it when the last component that shows it is gone. Add listeners in `useEffect`:
   * `useEffect(() => room.on('message', show), [room])`.
   * @throws FullduplexError `WS_STATE_INVALID` when the channel is open with other options
   */
  readonly useChannel: <C extends ContractDefinition, Name extends ChannelNames<C>>(
    client: Client<C>,
    name: Name,
    options?: ChannelOptions<Given<PresenceOf<C, Name>>>,
  ) => Channel<C, Name>;
  /** Who is in a channel; draws the component anew when that changes. */
  readonly usePresence: <Info>(channel: { readonly presence: Presence<Info> }) => PresenceSnapshot<Info>;
  /** How the connection stands; draws the component anew when that changes. Where pages are made on a server, it is `connecting`. */
  readonly useConnectionState: <C extends ContractDefinition>(client: Client<C>) => ConnectionState;
}

/** Makes the hooks for a React. */
export function createHooks(react: ReactLike): Hooks {
  // How many components show a channel.
  const shown = new WeakMap<object, number>();
  const count = (channel: object, more: number): void => {
    shown.set(channel, (shown.get(channel) ?? 0) + more);
  };
  return {
    useChannel: (client, name, options) => {
      const channel = client.channel(name, options);
      react.useEffect(() => {
        count(channel, 1);
        return () => {
          count(channel, -1);
          // In a later turn: a component that takes the place of this one keeps it open.
          queueMicrotask(() => {
            if (shown.get(channel) === 0) channel.leave();
          });
        };
      }, [channel]);
      return channel;
    },
    usePresence: <Info>({ presence }: { readonly presence: Presence<Info> }) => {
      const last = react.useRef<Drawn<Info> | undefined>(undefined);
      // React asks often, and has to get the same object until something has changed.
      const snapshot = (): PresenceSnapshot<Info> => {
        if (last.current?.of !== presence) {
          last.current = { of: presence, members: new Map(presence.members), count: presence.count };
        }
        return last.current;
      };
      return react.useSyncExternalStore(
        (changed) =>
          presence.on('change', () => {
            last.current = undefined;
            changed();
          }),
        snapshot,
        snapshot,
      );
    },
    useConnectionState: (client) =>
      react.useSyncExternalStore(
        (changed) => client.on('state', changed),
        () => client.state,
        () => 'connecting',
      ),
  };
}

interface Drawn<Info> extends PresenceSnapshot<Info> {
  readonly of: Presence<Info>;
}
