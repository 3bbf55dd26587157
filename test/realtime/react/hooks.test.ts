// @vitest-environment happy-dom
// The hooks in the real React, with a DOM: effects run twice in its strict mode, components come, go, and are hidden.

import * as React from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { afterEach, beforeEach, expect, expectTypeOf, test, vi } from 'vitest';
import type { Channel, Client, Member } from '../../../src/realtime/client/client-types.ts';
import { defineContract } from '../../../src/realtime/contract/contract.ts';
import { typed } from '../../../src/realtime/contract/standard-schema.ts';
import { createHooks } from '../../../src/realtime/react/hooks.ts';
import type { SharedClient } from '../../../src/realtime/tabs/share-client.ts';
import { settle } from '../../../src/testing.ts';
import { scripted, type Scripted, subscribedTo } from '../client/scripted-links.ts';

const contract = defineContract({
  version: '1.0',
  channels: { 'chat:{room}': { events: { message: typed<string>() }, presence: typed<{ name: string }>() } },
});

type Chat = Client<typeof contract>;
type Room = Channel<typeof contract, `chat:${string}`>;

const { useChannel, usePresence, useConnectionState } = createHooks(React);
const { createElement: draw, StrictMode, Activity } = React;

function isTyped(_client: unknown): _client is Chat {
  return true;
}

function typedClient({ client }: Scripted): Chat {
  if (!isTyped(client)) throw new Error('it always is');
  return client;
}

let root: Root;
let page: HTMLElement;
const complaints: unknown[] = [];

beforeEach(() => {
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true);
  complaints.length = 0;
  vi.spyOn(console, 'error').mockImplementation((...words: unknown[]) => complaints.push(words));
  page = document.createElement('div');
  root = createRoot(page);
});

