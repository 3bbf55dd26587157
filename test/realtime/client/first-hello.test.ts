// What a client asks a server for in the turn in which it is made, and while its first hello is on its way.

import { expect, test } from 'vitest';
import { clientFactory } from '../../../src/realtime/client/create-client.ts';
import type { Client } from '../../../src/realtime/client/client-types.ts';
import { defineContract } from '../../../src/realtime/contract/contract.ts';
import { typed } from '../../../src/realtime/contract/standard-schema.ts';
import { FakeClock, settle } from '../../../src/testing.ts';
import { scripted } from './scripted-links.ts';

const contract = defineContract({
  version: '1.0',
  channels: { 'chat:{room}': { events: { message: typed<string>() } } },
});

class NoSocket {
  readonly readyState = 0;
  onopen = null;
  onmessage = null;
  onclose = null;
  send(): void {}
  close(): void {}
}

interface Hello {
  readonly subs: readonly (readonly [ref: number, name: string])[];
}

interface Page {
  readonly client: Client<typeof contract>;
  readonly clock: FakeClock;
  /** The channels of each hello that was sent. */
  readonly hellos: string[][];
}

/** A client over requests, whose server never answers. */
function page(kind: 'stream' | 'poll'): Page {
  const clock = new FakeClock();
  const hellos: string[][] = [];
  const createClient = clientFactory(() => ({
    WebSocket: NoSocket,
    baseUrl: undefined,
    fetch: (_url, { body } = {}) => {
      const { hello }: { hello: Hello } = JSON.parse(typeof body === 'string' ? body : '');
      hellos.push(hello.subs.map(([, name]) => name));
      return new Promise(() => undefined);
    },
  }));
  const client = createClient(contract, 'https://host/', { transports: [kind], clock });
  return { client, clock, hellos };
}

test.each(['stream', 'poll'] as const)(
  'channels of the same turn are in the one hello over a %s',
  async (kind) => {
    const { client, clock, hellos } = page(kind);
    client.channel('chat:1');
    client.channel('chat:2').leave();
    client.channel('chat:3');
    await settle();
    await clock.advanceAsync(1_000);
    expect(hellos).toEqual([['chat:1', 'chat:3']]);
    client.close();
  },
);

test('a client that is closed in the turn in which it was made asks for nothing', async () => {
  const { client, hellos } = page('stream');
  client.close();
  await settle();
  expect(hellos).toEqual([]);
});

test('what changes between hello and welcome waits for the welcome, and then goes in one more hello', () => {
  const scene = scripted({ transports: ['stream'] });
  const left = scene.client.channel('chat:1');
  scene.client.channel('chat:2');
  const hello = scene.link.hello();
  left.leave();
  scene.client.channel('chat:3');
  scene.clock.advance(1_000);
  // However often channels come and go, the first connection comes about.
  expect(scene.links).toHaveLength(1);
  scene.link.answers(hello);
  scene.clock.advance(20);
  expect(scene.links).toHaveLength(2);
  expect(scene.link.opens().subs?.map(([, name]) => name)).toEqual(['chat:2', 'chat:3']);
  scene.clock.advance(1_000);
  expect(scene.links).toHaveLength(2);
});

test('a channel that was left between hello and welcome is given up at the server', () => {
  const scene = scripted({ transports: ['stream'] });
  const left = scene.client.channel('chat:1');
  const hello = scene.link.hello();
  left.leave();
  scene.link.answers(hello);
  scene.clock.advance(20);
  expect(scene.links).toHaveLength(2);
  expect(scene.link.opens().subs).toEqual([]);
});
