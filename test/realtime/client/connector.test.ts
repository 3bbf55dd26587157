import { afterEach, describe, expect, test, vi } from 'vitest';
import type { RealtimeError } from '../../../src/realtime/wire/error-codes.ts';
import type { ServerFrame } from '../../../src/realtime/wire/frames.ts';
import { settle } from '../../../src/testing.ts';
import { scripted, subscribedTo } from './scripted-links.ts';

const kindsOf = ({ links }: ReturnType<typeof scripted>): string[] => links.map(({ kind }) => kind);

/** WebSocket dies twice, a lower kind brings the welcome, WebSocket dies once more, and the lower kind is opened. */
function stepDown(scene: ReturnType<typeof scripted>, kind: string): void {
  for (const waitMs of [500, 0]) {
    scene.link.dies();
    scene.clock.advance(waitMs);
  }
  expect(scene.link.kind).toBe(kind);
  scene.link.welcomes();
  expect(scene.link.kind).toBe('websocket');
  scene.link.dies();
  scene.clock.advance(0);
  expect(scene.link.kind).toBe(kind);
}

function goodbye(code: string, extra: object = {}): ServerFrame {
  const frame: ServerFrame = JSON.parse(JSON.stringify([10, { code, message: 'm', ...extra }]));
  return frame;
}

describe('coming back', () => {
  test('the waits are drawn from a range that doubles up to its most, and start over after a link that lived', () => {
    const scene = scripted({ transports: ['websocket'], minDelayMs: 100, maxDelayMs: 1_000 });
    const waits: number[] = [];
    for (let round = 0; round < 6; round++) {
      scene.link.dies();
      const before = scene.links.length;
      let waitMs = 0;
      for (; scene.links.length === before; waitMs++) scene.clock.advance(1);
      waits.push(waitMs);
    }
    // Half of 100, 200, 400, 800 and of the most.
    expect(waits).toEqual([50, 100, 200, 400, 500, 500]);
    scene.link.opens();
    scene.clock.advance(10_000);
    scene.link.dies();
    scene.clock.advance(50);
    expect(scene.client.state).toBe('connecting');
  });

  test('a link that lived too short does not start the waits over', () => {
    const scene = scripted({ transports: ['websocket'], minDelayMs: 100, maxDelayMs: 1_000 });
    scene.link.opens();
    scene.link.dies();
    scene.clock.advance(50);
    scene.link.opens();
    scene.clock.advance(9_999);
    scene.link.dies();
    scene.clock.advance(99);
    expect(scene.client.state).toBe('waiting');
    scene.clock.advance(1);
    expect(scene.client.state).toBe('connecting');
  });

  test('a link that brings no welcome in time is given up', () => {
    const scene = scripted({ connectTimeoutMs: 5_000 });
    scene.clock.advance(4_999);
    expect(scene.client.state).toBe('connecting');
    scene.clock.advance(1);
    expect([scene.client.state, scene.link.isClosed]).toEqual(['waiting', true]);
  });

  test('silence for longer than a heartbeat and its time ends the link, after a moment for what was not read yet', () => {
    const scene = scripted({ heartbeatTimeoutMs: 5_000 });
    scene.link.opens();
    scene.clock.advance(29_000);
    scene.link.says([]);
    scene.clock.advance(30_000);
    expect(scene.client.state).toBe('open');
    scene.link.says([]);
    scene.clock.advance(30_099);
    expect(scene.client.state).toBe('open');
    scene.clock.advance(1);
    expect([scene.client.state, scene.link.isClosed]).toEqual(['waiting', true]);
  });

  test('a server that does not say how often it is heard is not watched, and costs few timers', () => {
    const scene = scripted();
    const setTimer = vi.spyOn(scene.clock, 'setTimer');
    scene.link.opens(undefined, { pingMs: undefined });
    scene.clock.advance(10_000);
    expect(scene.client.state).toBe('open');
    expect(setTimer.mock.calls.length).toBeLessThan(150);
  });

  test('what arrives in that moment keeps it open', () => {
    const scene = scripted({ heartbeatTimeoutMs: 5_000 });
    scene.link.opens();
    scene.clock.advance(30_050);
    scene.link.says([]);
    scene.clock.advance(29_000);
    expect(scene.client.state).toBe('open');
  });

  test('a platform that refuses the address is waited for as well', () => {
    const scene = scripted();
    scene.link.dies({});
    expect(scene.states).toEqual(['connecting', 'waiting']);
  });
});

