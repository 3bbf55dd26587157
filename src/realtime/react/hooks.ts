// Hooks of React over a client: a channel for as long as a component shows it, who is there, and how the connection stands. React is
// passed in, so that nothing here depends on it or on its version.

import type { ContractDefinition } from '../contract/contract.ts';
import type { ChannelNames, Given, PresenceOf } from '../contract/contract-types.ts';
import type { ChannelOptions } from '../client/channel.ts';
import type { Channel, Client, Member, Presence } from '../client/client-types.ts';
import type { ConnectionState } from '../client/connector.ts';

/** What hooks need of React, version 18 or later. */
export interface ReactLike {
  useRef<T>(initial: T): { current: T };
  useSyncExternalStore<T>(
    subscribe: (changed: () => void) => () => void,
    snapshot: () => T,
    serverSnapshot: () => T,
  ): T;
}

/** What hooks need of a client: one of `createClient`, or one that tabs share. */
export interface HookedClient<C extends ContractDefinition>
  extends Pick<Client<C>, 'state' | 'on' | 'channel'> {}

/** Who is there, as it was when the component was drawn. */
export interface PresenceSnapshot<Info> {
  readonly members: ReadonlyMap<string, Member<Info>>;
  readonly count: number;
}

/** Hooks for the components of an application. */
export interface Hooks {
  /**
   * Gives a channel, and leaves it when the last component that shows it is gone, or hidden. Add listeners in `useEffect`:
   * `useEffect(() => room.on('message', show), [room])`. It is opened when the component is drawn first: one that is never
   * shown after that leaves it open.
   * @throws FullduplexError `WS_STATE_INVALID` when the channel is open with other options
   */
  readonly useChannel: <C extends ContractDefinition, Name extends ChannelNames<C>>(
    client: HookedClient<C>,
    name: Name,
    options?: ChannelOptions<Given<PresenceOf<C, Name>>>,
  ) => Channel<C, Name>;
  /** Who is in a channel; draws the component anew when that changes. */
  readonly usePresence: <Info>(channel: { readonly presence: Presence<Info> }) => PresenceSnapshot<Info>;
  /** How the connection stands; draws the component anew when that changes. Where pages are made on a server, it is `connecting`. */
  readonly useConnectionState: <C extends ContractDefinition>(client: HookedClient<C>) => ConnectionState;
}

/** Makes the hooks for a React. */
export function createHooks(react: ReactLike): Hooks {
  const showings = new WeakMap<object, Subscribe>();
  return {
    useChannel: <C extends ContractDefinition, Name extends ChannelNames<C>>(
      client: HookedClient<C>,
      name: Name,
      options?: ChannelOptions<Given<PresenceOf<C, Name>>>,
    ) => {
      const last = react.useRef<Opened<C, Name> | undefined>(undefined);
      const snapshot = (): Channel<C, Name> => {
        // A client that is closed gives another channel each time, and React has to get the same.
        const isKept = client.state === 'closed' && last.current?.client === client;
        if (isKept && last.current?.channel.name === name) return last.current.channel;
        const channel = client.channel(name, options);
        last.current = { client, channel };
        return channel;
      };
      // A component that was hidden and is shown again finds that its channel was left: then React asks for it anew.
      const channel = snapshot();
      const subscribe = showings.get(channel) ?? showing(channel);
      showings.set(channel, subscribe);
      return react.useSyncExternalStore(subscribe, snapshot, snapshot);
    },
    usePresence: <Info>({ presence }: { readonly presence: Presence<Info> }) => {
      const last = react.useRef<PresenceSnapshot<Info> | undefined>(undefined);
      const snapshot = (): PresenceSnapshot<Info> => {
        const { members, count } = presence;
        // React asks often, and has to get the same object until something has changed: also between drawing and listening.
        if (last.current?.count !== count || !areEqual(last.current.members, members)) {
          last.current = { members: new Map(members), count };
        }
        return last.current;
      };
      return react.useSyncExternalStore(
        (changed) => presence.on('change', () => changed()),
        snapshot,
        snapshot,
      );
    },
    useConnectionState: (client) =>
      react.useSyncExternalStore(
        (changed) => client.on('state', () => changed()),
        () => client.state,
        () => 'connecting',
      ),
  };
}

interface Opened<C extends ContractDefinition, Name extends ChannelNames<C>> {
  readonly client: HookedClient<C>;
  readonly channel: Channel<C, Name>;
}

type Subscribe = (changed: () => void) => () => void;

/** Counts the components that show a channel, and leaves it behind the last. */
function showing(channel: { leave(): void }): Subscribe {
  let count = 0;
  return () => {
    count++;
    return () => {
      count--;
      // In a later turn: a component that takes the place of this one keeps it open.
      queueMicrotask(() => {
        if (count === 0) channel.leave();
      });
    };
  };
}

function areEqual(first: ReadonlyMap<string, unknown>, second: ReadonlyMap<string, unknown>): boolean {
  if (first.size !== second.size) return false;
  for (const [key, value] of first) if (second.get(key) !== value) return false;
  return true;
}