afterEach(async () => {
  await show(null);
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

async function show(element: React.ReactNode): Promise<void> {
  await React.act(async () => {
    root.render(element);
    await settle();
  });
}

/** A component that shows a channel, and notes which. */
function RoomOf({
  client,
  name,
  rooms,
}: {
  client: Chat;
  name: `chat:${string}`;
  rooms?: Room[];
}): React.ReactNode {
  const room = useChannel(client, name);
  expectTypeOf<Parameters<typeof room.publish>[1]>().toEqualTypeOf<string>();
  const [last, setLast] = React.useState('nothing');
  React.useEffect(() => room.on('message', setLast), [room]);
  if (rooms?.at(-1) !== room) rooms?.push(room);
  return draw('p', {}, `${room.name}: ${last}`);
}

test('a page that is drawn on a server shows a client that connects', () => {
  const client = typedClient(scripted());
  function Page(): React.ReactNode {
    const { count } = usePresence(useChannel(client, 'chat:42', { presence: { name: 'Ann' } }));
    return draw('p', {}, `${useConnectionState(client)} ${count}`);
  }
  expect(renderToString(draw(Page))).toBe('<p>connecting 0</p>');
});

test('in strict mode a channel is opened once, hears what is published, and is left when its component is gone', async () => {
  const scene = scripted();
  const client = typedClient(scene);
  const rooms: Room[] = [];
  await show(draw(StrictMode, null, draw(RoomOf, { client, name: 'chat:42', rooms })));
  const hello = scene.link.opens();
  expect(hello.subs?.map(([, name]) => name)).toEqual(['chat:42']);
  await React.act(async () => scene.link.says([2, 42, 1, 0, 'hello', 'aaaa']));
  expect(page.textContent).toBe('chat:42: hello');
  expect(scene.link.taken()).toEqual([[]]);
  await show(null);
  expect([rooms.length, rooms[0].status, scene.link.taken()]).toEqual([1, 'left', [[7, 42]]]);
  expect(complaints).toEqual([]);
});

test('a channel is left behind the last component that shows it, and not when another takes its place', async () => {
  const scene = scripted();
  const client = typedClient(scene);
  const rooms: Room[] = [];
  const room = (key: string): React.ReactNode => draw(RoomOf, { key, client, name: 'chat:42', rooms });
  await show([room('a'), room('b')]);
  await show([room('b')]);
  expect(rooms.map(({ status }) => status)).toEqual(['subscribing']);
  await show([room('c')]);
  expect(rooms.map(({ status }) => status)).toEqual(['subscribing']);
  await show(null);
  expect(rooms.map(({ status }) => status)).toEqual(['left']);
});

test('another name leaves the channel before, and listens to the new one alone', async () => {
  const scene = scripted();
  const client = typedClient(scene);
  const rooms: Room[] = [];
  scene.link.opens();
  await show(draw(RoomOf, { client, name: 'chat:1', rooms }));
  await show(draw(RoomOf, { client, name: 'chat:2', rooms }));
  expect(rooms.map(({ name, status }) => [name, status])).toEqual([
    ['chat:1', 'left'],
    ['chat:2', 'subscribing'],
  ]);
  expect(page.textContent).toBe('chat:2: nothing');
  await show(draw(RoomOf, { client, name: 'chat:1', rooms }));
  expect(rooms.map(({ status }) => status)).toEqual(['left', 'left', 'subscribing']);
});

test('a component that is hidden leaves its channel, and has it again when it is shown', async () => {
  const scene = scripted();
  const client = typedClient(scene);
  const rooms: Room[] = [];
  const inside = draw(RoomOf, { client, name: 'chat:42', rooms });
  await show(draw(Activity, { mode: 'visible', children: inside }));
  scene.link.opens();
  await show(draw(Activity, { mode: 'hidden', children: inside }));
  expect(rooms.at(-1)?.status).toBe('left');
  await show(draw(Activity, { mode: 'visible', children: inside }));
  expect(rooms.at(-1)?.status).toBe('subscribing');
  const asked = scene.link.last;
  scene.link.says([6, Array.isArray(asked) ? Number(asked[1]) : 0, subscribedTo('chat:42')]);
  await React.act(async () => scene.link.says([2, 42, 1, 0, 'hello', 'aaaa']));
  expect(page.textContent).toBe('chat:42: hello');
});

test('the channel of a client that is closed is drawn as it is, once', async () => {
  const client = typedClient(scripted());
  const rooms: Room[] = [];
  await show(draw(RoomOf, { client, name: 'chat:42', rooms }));
  client.close();
  await show(draw(RoomOf, { client, name: 'chat:42', rooms }));
  expect(rooms.map(({ status }) => status)).toEqual(['left']);
  await show(draw(RoomOf, { client, name: 'chat:43', rooms }));
  expect(rooms.map(({ name, status }) => [name, status])).toEqual([
    ['chat:42', 'left'],
    ['chat:43', 'left'],
  ]);
  expect(complaints).toEqual([]);
});

test('presence is drawn anew when somebody comes, with a copy that stays as it is', async () => {
  const scene = scripted();
  const client = typedClient(scene);
  const room = client.channel('chat:42', { presence: true });
  scene.link.opens((channel) => ({
    ...subscribedTo(channel),
    presence: { alias: 7, position: ['p', 0, ''] },
  }));
  scene.link.says([11, 7, {}]);
  const drawn: ReadonlyMap<string, Member<{ name: string }>>[] = [];
  function Members(): React.ReactNode {
    const { members, count } = usePresence(room);
    drawn.push(members);
    // Somebody comes while the page is drawn, before anything listens.
    React.useLayoutEffect(() => {
      if (count === 0) scene.link.says([3, 7, 1, 'ann/1', { user: 'ann', info: { name: 'Ann' } }, 'aaaa']);
    }, [count]);
    return draw('p', {}, [...members.values()].map(({ info }) => info?.name).join());
  }
  await show(draw(Members));
  expect([page.textContent, drawn.map(({ size }) => size)]).toEqual(['Ann', [0, 1]]);
  await React.act(async () =>
    scene.link.says([3, 7, 1, 'bob/1', { user: 'bob', info: { name: 'Bob' } }, 'aaab']),
  );
  expect([page.textContent, drawn.map(({ size }) => size)]).toEqual(['Ann,Bob', [0, 1, 2]]);
  await show(null);
  scene.link.says([3, 7, 1, 'bob/1', null, 'aaac']);
  expect([drawn.length, complaints]).toEqual([3, []]);
});

test('the state of the connection is drawn anew when it changes', async () => {
  const scene = scripted();
  const client = typedClient(scene);
  function State(): React.ReactNode {
    return draw('p', {}, useConnectionState(client));
  }
  await show(draw(State));
  expect(page.textContent).toBe('connecting');
  await React.act(async () => void scene.link.opens());
  expect(page.textContent).toBe('open');
  await React.act(async () => scene.link.dies());
  expect(page.textContent).toBe('waiting');
});

// Never called: only its types count.
export function SharedRoom({ shared }: { readonly shared: SharedClient<typeof contract> }): React.ReactNode {
  const room = useChannel(shared, 'chat:42', { presence: { name: 'Ann' } });
  expectTypeOf(room).toEqualTypeOf<Channel<typeof contract, 'chat:42'>>();
  expectTypeOf(usePresence(room).members).toEqualTypeOf<ReadonlyMap<string, Member<{ name: string }>>>();
  // @ts-expect-error there is no such channel
  useChannel(shared, 'news');
  return useConnectionState(shared);
}