describe('a goodbye', () => {
  test('says when to come back', () => {
    const scene = scripted();
    scene.link.opens();
    scene.link.says(goodbye('DRAINING', { retryable: true, afterMs: 7_000 }));
    expect([scene.client.state, scene.link.isClosed]).toEqual(['waiting', true]);
    scene.clock.advance(6_999);
    expect(scene.links).toHaveLength(1);
    scene.clock.advance(1);
    expect(scene.links).toHaveLength(2);
  });

  test('that is not retryable closes the client for good, and says why to everything that waits', async () => {
    const scene = scripted();
    const errors: unknown[] = [];
    scene.client.on('error', (error) => errors.push(error));
    const room = scene.client.channel('chat:42');
    scene.link.opens();
    const call = scene.client.call('add').catch((error: RealtimeError) => error.code);
    const looped = (async () => {
      for await (const _publication of room) expect.fail('nothing was published');
    })().catch((error: RealtimeError) => error.code);
    scene.link.says(goodbye('SESSION_REPLACED'), [2, 42, 1, 0, 'late', 'aaaa']);
    expect([await call, await looped]).toEqual(['SESSION_REPLACED', 'SESSION_REPLACED']);
    expect([scene.client.state, room.status, scene.client.closeError?.code]).toEqual([
      'closed',
      'left',
      'SESSION_REPLACED',
    ]);
    expect(errors).toEqual([scene.client.closeError]);
    scene.clock.advance(100_000);
    expect(scene.links).toHaveLength(1);
    await expect(scene.client.call('add')).rejects.toMatchObject({ code: 'SESSION_REPLACED' });
    expect(scene.client.channel('chat:43').status).toBe('left');
  });

  test('about the token makes the client fetch another one and come back soon', async () => {
    let count = 0;
    const scene = scripted({ token: async () => `T${++count}` });
    await settle();
    expect(scene.link.opens().token).toBe('T1');
    scene.link.says(goodbye('TOKEN_EXPIRED'));
    await scene.clock.advanceAsync(250);
    expect(scene.link.opens().token).toBe('T2');
    // It was accepted, so that another one is asked for when it no longer holds.
    scene.link.says(goodbye('UNAUTHENTICATED'));
    await scene.clock.advanceAsync(500);
    expect(scene.link.hello().token).toBe('T3');
    // A fresh one that is refused is not replaced again and again.
    scene.link.says(goodbye('UNAUTHENTICATED'));
    expect([scene.client.state, scene.client.closeError?.code]).toEqual(['closed', 'UNAUTHENTICATED']);
  });

  test('about the token that is retryable brings the client back with the token that it has', () => {
    const scene = scripted({ token: 'T1' });
    scene.link.opens();
    void scene.client.refresh('T2');
    scene.link.says(goodbye('TOKEN_EXPIRED', { retryable: true }));
    scene.clock.advance(500);
    expect(scene.link.opens().token).toBe('T2');
  });

  test('about a token that was fetched and never reached the server makes the client fetch once more', async () => {
    let count = 0;
    const scene = scripted({ token: async () => `T${++count}` });
    await settle();
    scene.link.opens();
    scene.link.says(goodbye('TOKEN_EXPIRED'));
    await scene.clock.advanceAsync(250);
    // The network goes for an hour, and the new token runs out.
    scene.link.dies();
    await scene.clock.advanceAsync(500);
    expect(scene.link.hello().token).toBe('T2');
    scene.link.says(goodbye('TOKEN_EXPIRED'));
    await scene.clock.advanceAsync(2_000);
    expect(scene.client.state).toBe('connecting');
    expect(scene.link.opens().token).toBe('T3');
  });

  test('about a token that is a text closes the client', () => {
    const scene = scripted({ token: 'T' });
    scene.link.says(goodbye('TOKEN_EXPIRED'));
    expect(scene.client.state).toBe('closed');
  });
});

test('a token that cannot be fetched is told, and asked for again later', async () => {
  const errors: unknown[] = [];
  let count = 0;
  const scene = scripted({
    token: () => {
      if (++count === 1) throw new Error('no network');
      return 'T';
    },
  });
  scene.client.on('state', (_state, cause) => errors.push(cause));
  await settle();
  expect([scene.links.length, errors]).toEqual([0, [new Error('no network')]]);
  await scene.clock.advanceAsync(1_000);
  expect(scene.link.hello().token).toBe('T');
});

