import { expect, test } from 'vitest';
import { FallbackEndpoint } from '../../../../src/realtime/server/fallback/fallback-endpoint.ts';
import { Deferred } from '../../../../src/base/deferred.ts';
import type { ServerFrame } from '../../../../src/realtime/wire/frames.ts';
import { hello, jsonPost, ScriptedAcceptor, somebody, stage } from './scripted-acceptor.ts';

const send = { link: 'send', session: ['s', 'x'], frames: [[4, 1, 'chat:1', 'message', 'hi']] };

test('frames that come beside a link are answered in their own response', async () => {
  const { acceptor, post } = stage();
  acceptor.onUpstream = async () => [[5, 1, { offset: 3 }]];
  const response = await post(send);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ frames: [[5, 1, { offset: 3 }]] });
  expect(acceptor.upstreams).toMatchObject([
    { session: ['s', 'x'], frames: [[4, 1, 'chat:1', 'message', 'hi']] },
  ]);
});

test('requests of one session take turns, those of others do not wait', async () => {
  const { acceptor, post, clock } = stage();
  const first = new Deferred<readonly ServerFrame[]>();
  acceptor.onUpstream = ({ session: [id] }) =>
    acceptor.upstreams.length === 1
      ? first.promise
      : Promise.resolve([[13, { code: 'CLOSED', message: id }]]);
  const slow = post(send);
  const waiting = post({ ...send, frames: [[4, 2, 0, 'add', 1]] });
  await clock.advanceAsync(0);
  expect((await post({ ...send, session: ['other', 'x'] })).status).toBe(200);
  expect(acceptor.upstreams.length).toBe(2);
  const third = await post(send);
  expect(third.status).toBe(429);
  expect(third.headers.get('Retry-After')).toBe('1');
  expect(await third.json()).toMatchObject({ error: { code: 'RATE_LIMITED', retryable: true } });
  first.resolve([]);
  await slow;
  expect((await waiting).status).toBe(200);
  expect(acceptor.upstreams.map(({ frames }) => frames[0][1])).toEqual([1, 1, 2]);
  expect((await post(send)).status).toBe(200);
});

test('whoever knows only the public id of a session does not take its turns', async () => {
  const { acceptor, post, clock } = stage();
  acceptor.onUpstream = ({ session: [, secret] }) =>
    secret === 'x' ? Promise.resolve([]) : new Promise(() => undefined);
  void post({ ...send, session: ['s', 'forged'] });
  void post({ ...send, session: ['s', 'forged'] });
  await clock.advanceAsync(0);
  expect((await post(send)).status).toBe(200);
});

test.each<[string, unknown]>([
  ['no object', []],
  ['no link', { hello }],
  ['an unknown link', { link: 'websocket', hello }],
  ['a stream without a hello', { link: 'stream' }],
  ['a hello that is none', { link: 'poll', hello: [] }],
  ['an urgency that is none', { link: 'poll', hello, now: 1 }],
  ['a stream that is urgent', { link: 'stream', hello, now: true }],
  ['an unknown field', { link: 'poll', hello, session: ['s', 'x'] }],
  ['a session that is none', { ...send, session: 's' }],
  ['a session without a secret', { ...send, session: ['s'] }],
  ['a session with an endless id', { ...send, session: ['s'.repeat(10_000), 'x'] }],
  ['no frames', { ...send, frames: [] }],
  ['frames that are none', { ...send, frames: 'x' }],
  ['a hello beside a link', { ...send, frames: [[1, hello]] }],
  ['a subscription beside a link', { ...send, frames: [[6, 1, 'chat:1']] }],
  ['a token beside a link', { ...send, frames: [[8, 'token']] }],
  ['an alias, which belongs to a connection', { ...send, frames: [[4, 1, 7, 'message', 'hi']] }],
  ['an endless request id', { ...send, frames: [[4, 'x'.repeat(65), 0, 'add', 1]] }],
])('%s is refused with 400', async (_, body) => {
  const { acceptor, post } = stage();
  const response = await post(body);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { code: 'BAD_FRAME' } });
  expect(acceptor.upstreams).toEqual([]);
  expect(acceptor.links).toEqual([]);
});

test('replies, cancellations and heartbeats may come beside a link', async () => {
  const { acceptor, post } = stage();
  const frames = [[], [5, 'c1', 4], [5, 'c2', null, { code: 'BAD_DATA' }], [14, 'c3']];
  expect((await post({ ...send, frames })).status).toBe(200);
  expect(acceptor.upstreams[0].frames).toEqual(frames);
});

