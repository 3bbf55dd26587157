import { describe, expect, test } from 'vitest';
import { MemoryEngine } from '../../../src/realtime/engine/memory-engine.ts';
import type { BroadcastEvent } from '../../../src/realtime/engine/engine.ts';
import { FakeClock, settle } from '../../../src/testing.ts';
import { connect, list, stage } from './hub-stage.ts';

// An engine that notes what nodes tell each other.
class OpenEngine extends MemoryEngine {
  readonly said: string[] = [];

  override async broadcast(channel: string, event: Omit<BroadcastEvent, 'atMs'>): Promise<void> {
    if (channel === '$nodes') this.said.push(event.name);
    await super.broadcast(channel, event);
  }
}

describe('a call of a client', () => {
  test('is OUTCOME_UNKNOWN when the link was lost while the client had it, also when the client is back', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann' });
    const call = scene.hub.session(ann.session[0]).call('confirm', 'sure?', { timeoutMs: 5_000 });
    const outcome = expect(call).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await settle();
    expect(ann.link.take(4)).toHaveLength(1);
    ann.link.cut();
    const back = await connect(scene, { token: 'ann', session: ann.session });
    expect(back.welcome.resumed).toBe(true);
    await scene.clock.advanceAsync(5_000);
    await outcome;
  });

  test.each([Infinity, 0, -1, 1.5, NaN, 2 ** 31])('does not wait for %d ms', async (timeoutMs) => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann' });
    const call = scene.hub.session(ann.session[0]).call('confirm', 'sure?', { timeoutMs });
    await expect(call).rejects.toMatchObject({ code: 'WS_OPTION_INVALID' });
    expect(ann.link.take(4)).toEqual([]);
  });

  test('may be answered over another node', async () => {
    const clock = new FakeClock();
    const engine = new OpenEngine({ clock });
    const [first, second] = [stage({}, { clock, engine }), stage({}, { clock, engine })];
    const ann = await connect(first, { token: 'ann' });
    const call = first.hub.session(ann.session[0]).call('confirm', 'sure?');
    await settle();
    const [, id] = list(ann.link.take(4)[0]);
    const moved = await connect(second, { token: 'ann', session: ann.session });
    moved.link.say([5, id, true]);
    await expect(call).resolves.toBe(true);
  });
});

describe('a call that is sent again', () => {
  test('is known as long as its session may have waited since the answer was due', async () => {
    const { clock, hub } = stage({ heartbeatTimeoutMs: 60_000 });
    let runs = 0;
    hub.call('add', ({ a, b }) => {
      runs++;
      return a + b;
    });
    const ann = await connect({ hub }, { token: 'ann' });
    // Nothing arrives any more: neither answers nor heartbeats.
    ann.link.isAlive = false;
    ann.link.say([4, 'x', 0, 'add', { a: 1, b: 2 }]);
    await settle();
    // The default of a request's time, and nearly that of a session's.
    await clock.advanceAsync(30_000);
    ann.link.cut();
    await clock.advanceAsync(119_000);
    const back = await connect({ hub }, { token: 'ann', session: ann.session });
    expect(back.welcome.resumed).toBe(true);
    back.link.say([4, 'x', 0, 'add', { a: 1, b: 2 }, { again: true }]);
    await settle();
    expect(back.link.take(5)).toEqual([[5, 'x', 3]]);
    expect(runs).toBe(1);
  });
});

describe('answers that nobody has asked for', () => {
  test('are told to other nodes a bounded number of times, and only when they look like answers', async () => {
    const clock = new FakeClock();
    const engine = new OpenEngine({ clock });
    const { link } = await connect(stage({}, { clock, engine }));
    engine.said.length = 0;
    for (const id of [1, 0, 'x', '.1', '........1', 'AAAAAAAA.x', 'AAAAAAAAA.1']) link.say([5, id, true]);
    await settle();
    expect(engine.said).toEqual([]);
    link.say(Array.from({ length: 500 }, (_, index) => [5, `AAAAAAAA.${index}`, true]));
    await settle();
    expect(engine.said).toHaveLength(100);
  });
});
