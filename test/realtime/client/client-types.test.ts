// What the types of a contract make of a client; the compiler is the test, and `// @ts-expect-error` lines are what it has to refuse.

import { expect, expectTypeOf, test } from 'vitest';
import { defineContract } from '../../../src/realtime/contract/contract.ts';
import { typed } from '../../../src/realtime/contract/standard-schema.ts';
import { clientFactory } from '../../../src/realtime/client/create-client.ts';
import type { Client } from '../../../src/realtime/client/client-types.ts';
import type { PublishResult } from '../../../src/realtime/wire/frames.ts';

const chat = defineContract({
  version: '1.0',
  channels: {
    'chat:{room}': {
      events: { message: typed<{ text: string; at: Date }>(), typing: typed<string>() },
      state: typed<number>(),
      presence: typed<{ name: string }>(),
    },
    news: { events: { headline: typed<string>() } },
  },
  calls: {
    add: { input: typed<readonly number[]>(), output: typed<number>() },
    time: { output: typed<string>() },
  },
  clientCalls: { greet: { input: typed<string>(), output: typed<string>() } },
  direct: { note: typed<string>() },
});

class NoSocket {
  readonly readyState = 0;
  onopen = null;
  onmessage = null;
  onclose = null;
  readonly url: string;

  constructor(url: string) {
    urls.push(url);
    this.url = url;
  }

  send(): void {
    throw new Error('it never opens');
  }

  close(): void {
    this.onclose = null;
  }
}

const urls: string[] = [];
const createClient = clientFactory(() => ({
  WebSocket: NoSocket,
  fetch: globalThis.fetch,
  baseUrl: 'https://page.example/dir/',
}));

// Never called: only its types count.
export async function typesOf(client: Client<typeof chat>): Promise<void> {
  const room = client.channel('chat:42', { history: 10, presence: { name: 'Ann' } });
  room.on('message', (data, { event, offset }) => {
    // A Date has travelled as JSON.
    expectTypeOf(data).toEqualTypeOf<{ text: string; at: string }>();
    expectTypeOf(event).toEqualTypeOf<'message'>();
    expectTypeOf(offset).toEqualTypeOf<number | undefined>();
  });
  for await (const publication of room) {
    if (publication.event === 'typing') expectTypeOf(publication.data).toEqualTypeOf<string>();
    else expectTypeOf(publication.data).toEqualTypeOf<{ text: string; at: string }>();
  }
  expectTypeOf(await room.publish('message', { text: 'hi', at: new Date() })).toEqualTypeOf<PublishResult>();
  expectTypeOf(room.state.get('a')).toEqualTypeOf<number | undefined>();
  expectTypeOf([...room.presence.members.values()][0]?.info).toEqualTypeOf<{ name: string } | undefined>();
  expectTypeOf(await client.call('add', [1, 2])).toEqualTypeOf<number>();
  expectTypeOf(await client.call('time')).toEqualTypeOf<string>();
  client.handle('greet', (name) => `hello ${name}`);
  client.direct.on('note', (text) => expectTypeOf(text).toEqualTypeOf<string>());

  // @ts-expect-error there is no such channel
  client.channel('chat');
  // @ts-expect-error there is no such event
  room.on('shout', () => undefined);
  // @ts-expect-error the event belongs to another channel
  void room.publish('headline', 'x');
  // @ts-expect-error the data has another type
  void room.publish('typing', 5);
  // @ts-expect-error others may know a name, and nothing else
  client.channel('chat:43', { presence: { age: 5 } });
  // @ts-expect-error the input is missing
  void client.call('add');
  // @ts-expect-error the input has another type
  void client.call('add', 'x');
  // @ts-expect-error the server does not offer it
  void client.call('greet', 'x');
  // @ts-expect-error the output has another type
  client.handle('greet', () => 5);
  // @ts-expect-error there is no such direct event
  client.direct.on('message', () => undefined);
}

test('a client is made with a contract, or with its types alone', () => {
  const first = createClient(chat, 'wss://host/realtime');
  const second = createClient<typeof chat>('wss://host/realtime');
  expectTypeOf(second).toEqualTypeOf<Client<typeof chat>>();
  expectTypeOf(first.channel('news').name).toEqualTypeOf<'news'>();
  first.close();
  second.close();
});

test.each([
  ['/realtime', 'wss://page.example/realtime'],
  ['http://host/a?b#c', 'ws://host/a?b'],
  [new URL('ws://host/'), 'ws://host/'],
])('the address %s is taken as %s', (given, expected) => {
  createClient(chat, given).close();
  expect(urls.at(-1)).toBe(expected);
});

test.each(['ftp://host/', 'http://', ''.padStart(3, '\\')])('the address %j is refused', (given) => {
  const create = clientFactory(() => ({ WebSocket: NoSocket, fetch: globalThis.fetch, baseUrl: undefined }));
  expect(() => create(chat, given)).toThrow(expect.objectContaining({ code: 'WS_URL_INVALID' }));
});

test.each([
  ['requestTimeoutMs', 0],
  ['maxQueuedRequests', Number.NaN],
  ['transports', []],
  ['transports', ['carrier pigeon']],
])('the option %s of %j is refused', (name, value) => {
  expect(() => createClient(chat, 'wss://host/', { [name]: value })).toThrow(
    expect.objectContaining({ code: 'WS_OPTION_INVALID', message: expect.stringContaining(name) }),
  );
});

test('the same name gives the same channel, and other options are refused until it is left', () => {
  const client = createClient(chat, 'wss://host/');
  const room = client.channel('chat:42', { history: 1 });
  expect(client.channel('chat:42')).toBe(room);
  expect(client.channel('chat:42', { history: 1 })).toBe(room);
  expect(() => client.channel('chat:42', { history: 2 })).toThrow(
    expect.objectContaining({ code: 'WS_STATE_INVALID' }),
  );
  room.leave();
  const next = client.channel('chat:42', { history: 2 });
  expect([next === room, room.status, next.status]).toEqual([false, 'left', 'subscribing']);
  client.close();
});