test('a token is refreshed on the open link, and refused channels are asked for again', async () => {
  const scene = scripted({ token: 'T1' });
  const room = scene.client.channel('chat:42');
  const hello = scene.link.hello();
  scene.link.says([
    1,
    {
      v: 1,
      session: ['s1', 'x'],
      resumed: false,
      pingMs: 25_000,
      maxBytes: 1_000,
      againMs: 135_000,
      subs: [[hello.subs?.[0]?.[0] ?? 0, null, { code: 'FORBIDDEN', message: 'no' }]],
    },
  ]);
  expect(room.status).toBe('refused');
  scene.link.taken();
  const refreshed = scene.client.refresh('T2');
  expect(scene.link.taken()).toEqual([[8, 'T2']]);
  scene.link.says([8, 'ann']);
  await refreshed;
  expect([scene.client.user, room.status]).toEqual(['ann', 'subscribing']);
  expect(scene.link.last).toEqual([6, expect.any(Number), 'chat:42', {}]);
});

test('a token that is refreshed while the hello is on its way is shown after the welcome, and not taken for accepted before', async () => {
  const scene = scripted({ token: 'T1' });
  const hello = scene.link.hello();
  let isAccepted = false;
  const refreshed = scene.client.refresh('T2').then(() => {
    isAccepted = true;
  });
  scene.link.answers(hello);
  await settle();
  expect([scene.link.taken(), isAccepted]).toEqual([[[8, 'T2']], false]);
  scene.link.says([8, 'ann']);
  await refreshed;
});

test('of two tokens that are shown at once neither counts before the newer one was accepted', async () => {
  const scene = scripted({ token: 'T1' });
  scene.link.opens();
  const accepted: string[] = [];
  const shown = ['T2', 'T3', 'T4'].map(async (token) => {
    await scene.client.refresh(token);
    accepted.push(token);
  });
  scene.link.taken();
  scene.link.says([8, 'ann']);
  await settle();
  expect([scene.link.taken(), accepted]).toEqual([[[8, 'T4']], []]);
  scene.link.says([8, 'ann']);
  await Promise.all(shown);
});

test('of two tokens that are shown at once the link forgets none when it is lost', async () => {
  const scene = scripted({ token: 'T1' });
  scene.link.opens();
  const shown = [scene.client.refresh('T2'), scene.client.refresh('T3')];
  scene.link.dies();
  scene.clock.advance(1_000);
  expect(scene.link.opens().token).toBe('T3');
  await Promise.all(shown);
  const next = scene.client.refresh('T5');
  expect(scene.link.last).toEqual([8, 'T5']);
  scene.link.says([8, 'ann']);
  await next;
});

test('of two tokens that are shown at once the newer one is looked at also when the one before cannot be', async () => {
  const scene = scripted({ token: 'T1' });
  scene.link.opens();
  const shown = [scene.client.refresh('T2'), scene.client.refresh('T3')];
  scene.link.says([8, null, { code: 'UNAVAILABLE', message: 'away', retryable: true }]);
  expect(scene.link.last).toEqual([8, 'T3']);
  scene.link.says([8, 'ann']);
  await Promise.all(shown);
  expect(scene.client.user).toBe('ann');
});

test('of two tokens that are shown at once the newer one is shown over another link when the one before is refused', async () => {
  const scene = scripted({ token: 'T1' });
  scene.link.opens();
  const shown = [scene.client.refresh('T2'), scene.client.refresh('T3')];
  scene.link.says(goodbye('UNAUTHENTICATED'));
  scene.clock.advance(1_000);
  expect(scene.link.opens().token).toBe('T3');
  await Promise.all(shown);
});

test('of two tokens that are shown at once both fail when the newer one is refused as well', async () => {
  const scene = scripted({ token: 'T1' });
  scene.link.opens();
  const shown = [scene.client.refresh('T2'), scene.client.refresh('T3')];
  const outcomes = Promise.allSettled(shown);
  scene.link.says(goodbye('UNAUTHENTICATED'));
  scene.clock.advance(1_000);
  expect(scene.link.hello().token).toBe('T3');
  scene.link.says(goodbye('UNAUTHENTICATED', { message: 'T3' }));
  expect([scene.client.state, scene.client.closeError?.message]).toEqual(['closed', 'T3']);
  const reason: unknown = expect.objectContaining({ message: 'T3' });
  expect(await outcomes).toEqual(shown.map(() => ({ status: 'rejected', reason })));
});

