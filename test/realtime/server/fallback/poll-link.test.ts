import { expect, test } from 'vitest';
import { hello, quietWelcome, stage } from './scripted-acceptor.ts';

const known = { v: 1, session: ['s', 'x'] };

// A poll whose answer a test looks at when it likes.
async function openPoll(body: unknown = { link: 'poll', hello: known }, options = {}) {
  const scene = stage(options);
  const abort = new AbortController();
  const state: { answer: unknown } = { answer: undefined };
  scene.acceptor.onHello = (link) => link.send(quietWelcome());
  const answered = scene.post(body, {}, abort.signal).then(async (response) => {
    state.answer = await response.json();
    return response;
  });
  await scene.clock.advanceAsync(0);
  return { ...scene, abort, state, answered, offered: scene.acceptor.links[0] };
}

test('a poll waits while a welcome is all that there is, and then says so', async () => {
  const { clock, state, offered, endpoint } = await openPoll();
  await clock.advanceAsync(24_999);
  expect(state.answer).toBeUndefined();
  await clock.advanceAsync(1);
  expect(state.answer).toEqual({ frames: [JSON.parse(quietWelcome())] });
  expect(offered.ended).toBe(1);
  expect(endpoint.linkCount).toBe(0);
});

test('a poll is answered soon after there is something new, with all that came together', async () => {
  const { clock, state, offered } = await openPoll();
  await clock.advanceAsync(1_000);
  offered.link.send('[[2,1,1,0,"a"],[2,1,1,0,"b"]]');
  offered.link.sendShared({ text: '[2,1,1,0,"c"]', byteLength: 13 });
  await clock.advanceAsync(9);
  expect(state.answer).toBeUndefined();
  offered.link.send('[2,1,1,0,"d"]');
  await clock.advanceAsync(1);
  expect(state.answer).toEqual({
    frames: [
      JSON.parse(quietWelcome()),
      [2, 1, 1, 0, 'a'],
      [2, 1, 1, 0, 'b'],
      [2, 1, 1, 0, 'c'],
      [2, 1, 1, 0, 'd'],
    ],
  });
});

test('a heartbeat neither answers a poll nor travels in it', async () => {
  const { clock, state, offered } = await openPoll();
  offered.link.send('[]');
  await clock.advanceAsync(24_999);
  expect(state.answer).toBeUndefined();
  await clock.advanceAsync(1);
  expect(state.answer).toEqual({ frames: [JSON.parse(quietWelcome())] });
});

test.each<[string, unknown, string]>([
  ['who has no session yet', { link: 'poll', hello }, quietWelcome()],
  ['who says that it is urgent', { link: 'poll', hello: known, now: true }, quietWelcome()],
  ['whose session is another', { link: 'poll', hello: known }, '[1,{"resumed":false,"subs":[],"own":{}}]'],
  ['who is sent away', { link: 'poll', hello: known }, '[10,{"code":"UNAUTHENTICATED"}]'],
  [
    'whose subscription was refused',
    { link: 'poll', hello: known },
    quietWelcome([[1, null, { code: 'FORBIDDEN' }]]),
  ],
  [
    'whose subscription is new',
    { link: 'poll', hello: known },
    quietWelcome([[1, { alias: 1, delivery: 'log' }]]),
  ],
  [
    'who has missed something for good',
    { link: 'poll', hello: known },
    quietWelcome([[1, { alias: 1, delivery: 'log', recovered: false, gap: 'expired' }]]),
  ],
  [
    'whose presence is new',
    { link: 'poll', hello: known },
    quietWelcome([[1, { alias: 1, delivery: 'log', recovered: true, presence: { alias: 2 } }]]),
  ],
])('%s is answered at once', async (_, body, welcome) => {
  const { acceptor, clock, post } = stage();
  acceptor.onHello = (link) => link.send(welcome);
  const answer = post(body);
  await clock.advanceAsync(10);
  expect(await (await answer).json()).toEqual({ frames: [JSON.parse(welcome)] });
});

test('that nothing is recovered of a volatile channel is no news', async () => {
  const { acceptor, clock, post } = stage();
  acceptor.onHello = (link) =>
    link.send(quietWelcome([[1, { alias: 1, delivery: 'volatile', recovered: false, gap: 'volatile' }]]));
  let isAnswered = false;
  void post({ link: 'poll', hello: known }).then(() => {
    isAnswered = true;
  });
  await clock.advanceAsync(24_999);
  expect(isAnswered).toBe(false);
});

test('a poll that is closed answers with what was sent', async () => {
  const { clock, state, offered } = await openPoll();
  offered.link.send('[10,{"code":"DRAINING"}]');
  offered.link.close(1012, 'draining');
  await clock.advanceAsync(0);
  expect(state.answer).toEqual({ frames: [JSON.parse(quietWelcome()), [10, { code: 'DRAINING' }]] });
  offered.link.send('[2]');
  expect(offered.ended).toBe(1);
});

test('a poll is answered when it holds as much as it should, and never holds more than it may', async () => {
  const { clock, state, offered } = await openPoll(undefined, {
    highWaterMarkBytes: 2048,
    maxBufferedBytes: 4096,
  });
  offered.link.send(JSON.stringify([2, 'x'.repeat(1000)]));
  expect(offered.link.isFull).toBe(false);
  offered.link.send(JSON.stringify([2, 'y'.repeat(3500)]));
  expect(offered.link.isFull).toBe(true);
  await clock.advanceAsync(0);
  expect(state.answer).toEqual({ frames: [JSON.parse(quietWelcome()), [2, 'x'.repeat(1000)]] });
  offered.link.send(JSON.stringify([2, 'z'.repeat(1000)]));
  expect(offered.link.bufferedBytes).toBeLessThanOrEqual(4096);
});

test('a client that goes away ends its poll', async () => {
  const { abort, clock, offered, endpoint } = await openPoll();
  abort.abort();
  await clock.advanceAsync(0);
  expect(offered.ended).toBe(1);
  expect(endpoint.linkCount).toBe(0);
});
