import { afterEach, expect, test } from 'vitest';
import { type Contract, maxNameLength, maxTextLength, pricesKept } from '../../src/app/contract.ts';
import { type LiveHub, makeLiveHub } from '../../src/app/live-hub.ts';
import { type Client, createClient } from '../../src/client.ts';
import { serveRealtime } from '../../src/realtime.ts';

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

async function open(): Promise<{ hub: LiveHub; visit: (token: string) => Client<Contract> }> {
  const { hub } = await makeLiveHub();
  endings.push(() => hub.close());
  const server = await serveRealtime(hub, { port: 0, host: '127.0.0.1' });
  endings.push(() => server.close({ timeoutMs: 0 }));
  return {
    hub,
    visit: (token) => {
      const client = createClient<Contract>(server.url, { token });
      endings.push(() => client.close());
      return client;
    },
  };
}

const [ann, bob] = ['a'.repeat(32), 'b'.repeat(32)];

test('whoever brings no number of their own is turned away', async () => {
  const { visit } = await open();
  const stranger = visit('x');
  await expect.poll(() => stranger.state).toBe('closed');
  expect(stranger.closeError?.code).toBe('UNAUTHENTICATED');
});

test('people see each other, and hear what is said with who said it and when', async () => {
  const { visit } = await open();
  const [first, second] = [visit(ann), visit(bob)];
  const heard: unknown[] = [];
  const room = first.channel('chat', { presence: { name: ' Ann \u202e' } });
  second
    .channel('chat', { presence: { name: 'Bob' } })
    .on('message', (message, { user, at }) => heard.push([message, user, typeof at]));
  await expect
    .poll(() => new Set([...room.presence.members.values()].map(({ info }) => info?.name)))
    .toEqual(new Set(['Ann', 'Bob']));
  await room.publish('message', { name: 'Ann', text: ' Hello ' });
  await expect.poll(() => heard).toEqual([[{ name: 'Ann', text: 'Hello' }, first.user, 'number']]);
  expect(first.user).toMatch(/^[\w-]{8}$/);
  expect(first.user).not.toBe(second.user);
});

test('a newcomer gets what was said last, and a minute of prices', async () => {
  const { hub, visit } = await open();
  await hub.channel('chat').publish('message', { name: 'Ann', text: 'Early' });
  const client = visit(bob);
  const texts: string[] = [];
  const prices: unknown[] = [];
  client
    .channel('chat', { history: 50, presence: { name: 'Bob' } })
    .on('message', ({ text }) => texts.push(text));
  client.channel('ticker', { history: pricesKept }).on('prices', (price) => prices.push(price));
  await expect.poll(() => texts).toEqual(['Early']);
  await expect.poll(() => prices.length).toBe(pricesKept);
});

test('names and texts come trimmed and cut, never within a character', async () => {
  const { hub } = await open();
  const text = `${'a'.repeat(maxTextLength - 1)}😀`;
  await hub.channel('chat').publish('message', { name: `A\u202eda\n${'x'.repeat(100)}`, text });
  const [{ data }] = await hub.channel('chat').history({ count: 1 });
  expect(data).toEqual({
    name: `A da ${'x'.repeat(maxNameLength - 5)}`,
    text: 'a'.repeat(maxTextLength - 1),
  });
});

test.each<[string, unknown]>([
  ['no text', { name: 'Ann', text: '  ' }],
  ['no name', { name: '\u0000', text: 'Hi' }],
  ['no object', 'Hi'],
])('a message with %s is refused', async (_, message) => {
  const { visit } = await open();
  const room: { publish(event: 'message', message: unknown): Promise<unknown> } = visit(ann).channel('chat', {
    presence: { name: 'Ann' },
  });
  await expect(room.publish('message', message)).rejects.toMatchObject({ code: 'BAD_DATA' });
});

test('who says too much at once has to wait, and prices are the server’s alone', async () => {
  const { visit } = await open();
  const client = visit(ann);
  const room = client.channel('chat', { presence: { name: 'Ann' } });
  const said = Array.from({ length: 30 }, (_, index) =>
    room.publish('message', { name: 'Ann', text: String(index) }).then(
      () => 'said',
      (error: { code: string }) => error.code,
    ),
  );
  const outcomes = new Set(await Promise.all(said));
  expect(outcomes).toEqual(new Set(['said', 'RATE_LIMITED']));
  await expect(client.channel('ticker').publish('prices', { OTTR: 1 })).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
});

test('the server knows a name that nobody has', async () => {
  const { visit } = await open();
  const [first, second] = [visit(ann), visit(bob)];
  const name = await first.call('freeName');
  const room = first.channel('chat', { presence: { name } });
  await expect.poll(() => room.presence.count).toBe(1);
  expect(await second.call('freeName')).not.toBe(name);
});