test('a token that was accepted on the open link is followed by another one when it has expired', async () => {
  const tokens = ['T1', 'T3'];
  const scene = scripted({ token: () => tokens.shift() ?? 'none' });
  await settle();
  scene.link.opens();
  const refreshed = scene.client.refresh('T2');
  scene.link.says([8, 'ann']);
  await refreshed;
  scene.link.says(goodbye('TOKEN_EXPIRED', { retryable: true }));
  await scene.clock.advanceAsync(1_000);
  expect(scene.link.hello().token).toBe('T3');
});

test('over a link that goes one way it is shown in one more hello', async () => {
  const scene = scripted({ transports: ['stream'], token: 'T1' });
  const hello = scene.link.hello();
  let isAccepted = false;
  const refreshed = scene.client.refresh('T2').then(() => {
    isAccepted = true;
  });
  scene.link.answers(hello);
  await scene.clock.advanceAsync(20);
  expect([scene.links.length, isAccepted]).toEqual([2, false]);
  expect(scene.link.opens().token).toBe('T2');
  await refreshed;
});

test('a token that arrives late does not take the place of one that was given meanwhile', async () => {
  const give: ((token: string) => void)[] = [];
  const scene = scripted({ token: () => new Promise<string>((resolve) => give.push(resolve)) });
  void scene.client.refresh('given');
  give[0]('fetched');
  await settle();
  expect(scene.link.hello().token).toBe('given');
});

