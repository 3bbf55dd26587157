import * as React from 'react';
import { renderToString } from 'react-dom/server';
import { expect, expectTypeOf, test } from 'vitest';
import type { Channel, Client, Member } from '../../../src/realtime/client/client-types.ts';
import { defineContract } from '../../../src/realtime/contract/contract.ts';
import { typed } from '../../../src/realtime/contract/standard-schema.ts';
import { createHooks, type ReactLike } from '../../../src/realtime/react/hooks.ts';
import { settle } from '../../../src/testing.ts';
import { scripted, type Scripted, subscribedTo } from '../client/scripted-links.ts';

const contract = defineContract({
  version: '1.0',
  channels: { 'chat:{room}': { events: { message: typed<string>() }, presence: typed<{ name: string }>() } },
});

function isTyped(_client: unknown): _client is Client<typeof contract> {
  return true;
}

function typedClient({ client }: Scripted): Client<typeof contract> {
  if (!isTyped(client)) throw new Error('it always is');
  return client;
}

interface Component {
  drawn: number;
  isFirst: boolean;
  ref: number;
  readonly refs: { current: unknown }[];
  readonly cleanups: (() => void)[];
}

// The real React draws on a server here, where it has neither effects nor changes; this stand-in does what it promises of them.
class StandIn implements ReactLike {
  #current: Component | undefined;

  mount<T>(component: () => T): {
    readonly redraw: () => T;
    readonly first: T;
    readonly unmount: () => void;
    readonly self: Component;
  } {
    const self: Component = { drawn: 0, isFirst: true, ref: 0, refs: [], cleanups: [] };
    const redraw = (): T => {
      this.#current = self;
      self.ref = 0;
      const result = component();
      self.isFirst = false;
      return result;
    };
    const unmount = (): void => {
      for (const cleanup of self.cleanups.splice(0)) cleanup();
    };
    return { first: redraw(), redraw, unmount, self };
  }

  get #component(): Component {
    if (this.#current === undefined) throw new Error('a hook outside of a component');
    return this.#current;
  }

  useEffect(effect: () => () => void): void {
    if (this.#component.isFirst) this.#component.cleanups.push(effect());
  }

  useRef<T>(initial: T): { current: T } {
    const { refs } = this.#component;
    const index = this.#component.ref++;
    refs[index] ??= { current: initial };
    return refs[index] as { current: T };
  }

  useSyncExternalStore<T>(subscribe: (changed: () => void) => () => void, snapshot: () => T): T {
    const component = this.#component;
    if (component.isFirst) component.cleanups.push(subscribe(() => component.drawn++));
    const value = snapshot();
    // React complains of a snapshot that is another one each time.
    expect(snapshot()).toBe(value);
    return value;
  }
}

test('the real React takes the hooks, and draws a first page on a server', () => {
  const scene = scripted();
  const client = typedClient(scene);
  const { useChannel, usePresence, useConnectionState } = createHooks(React);
  function Room(): React.ReactElement {
    const state = useConnectionState(client);
    const { count } = usePresence(useChannel(client, 'chat:42', { presence: { name: 'Ann' } }));
    return React.createElement('p', null, `${state} ${count}`);
  }
  expect(renderToString(React.createElement(Room))).toBe('<p>connecting 0</p>');
});

test('a channel is left when the last component that shows it is gone, and not when another takes its place', async () => {
  const client = typedClient(scripted());
  const react = new StandIn();
  const { useChannel } = createHooks(react);
  const show = (): Channel<typeof contract, 'chat:42'> => useChannel(client, 'chat:42');
  const first = react.mount(show);
  const second = react.mount(show);
  const room = first.first;
  expectTypeOf<Parameters<typeof room.publish>[1]>().toEqualTypeOf<string>();
  expect(second.first).toBe(room);
  first.unmount();
  await settle();
  expect(room.status).toBe('subscribing');
  second.unmount();
  const third = react.mount(show);
  await settle();
  expect([third.first, room.status]).toEqual([room, 'subscribing']);
  third.unmount();
  await settle();
  expect(room.status).toBe('left');
});

test('presence is drawn anew when somebody comes, with a copy that stays as it is', () => {
  const scene = scripted();
  const client = typedClient(scene);
  const react = new StandIn();
  const { usePresence } = createHooks(react);
  const room = client.channel('chat:42', { presence: true });
  scene.link.opens((channel) => ({
    ...subscribedTo(channel),
    presence: { alias: 7, position: ['p', 0, ''] },
  }));
  scene.link.says([11, 7, {}]);
  const { first, redraw, unmount, self } = react.mount(() => usePresence(room));
  scene.link.says([3, 7, 1, 'ann/1', { user: 'ann', info: { name: 'Ann' } }, 'aaaa']);
  expect([self.drawn, first.count]).toEqual([1, 0]);
  const after = redraw();
  expectTypeOf(after.members).toEqualTypeOf<ReadonlyMap<string, Member<{ name: string }>>>();
  expect([after.count, after.members.get('ann/1')?.info?.name]).toEqual([1, 'Ann']);
  unmount();
  scene.link.says([3, 7, 1, 'ann/1', null, 'aaab']);
  expect([self.drawn, after.count, room.presence.count]).toEqual([1, 1, 0]);
});

test('the state of the connection is drawn anew when it changes', () => {
  const scene = scripted();
  const client = typedClient(scene);
  const react = new StandIn();
  const { useConnectionState } = createHooks(react);
  const { first, redraw, self } = react.mount(() => useConnectionState(client));
  expect(first).toBe('connecting');
  scene.link.opens();
  expect([self.drawn, redraw()]).toEqual([1, 'open']);
});