test('more frames in one request than it may bring are refused with 413', async () => {
  const { post } = stage();
  expect((await post({ ...send, frames: Array.from({ length: 257 }, () => []) })).status).toBe(413);
});

test('what the hub throws is told to onError, and to the client only as a failure', async () => {
  const { acceptor, post, errors } = stage();
  const failure = new Error('the password of the database is 1234');
  acceptor.onUpstream = () => Promise.reject(failure);
  const response = await post(send);
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain('1234');
  expect(errors).toEqual([failure]);
});

test('an onError that throws changes nothing for the client', async () => {
  const acceptor = new ScriptedAcceptor();
  acceptor.onUpstream = () => Promise.reject(new Error('first'));
  const endpoint = new FallbackEndpoint(acceptor, {
    onError: () => {
      throw new Error('second');
    },
  });
  const before = console.error;
  const printed: unknown[] = [];
  console.error = (error: unknown) => printed.push(error);
  try {
    expect((await endpoint.handle(jsonPost(send), somebody)).status).toBe(500);
  } finally {
    console.error = before;
  }
  expect(printed).toMatchObject([{ message: 'second' }]);
});

test('as many links as there may be are there, and then no more', async () => {
  const { post, acceptor } = stage({ maxLinks: 1 });
  await post({ link: 'stream', hello });
  const second = await post({ link: 'stream', hello });
  expect(second.status).toBe(503);
  expect(second.headers.get('Retry-After')).toBe('10');
  acceptor.links[0].link.close(1000, '');
  await Promise.resolve();
  expect((await post({ link: 'stream', hello })).status).toBe(200);
});

test('cutting all links ends streams and polls', async () => {
  const { post, endpoint, clock } = stage();
  const stream = await post({ link: 'stream', hello });
  const poll = post({ link: 'poll', hello });
  await clock.advanceAsync(0);
  expect(endpoint.linkCount).toBe(2);
  endpoint.cutAll();
  expect(await (await poll).json()).toEqual({ frames: [] });
  await expect(stream.text()).rejects.toThrow('cut by the server');
  expect(endpoint.linkCount).toBe(0);
});

test('behind a proxy that is trusted the client has its own address, scheme and host', async () => {
  const { acceptor, endpoint } = stage({ trustedProxies: ['192.0.2.0/24'] });
  const request = jsonPost(
    { link: 'stream', hello },
    {
      'X-Forwarded-For': '203.0.113.9',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': 'public.example',
      Origin: 'https://public.example',
    },
  );
  expect((await endpoint.handle(request, somebody)).status).toBe(200);
  expect(acceptor.links[0].peer).toMatchObject({
    remoteAddress: '203.0.113.9',
    url: 'https://public.example/realtime',
  });
});

test.each<[string, object]>([
  ['maxBodyBytes', { maxBodyBytes: 0 }],
  ['bodyTimeoutMs', { bodyTimeoutMs: -1 }],
  ['pollHoldMs', { pollHoldMs: 'long' }],
  ['allowedOrigins', { allowedOrigins: ['https://a.example/'] }],
])('a wrong %s is refused before anything happens', (name, options) => {
  expect(() => Reflect.construct(FallbackEndpoint, [new ScriptedAcceptor(), options])).toThrow(
    expect.objectContaining({ code: 'WS_OPTION_INVALID', message: expect.stringContaining(name) }),
  );
});

test('bytes travel in hellos, frames and answers as their tags', async () => {
  const { acceptor, post } = stage();
  const tagged = { $bytes: 'AAEC' };
  const bytes = new Uint8Array([0, 1, 2]);
  acceptor.onUpstream = async () => [[5, 1, bytes]];
  const response = await post({ ...send, frames: [[4, 1, 0, 'echo', tagged]] });
  expect(acceptor.upstreams[0].frames).toEqual([[4, 1, 0, 'echo', bytes]]);
  expect(await response.json()).toEqual({ frames: [[5, 1, tagged]] });
  await post({ link: 'stream', hello: { v: 1, subs: [[1, 'c', { info: tagged }]] } });
  expect(acceptor.links[0].received).toEqual(['[1,{"v":1,"subs":[[1,"c",{"info":{"$bytes":"AAEC"}}]]}]']);
});