describe('the ladder', () => {
  test('asks over the kinds above too when the one that it stands on gets through no more', () => {
    const scene = scripted();
    for (const waitMs of [500, 0, 0]) {
      scene.link.dies();
      scene.clock.advance(waitMs);
    }
    expect(scene.link.kind).toBe('poll');
    scene.link.welcomes();
    scene.link.dies();
    scene.clock.advance(0);
    scene.link.welcomes();
    expect(scene.client.transport).toBe('poll');
    // From here on nobody polls any more, and WebSocket gets through.
    scene.link.dies();
    for (let turn = 0; turn < 100 && scene.client.transport !== 'websocket'; turn++) {
      scene.clock.advance(1_000);
      if (scene.link.isClosed) continue;
      if (scene.link.kind === 'websocket') scene.link.opens();
      else scene.link.dies();
    }
    expect(scene.client.transport).toBe('websocket');
  });

  test('two early deaths of WebSocket ask over a stream, and a third one when the server has answered steps down', () => {
    const scene = scripted({ token: 'T' });
    scene.client.channel('chat:42');
    scene.link.dies();
    scene.clock.advance(500);
    // A welcome alone is no success: it was cut before the heartbeat.
    scene.link.welcomes();
    scene.link.dies();
    scene.clock.advance(0);
    expect(kindsOf(scene)).toEqual(['websocket', 'websocket', 'stream']);
    // It only asks: with a session of its own, and without subscriptions.
    expect(scene.link.hello()).toEqual({ v: 1, token: 'T' });
    scene.link.opens();
    expect([scene.link.kind, scene.client.state, scene.links[2].isClosed]).toEqual([
      'websocket',
      'connecting',
      true,
    ]);
    scene.link.dies();
    scene.clock.advance(0);
    expect(scene.link.kind).toBe('stream');
    expect(scene.link.opens().session).toEqual(['s1', 'secret1']);
    expect(scene.client.transport).toBe('stream');
    scene.link.dies();
    scene.clock.advance(1_000);
    expect(scene.link.kind).toBe('stream');
  });

  test('a server that comes back just while another kind asks for it is connected to by WebSocket: nothing else is ever open', () => {
    const scene = scripted();
    const transports: unknown[] = [];
    scene.client.on('state', (state) => state === 'open' && transports.push(scene.client.transport));
    scene.link.dies();
    scene.clock.advance(500);
    scene.link.dies();
    scene.clock.advance(0);
    scene.link.welcomes();
    scene.link.opens();
    expect([scene.client.state, transports]).toEqual(['open', ['websocket']]);
    // It counts as one that lives: two more deaths are needed before anybody else is asked.
    scene.link.dies();
    scene.clock.advance(2_000);
    scene.link.dies();
    scene.clock.advance(2_000);
    expect(scene.link.kind).toBe('websocket');
  });

  test('a server that has answered and goes again before the client has settled leaves it where it was', () => {
    const scene = scripted();
    stepDown(scene, 'stream');
    scene.link.dies();
    expect(scene.client.state).toBe('waiting');
    scene.clock.advance(2_000);
    expect(scene.link.kind).toBe('websocket');
    scene.link.opens();
    expect(scene.client.transport).toBe('websocket');
  });

  test('a server that has answered is not waited for as long as one that may be gone', () => {
    const scene = scripted();
    scene.link.dies();
    scene.clock.advance(500);
    scene.link.dies();
    scene.clock.advance(0);
    scene.link.welcomes();
    scene.clock.advance(4_999);
    expect(scene.link.kind).toBe('websocket');
    scene.clock.advance(1);
    expect(scene.link.kind).toBe('stream');
  });

  test('a heartbeat behind the welcome is success: deaths later on do not step down', () => {
    const scene = scripted();
    for (let round = 0; round < 5; round++) {
      scene.link.opens();
      scene.link.dies();
      scene.clock.advance(8_000);
    }
    expect(kindsOf(scene)).toEqual(Array.from({ length: 6 }, () => 'websocket'));
  });

  test('a server that is down never steps down: no fallback gets a welcome', () => {
    const scene = scripted({ maxDelayMs: 1_000 });
    for (let attempt = 0; attempt < 40; attempt++) {
      scene.link.dies();
      scene.clock.advance(1_000);
    }
    // Two by WebSocket, then both fallbacks at once, and so on.
    expect(kindsOf(scene).slice(0, 8)).toEqual([
      'websocket',
      'websocket',
      'stream',
      'poll',
      'websocket',
      'websocket',
      'stream',
      'poll',
    ]);
    while (scene.link.kind !== 'websocket') {
      scene.link.dies();
      scene.clock.advance(1_000);
    }
    scene.link.opens();
    expect(scene.client.transport).toBe('websocket');
  });

  test('a stream whose heartbeat is held back gives way to polling', () => {
    const scene = scripted({ streamTimeoutMs: 3_000 });
    scene.link.dies();
    scene.clock.advance(500);
    scene.link.dies();
    scene.clock.advance(0);
    expect(scene.link.kind).toBe('stream');
    scene.clock.advance(3_000);
    expect(scene.link.kind).toBe('poll');
    scene.link.welcomes();
    scene.link.dies();
    scene.clock.advance(0);
    expect(scene.link.kind).toBe('poll');
    scene.link.welcomes();
    expect([scene.client.state, scene.client.transport]).toEqual(['open', 'poll']);
  });

  test('a stream that lets the welcome through and nothing else does not count as one that lives', () => {
    const scene = scripted({ transports: ['stream', 'poll'], streamTimeoutMs: 3_000, minDelayMs: 2 });
    scene.link.welcomes();
    scene.clock.advance(3_100);
    expect(kindsOf(scene)).toEqual(['stream', 'stream']);
    scene.link.welcomes();
    scene.clock.advance(3_100);
    expect(scene.link.kind).toBe('poll');
    scene.link.welcomes();
    expect(scene.link.kind).toBe('stream');
    scene.link.welcomes();
    scene.clock.advance(3_000);
    expect(scene.link.kind).toBe('poll');
    scene.link.welcomes();
    expect(scene.client.transport).toBe('poll');
  });

  test('a response that streamed and ended in order is followed by the next at once', () => {
    const scene = scripted({ transports: ['stream'] });
    scene.link.opens();
    scene.link.ends();
    scene.clock.advance(0);
    expect(scene.links).toHaveLength(2);
  });

  test('WebSocket is tried beside a fallback with a session of its own, and taken when it gets through', () => {
    const scene = scripted({ upgradeIntervalMs: 60_000, token: 'T' });
    scene.client.channel('chat:42');
    stepDown(scene, 'stream');
    scene.link.opens();
    const stream = scene.link;
    const stillAlive = (): void => {
      for (let second = 0; second < 60; second += 20) {
        stream.says([]);
        scene.clock.advance(20_000);
      }
    };
    stillAlive();
    expect(scene.link.kind).toBe('websocket');
    expect(scene.link.hello()).toEqual({ v: 1, token: 'T' });
    // It gets through and dies early: nothing has changed.
    scene.link.says([
      1,
      { v: 1, session: ['p', 'p'], resumed: false, pingMs: 1, maxBytes: 1, againMs: 1, subs: [] },
    ]);
    scene.link.dies();
    expect([scene.client.transport, stream.isClosed, scene.client.sessionId]).toEqual([
      'stream',
      false,
      's1',
    ]);
    stillAlive();
    const probe = scene.link;
    expect(scene.links).toHaveLength(7);
    probe.says(
      [1, { v: 1, session: ['p', 'p'], resumed: false, pingMs: 1, maxBytes: 1, againMs: 1, subs: [] }],
      [],
    );
    expect([probe.isClosed, stream.isClosed, scene.link.kind]).toEqual([true, true, 'websocket']);
    expect(scene.link.opens().session).toEqual(['s1', 'secret1']);
    expect(scene.client.transport).toBe('websocket');
  });

  test('a probe that hears nothing is given up in time', () => {
    const scene = scripted({
      transports: ['websocket', 'poll'],
      upgradeIntervalMs: 60_000,
      heartbeatTimeoutMs: 1e6,
    });
    stepDown(scene, 'poll');
    scene.link.welcomes();
    scene.clock.advance(60_000);
    const probe = scene.link;
    scene.clock.advance(14_999);
    expect(probe.isClosed).toBe(false);
    scene.clock.advance(1);
    expect([probe.isClosed, scene.client.transport]).toEqual([true, 'poll']);
    scene.clock.advance(45_000);
    expect(scene.links).toHaveLength(7);
  });

  test('a probe that hears what is no frame is given up, and harms nothing', () => {
    const scene = scripted({ upgradeIntervalMs: 60_000, heartbeatTimeoutMs: 1e6 });
    stepDown(scene, 'stream');
    scene.link.opens();
    scene.clock.advance(60_000);
    const probe = scene.link;
    expect(probe.kind).toBe('websocket');
    expect(() => probe.saysText('<html>')).not.toThrow();
    expect([probe.isClosed, scene.client.transport]).toEqual([true, 'stream']);
    scene.clock.advance(60_000);
    expect(scene.link).not.toBe(probe);
  });
});

