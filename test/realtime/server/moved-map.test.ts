import { expect, test } from 'vitest';
import type { Engine, StreamListener } from '../../../src/realtime/engine/engine.ts';
import { MemoryEngine } from '../../../src/realtime/engine/memory-engine.ts';
import { FakeClock, settle } from '../../../src/testing.ts';
import { connect, stage } from './hub-stage.ts';

/** An engine that can lose everything, as one does that was started anew, and counts who reads maps. */
class ForgetfulEngine extends MemoryEngine {
  readonly listeners = new Map<StreamListener, string>();
  maps = 0;

  override async subscribe(channel: string, listener: StreamListener): Promise<void> {
    this.listeners.set(listener, channel);
    await super.subscribe(channel, listener);
  }

  override async map(channel: string): ReturnType<Engine['map']> {
    this.maps++;
    const found = await super.map(channel);
    return { ...found, head: this.#anew(found.head) };
  }

  override async read(...given: Parameters<Engine['read']>): ReturnType<Engine['read']> {
    const head = this.#anew((await super.read(...given)).head);
    if (given[1].epoch === head.epoch) return { kind: 'read', entries: [], head };
    return { kind: 'gap', reason: 'epoch', head };
  }

  isAnew = false;

  #anew<Position extends { readonly epoch: string }>(head: Position): Position {
    return this.isAnew ? { ...head, epoch: `${head.epoch}2` } : head;
  }

  startAnew(): void {
    this.isAnew = true;
    for (const [listener, channel] of this.listeners) listener.interrupted(channel);
  }
}

test('a state that goes on somewhere else is read once for all who follow it', async () => {
  const clock = new FakeClock();
  const engine = new ForgetfulEngine({ clock });
  const scene = stage({}, { clock, engine });
  await scene.hub.channel('chat:1').set('title', 7);
  const clients = await Promise.all([1, 2, 3, 4].map(() => connect(scene, { subs: [[1, 'chat:1']] })));
  for (const { link } of clients) link.takeAll();
  engine.maps = 0;
  engine.startAnew();
  await settle();
  for (const { link } of clients) {
    expect(link.take(11)).toEqual([[11, expect.any(Number), { title: 7 }]]);
    // The channel, its state, and what is sent to the session alone.
    expect(link.take(12)).toHaveLength(3);
  }
  expect(engine.maps).toBe(1);
});

test('a state that goes on somewhere else and has become too large is sent to nobody, who come back and are told so', async () => {
  const clock = new FakeClock();
  const engine = new ForgetfulEngine({ clock });
  const scene = stage({ maxBufferedBytes: 5_000 }, { clock, engine });
  const ann = await connect(scene, { token: 'ann', subs: [[1, 'chat:1']] });
  for (let key = 0; key < 1_000; key++) await scene.hub.channel('chat:1').set(`key ${key}`, key);
  await settle();
  expect(ann.link.closed).toBeUndefined();
  ann.link.takeAll();
  engine.startAnew();
  await settle();
  expect(ann.link.take(11)).toEqual([]);
  expect(ann.link.take(10)).toMatchObject([[10, { code: 'TOO_LARGE', retryable: true }]]);
  const again = await connect(scene, { token: 'ann', session: ann.session, subs: [[1, 'chat:1']] });
  expect(again.welcome).toMatchObject({ resumed: true, subs: [[1, null, { code: 'TOO_LARGE' }]] });
});
