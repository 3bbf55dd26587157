// Streams of a node and those who follow them, at the moments when something ends or begins anew under them.

import { expect, test } from 'vitest';
import type { Engine, StreamEntry, StreamListener } from '../../../src/realtime/engine/engine.ts';
import { MemoryEngine } from '../../../src/realtime/engine/memory-engine.ts';
import { Hub } from '../../../src/realtime/server/hub.ts';
import { FakeClock, immediateScheduler, settle } from '../../../src/testing.ts';
import { chat, type Chat, connect, fields, stage, subscribed, type TestLink } from './hub-stage.ts';

const textsOf = (link: TestLink): unknown[] => link.take(2).map((frame) => fields(frame[4]).text);

/** An engine that can begin anew, as one does that has lost everything. */
class RestartedEngine extends MemoryEngine {
  #suffix = '';
  readonly #listeners = new Map<StreamListener, string>();
  /** What is told while somebody begins to listen. */
  early: StreamEntry | undefined;

  override async subscribe(channel: string, listener: StreamListener): Promise<void> {
    this.#listeners.set(listener, channel);
    await super.subscribe(channel, listener);
    if (this.early !== undefined && channel === 'chat:1') listener.appended(channel, this.early, 'gone');
  }

  override async read(...given: Parameters<Engine['read']>): ReturnType<Engine['read']> {
    const read = await super.read(...given);
    if (this.#suffix === '') return read;
    const head = { ...read.head, epoch: `${read.head.epoch}${this.#suffix}` };
    return given[1].epoch === head.epoch
      ? { kind: 'read', entries: [], head }
      : { kind: 'gap', reason: 'epoch', head };
  }

  beginAnew(): void {
    this.#suffix = '2';
    for (const [listener, channel] of this.#listeners) listener.interrupted(channel);
  }
}

test('an entry of another life of the engine, told while a stream begins here, is not taken for the next one', async () => {
  const clock = new FakeClock();
  const engine = new RestartedEngine({ clock });
  const scene = stage({}, { clock, engine });
  engine.early = {
    kind: 'publication',
    offset: 1,
    id: 'gone',
    name: 'message',
    data: '{"text":"of another life"}',
    atMs: 0,
  };
  const { link } = await connect(scene, { subs: [[1, 'chat:1']] });
  for (const text of ['1', '2']) await scene.hub.channel('chat:1').publish('message', { text });
  await settle();
  expect(textsOf(link)).toEqual(['1', '2']);
});

test('who is too slow where the oldest are dropped is told when the history began anew meanwhile', async () => {
  const clock = new FakeClock();
  const engine = new RestartedEngine({ clock });
  const hub = new Hub<Chat>(chat, { clock, engine }, { scheduler: immediateScheduler });
  hub.channel('chat:{room}', { whenSlow: 'drop' });
  const { link, welcome } = await connect({ hub }, { subs: [[1, 'chat:1']] });
  await hub.channel('chat:1').publish('message', { text: '1' });
  await settle();
  link.isFull = true;
  await hub.channel('chat:1').publish('message', { text: '2' });
  await settle();
  engine.beginAnew();
  await settle();
  link.takeAll();
  link.drain();
  await settle();
  const { alias } = subscribed(welcome);
  const told = link.take(12).filter((frame) => frame[1] === alias);
  expect(told).toEqual([[12, alias, -1, { position: expect.any(Array), gap: 'epoch' }]]);
  await hub.close();
});

test('who wants a lower rate gets the newest of the others, not nothing because the very newest is its own', async () => {
  const scene = stage();
  const { link, session } = await connect(scene, { token: 'ann', subs: [[1, 'chat:1', { rate: 1 }]] });
  const room = scene.hub.channel('chat:1');
  await room.publish('message', { text: 'first' });
  await settle();
  expect(textsOf(link)).toEqual(['first']);
  for (const text of ['a', 'b']) await room.publish('message', { text });
  await room.publish('message', { text: 'own' }, { exceptSession: session[0] });
  await scene.clock.advanceAsync(10_000);
  expect(textsOf(link)).toEqual(['b']);
  await room.publish('message', { text: 'last' });
  await scene.clock.advanceAsync(10_000);
  expect(textsOf(link)).toEqual(['last']);
});

test('what was missed comes in messages that begin short, so that links which die young bring some of it', async () => {
  const scene = stage();
  const first = await connect(scene, { token: 'ann', subs: [[1, 'chat:1']] });
  const { position } = subscribed(first.welcome);
  first.link.cut();
  for (let count = 0; count < 200; count++)
    await scene.hub.channel('chat:1').publish('message', { text: String(count).padStart(100, '.') });
  const { link } = await connect(scene, { token: 'ann', subs: [[1, 'chat:1', { position }]] });
  await settle();
  const lengths = link.messages.filter((message) => message.startsWith('[[2,')).map(({ length }) => length);
  expect(lengths.length).toBeGreaterThan(3);
  // Not much more than each may have; the last has what is left.
  for (const [index, length] of lengths.entries()) expect(length).toBeLessThan(1_024 * 2 ** index + 300);
  expect(link.take(2)).toHaveLength(200);
});