describe('a link that goes one way', () => {
  test('is opened anew, once, when channels are added and left', () => {
    const scene = scripted({ transports: ['stream'] });
    const first = scene.client.channel('chat:1');
    scene.link.opens();
    scene.link.says([2, 1, 1, 0, 'a', 'aaaa']);
    scene.client.channel('chat:2');
    scene.client.channel('chat:3').leave();
    first.leave();
    scene.clock.advance(19);
    expect(scene.links).toHaveLength(1);
    scene.clock.advance(1);
    expect(scene.links).toHaveLength(2);
    expect(scene.link.opens().subs?.map(([, name]) => name)).toEqual(['chat:2']);
    scene.clock.advance(1_000);
    expect([scene.links.length, scene.states]).toEqual([2, ['connecting', 'open', 'connecting', 'open']]);
  });

  test('is opened anew for another token', async () => {
    const scene = scripted({ transports: ['poll'], token: 'T1' });
    scene.link.welcomes();
    const refreshed = scene.client.refresh('T2');
    scene.clock.advance(20);
    expect(scene.link.welcomes().token).toBe('T2');
    await refreshed;
  });

  test('takes a welcome with each poll', () => {
    const scene = scripted({ transports: ['poll'] });
    const room = scene.client.channel('chat:42');
    const heard: unknown[] = [];
    room.on('message', (data) => heard.push(data));
    scene.link.welcomes();
    scene.link.says([2, 42, 1, 0, 'a', 'aaaa']);
    const hello = scene.link.welcomes((channel) => ({
      ...subscribedTo(channel),
      position: ['e1', 1, 'aaaa'],
      recovered: true,
    }));
    scene.link.says([2, 42, 1, 0, 'b', 'bbbb']);
    expect(hello.subs?.[0]?.[2]?.position).toEqual(['e1', 1, 'aaaa']);
    expect([heard, scene.states]).toEqual([
      ['a', 'b'],
      ['connecting', 'open'],
    ]);
  });

  test('sends again what the server could not look at, behind another hello', async () => {
    const scene = scripted({ transports: ['stream'] });
    scene.client.on('error', () => undefined);
    scene.link.opens();
    const call = scene.client.call('add', [1, 2]);
    scene.link.says([13, { code: 'UNAVAILABLE', message: 'no session was found', retryable: true }]);
    scene.clock.advance(20);
    scene.link.opens();
    const [type, id, , , , options] = scene.link.sent.flatMap((frame) =>
      Array.isArray(frame) ? [frame] : [],
    )[0];
    expect([type, options]).toEqual([4, { deadlineMs: 29_980, again: true }]);
    scene.link.says([5, id, 3]);
    expect(await call).toBe(3);
  });

  test('asks once what is not answered yet, however many polls are answered meanwhile', async () => {
    const scene = scripted({ transports: ['poll'] });
    const call = scene.client.call('add', [1, 2]).catch((error: RealtimeError) => error.code);
    for (let poll = 0; poll < 3; poll++) scene.link.welcomes();
    expect(scene.link.sent).toHaveLength(1);
    // Unless it is another session: nobody knows there what became of it.
    scene.link.welcomes(undefined, { resumed: false });
    expect([await call, scene.link.sent.length]).toEqual(['OUTCOME_UNKNOWN', 1]);
  });
});

