import { describe, expect, test } from 'vitest';
import { settle } from '../../../src/testing.ts';
import { connect, fields, type Greeted, stage } from './hub-stage.ts';

const limited = { code: 'RATE_LIMITED', retryable: true, message: expect.any(String) };

function outcomes({ link }: Greeted): unknown[] {
  return link.take(5).map((frame) => (frame[3] === undefined ? 'done' : fields(frame[3]).code));
}

describe('the requests of a session', () => {
  test('are refused beyond their rate, with the time when the next one may come, and run again then', async () => {
    const scene = stage({ sessionRate: { perSecond: 2, burst: 3 } });
    scene.hub.call('read', (text) => text);
    const ann = await connect(scene, { token: 'ann' });
    const bob = await connect(scene, { token: 'bob' });
    ann.link.say([4, 1, 'chat:1', 'message', { text: 'one' }]);
    ann.link.say([4, 2, 0, 'read', 'x']);
    ann.link.say([4, 3, 'chat:1', '$history', { count: 1 }]);
    await settle();
    expect(outcomes(ann)).toEqual(['done', 'done', 'done']);
    ann.link.say([4, 4, 'chat:1', 'message', { text: 'two' }]);
    ann.link.say([4, 5, 0, 'read', 'x']);
    ann.link.say([4, 0, 'chat:1', 'message', { text: 'three' }]);
    await settle();
    expect(ann.link.take(5)).toEqual([
      [5, 4, null, { ...limited, data: { afterMs: 500 } }],
      [5, 5, null, { ...limited, data: { afterMs: 500 } }],
    ]);
    expect(ann.link.take(13)).toEqual([[13, { ...limited, data: { afterMs: 500 } }]]);
    expect(await scene.hub.channel('chat:1').history({ count: 10 })).toHaveLength(1);
    // Nobody else notices.
    bob.link.say([4, 1, 0, 'read', 'x']);
    await settle();
    expect(outcomes(bob)).toEqual(['done']);
    await scene.clock.advanceAsync(499);
    ann.link.say([4, 6, 0, 'read', 'x']);
    await scene.clock.advanceAsync(1);
    ann.link.say([4, 6, 0, 'read', 'x']);
    await settle();
    expect(outcomes(ann)).toEqual(['RATE_LIMITED', 'done']);
  });

  test('that are sent again are not said to be refused: the first time may have been enough', async () => {
    const scene = stage({ sessionRate: { perSecond: 1, burst: 1 } });
    const ann = await connect(scene, { token: 'ann' });
    const publish = [4, 1, 'chat:1', 'message', { text: 'once' }];
    ann.link.say(publish);
    ann.link.say([...publish, { again: true }]);
    await settle();
    expect(ann.link.take(5)).toEqual([
      [5, 1, null, { code: 'OUTCOME_UNKNOWN', message: expect.any(String), data: { afterMs: 1_000 } }],
      [5, 1, { offset: 1 }],
    ]);
    await scene.clock.advanceAsync(1_000);
    ann.link.say([...publish, { again: true }]);
    await settle();
    expect(ann.link.take(5)).toEqual([[5, 1, { offset: 1 }]]);
    expect(await scene.hub.channel('chat:1').history({ count: 10 })).toHaveLength(1);
  });

  test('are counted over all its links, and beside them', async () => {
    const scene = stage({ sessionRate: { perSecond: 1, burst: 2 } });
    scene.hub.call('read', (text) => text);
    const ann = await connect(scene, { token: 'ann' });
    ann.link.say([4, 1, 0, 'read', 'x']);
    await settle();
    const again = await connect(scene, { token: 'ann', session: ann.session });
    again.link.say([4, 2, 0, 'read', 'x']);
    again.link.say([4, 3, 0, 'read', 'x']);
    await settle();
    expect(outcomes(again)).toEqual(['done', 'RATE_LIMITED']);
    const peer = { kind: 'poll', remoteAddress: undefined, url: '', header: () => undefined } as const;
    const answers = await scene.hub.upstream(
      ann.session,
      [[4, 4, 0, 'read', 'x']],
      peer,
      new AbortController().signal,
    );
    expect(answers).toMatchObject([[5, 4, null, { code: 'RATE_LIMITED' }]]);
  });

  test('are a thousand at once and a hundred a second by default, and any number where the hub says so', async () => {
    for (const [sessionRate, done] of [
      [undefined, 1_000],
      [false, 1_500],
    ] as const) {
      const scene = stage({
        ...(sessionRate === undefined ? {} : { sessionRate }),
        maxPendingRequests: 2_000,
      });
      scene.hub.call('read', (text) => text);
      const ann = await connect(scene, { token: 'ann' });
      for (let id = 1; id <= 1_500; id++) ann.link.say([4, id, 0, 'read', 'x']);
      await settle();
      expect(outcomes(ann).filter((outcome) => outcome === 'done')).toHaveLength(done);
      await scene.clock.advanceAsync(500);
      for (let id = 2_001; id <= 2_100; id++) ann.link.say([4, id, 0, 'read', 'x']);
      await settle();
      const rest = outcomes(ann).filter((outcome) => outcome === 'done');
      expect(rest).toHaveLength(sessionRate === false ? 100 : 50);
    }
  });

  test('have a rate that is checked', () => {
    expect(() => stage({ sessionRate: { perSecond: 0, burst: 1 } })).toThrow(/sessionRate\.perSecond is 0/);
  });
});