describe('the life of a page', () => {
  afterEach(() => vi.unstubAllGlobals());

  function page(): {
    readonly document: EventTarget & { hidden: boolean };
    readonly tell: (event: Event) => void;
  } {
    const window = new EventTarget();
    const document = Object.assign(new EventTarget(), { hidden: false });
    vi.stubGlobal('document', document);
    vi.stubGlobal('addEventListener', window.addEventListener.bind(window));
    return { document, tell: (event) => window.dispatchEvent(event) };
  }

  test('a page that is seen again comes back at once, unless the server said when', () => {
    const { document } = page();
    const scene = scripted();
    scene.link.dies();
    document.dispatchEvent(new Event('visibilitychange'));
    expect(scene.links).toHaveLength(2);
    scene.link.opens();
    scene.link.says(goodbye('DRAINING', { retryable: true, afterMs: 60_000 }));
    document.dispatchEvent(new Event('resume'));
    expect(scene.links).toHaveLength(2);
    document.hidden = true;
    document.dispatchEvent(new Event('visibilitychange'));
    expect(scene.links).toHaveLength(2);
  });

  test('a page that was frozen looks at once whether the connection is dead', () => {
    const { document } = page();
    const scene = scripted({ heartbeatTimeoutMs: 5_000 });
    scene.link.opens();
    // Time passed, and no timer fired.
    vi.spyOn(scene.clock, 'now').mockReturnValue(40_000);
    document.dispatchEvent(new Event('resume'));
    scene.clock.advance(100);
    expect(scene.client.state).toBe('waiting');
  });

  test('another network is used at once, from the top of the ladder', () => {
    const { tell } = page();
    const scene = scripted();
    stepDown(scene, 'stream');
    scene.link.opens();
    expect(scene.client.transport).toBe('stream');
    tell(new Event('online'));
    expect([scene.links.at(-2)?.isClosed, scene.link.kind]).toEqual([true, 'websocket']);
  });

  test('a page that goes closes its connection, and opens it when it comes out of the cache', () => {
    const { tell } = page();
    const scene = scripted();
    // Every page is shown when it has been loaded.
    tell(new Event('pageshow'));
    expect(scene.links).toHaveLength(1);
    scene.link.opens();
    tell(new Event('pageshow'));
    expect([scene.links.length, scene.client.state]).toEqual([1, 'open']);
    tell(new Event('pagehide'));
    expect([scene.link.isClosed, scene.client.state]).toEqual([true, 'waiting']);
    scene.clock.advance(60_000);
    expect(scene.links).toHaveLength(1);
    tell(Object.assign(new Event('pageshow'), { persisted: true }));
    expect(scene.links).toHaveLength(2);
    expect(scene.link.opens().session).toEqual(['s1', 'secret1']);
    scene.client.close();
    tell(new Event('online'));
    expect(scene.links).toHaveLength(2);
  });
});
