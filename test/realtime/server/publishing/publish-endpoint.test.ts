import { expect, test } from 'vitest';
import {
  PublishEndpoint,
  type PublishOperation,
} from '../../../../src/realtime/server/publishing/publish-endpoint.ts';
import type { PublishTarget, RequestedPublication } from '../../../../src/realtime/server/publish-target.ts';
import { makePublishKey, type PublishKey } from '../../../../src/realtime/server/publishing/publish-keys.ts';
import { RealtimeError } from '../../../../src/realtime/wire/error-codes.ts';
import { FakeClock } from '../../../../src/testing/fake-clock.ts';

class ScriptedTarget implements PublishTarget {
  readonly published: RequestedPublication[] = [];
  readonly asked: unknown[] = [];
  onPublish: (publication: RequestedPublication) => Promise<{ offset?: number }> = async () => ({
    offset: this.published.length,
  });

  publish(publication: RequestedPublication): Promise<{ offset?: number }> {
    this.published.push(publication);
    return this.onPublish(publication);
  }

  async history(channel: string, page: object): Promise<unknown> {
    this.asked.push(['history', channel, page]);
    return { publications: [] };
  }

  async presence(channel: string): Promise<unknown> {
    this.asked.push(['presence', channel]);
    return { count: 2 };
  }

  async disconnect(who: object): Promise<void> {
    this.asked.push(['disconnect', who]);
  }
}

async function stage(record: Partial<PublishKey> = {}) {
  const target = new ScriptedTarget();
  const made = await makePublishKey({ id: 'backend', channels: ['scores:{game}'], ...record });
  const errors: unknown[] = [];
  const time = { nowMs: 1_000 };
  const endpoint = new PublishEndpoint(target, {
    publishKeys: [made.record],
    clock: new FakeClock(),
    now: () => time.nowMs,
    onError: (error) => errors.push(error),
  });
  const post = (
    operation: PublishOperation,
    body: unknown,
    headers: Record<string, string> = { Authorization: `Bearer ${made.key}` },
  ): Promise<Response> =>
    endpoint.handle(
      operation,
      new Request('http://chat.example/realtime/publish', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    );
  return { target, endpoint, errors, post, time, ...made };
}

const goal = { channel: 'scores:7', event: 'goal', data: { by: 9 } };

test('who has a key publishes, and is told the offset', async () => {
  const { post, target } = await stage();
  const response = await post('publish', goal);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ offset: 1 });
  expect(response.headers.get('Cache-Control')).toContain('no-store');
  expect(target.published).toEqual([goal]);
});

test('many publications of one request keep their order, and each fails by itself', async () => {
  const { post, target } = await stage();
  const response = await post('publish', [goal, { ...goal, channel: 'chat:1' }, { ...goal, data: 2 }]);
  expect(await response.json()).toEqual({
    results: [
      { offset: 1 },
      { error: { code: 'FORBIDDEN', message: expect.stringContaining('chat:1') } },
      { offset: 2 },
    ],
  });
  expect(target.published.map(({ data }) => data)).toEqual([{ by: 9 }, 2]);
});

test('an idempotency key is that of the publisher, and can be no other publisher’s', async () => {
  const { post, target } = await stage();
  await post('publish', { ...goal, idempotencyKey: 'goal-1', exceptSession: 's1' });
  expect(target.published).toEqual([
    { ...goal, exceptSession: 's1', idempotencyKey: 'http:["backend","goal-1"]' },
  ]);
});

test.each<[string, Record<string, string>]>([
  ['no key', {}],
  ['another key', { Authorization: 'Bearer fdx_AAAA' }],
  ['an empty key', { Authorization: 'Bearer ' }],
  ['a key as a password', { Authorization: 'Basic ZmR4OmZkeA==' }],
  ['two keys', { Authorization: 'Bearer a, Bearer b' }],
])('with %s nobody publishes: 401, and how to authenticate', async (_, headers) => {
  const { post, target } = await stage();
  const response = await post('publish', goal, headers);
  expect(response.status).toBe(401);
  expect(response.headers.get('WWW-Authenticate')).toBe('Bearer');
  expect(await response.json()).toMatchObject({ error: { code: 'UNAUTHENTICATED' } });
  expect(target.published).toEqual([]);
});

test('the hash of a key, which the server keeps, is no key', async () => {
  const { post, record } = await stage();
  expect((await post('publish', goal, { Authorization: `Bearer ${record.hash}` })).status).toBe(401);
});

test('a key in the body or in the address is no key', async () => {
  const { endpoint, key, post } = await stage();
  const inUrl = new Request(`http://chat.example/realtime/publish?key=${key}&access_token=${key}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(goal),
  });
  expect((await endpoint.handle('publish', inUrl)).status).toBe(401);
  expect((await post('publish', { ...goal, key }, {})).status).toBe(401);
});

test.each<[string, Record<string, string>]>([
  ['an Origin', { Origin: 'http://chat.example' }],
  ['Sec-Fetch-Site', { 'Sec-Fetch-Site': 'same-origin' }],
])('a browser, known by %s, is refused also with a key, and not told a word of CORS', async (_, headers) => {
  const { post, key, target } = await stage();
  const response = await post('publish', goal, { Authorization: `Bearer ${key}`, ...headers });
  expect(response.status).toBe(403);
  expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  expect(target.published).toEqual([]);
});

test('the question of a browser whether it may send is answered with no', async () => {
  const { endpoint } = await stage();
  const request = new Request('http://chat.example/realtime/publish', {
    method: 'OPTIONS',
    headers: { 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization' },
  });
  const response = await endpoint.handle('publish', request);
  expect(response.status).toBe(405);
  expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
});

test('a key that has expired counts no more, and one that has not does', async () => {
  const { post, time } = await stage({ expiresAt: 2_000 });
  expect((await post('publish', goal)).status).toBe(200);
  time.nowMs = 2_000;
  const response = await post('publish', goal);
  expect(response.status).toBe(401);
  expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining('expired') } });
});

test('keys are replaced without a restart: both count, then only the new one', async () => {
  const old = await makePublishKey({ id: 'old', channels: ['{all}'] });
  const next = await makePublishKey({ id: 'next', channels: ['{all}'] });
  let records = [old.record];
  const endpoint = new PublishEndpoint(new ScriptedTarget(), { publishKeys: async () => records });
  const statusOf = async ({ key }: { readonly key: string }): Promise<number> => {
    const request = new Request('http://chat.example/realtime/publish', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` },
      body: JSON.stringify(goal),
    });
    return (await endpoint.handle('publish', request)).status;
  };
  expect([await statusOf(old), await statusOf(next)]).toEqual([200, 401]);
  records = [old.record, next.record];
  expect([await statusOf(old), await statusOf(next)]).toEqual([200, 200]);
  records = [next.record];
  expect([await statusOf(old), await statusOf(next)]).toEqual([401, 200]);
});

test('a key does what it may, on its channels, and nothing else', async () => {
  const reader = await stage({ may: ['history', 'presence'] });
  expect((await reader.post('history', { channel: 'scores:7', count: 5, before: 9 })).status).toBe(200);
  expect((await reader.post('presence', { channel: 'scores:7' })).status).toBe(200);
  expect((await reader.post('presence', { channel: 'chat:7' })).status).toBe(403);
  expect((await reader.post('history', { channel: 'chat:7' })).status).toBe(403);
  expect((await reader.post('publish', goal)).status).toBe(403);
  expect((await reader.post('disconnect', { user: 'ann' })).status).toBe(403);
  expect(reader.target.asked).toEqual([
    ['history', 'scores:7', { count: 5, before: 9 }],
    ['presence', 'scores:7'],
  ]);
  const ender = await stage({ may: ['disconnect'] });
  expect((await ender.post('disconnect', { user: 'ann' })).status).toBe(200);
  expect((await ender.post('disconnect', { session: 's1' })).status).toBe(200);
  expect(ender.target.asked).toEqual([
    ['disconnect', { user: 'ann' }],
    ['disconnect', { session: 's1' }],
  ]);
});

test('only a key that may do so names who is said to have published', async () => {
  const plain = await stage();
  expect((await plain.post('publish', { ...goal, user: 'ann' })).status).toBe(403);
  const named = await stage({ may: ['publish', 'publish-as'] });
  expect((await named.post('publish', { ...goal, user: 'ann' })).status).toBe(200);
  expect(named.target.published).toEqual([{ ...goal, user: 'ann' }]);
});

test.each<[PublishOperation, string, unknown]>([
  ['publish', 'no object', 'goal'],
  ['publish', 'no channel', { event: 'goal', data: 1 }],
  ['publish', 'no event', { channel: 'scores:7', data: 1 }],
  ['publish', 'no data', { channel: 'scores:7', event: 'goal' }],
  ['publish', 'a channel of the server', { ...goal, channel: '$user:ann' }],
  ['publish', 'a channel with a control character', { ...goal, channel: 'scores:\n' }],
  ['publish', 'an unknown field', { ...goal, ttl: 5 }],
  ['publish', 'an endless idempotency key', { ...goal, idempotencyKey: 'x'.repeat(257) }],
  ['history', 'a count that is none', { channel: 'scores:7', count: 0 }],
  ['history', 'a count beyond all measure', { channel: 'scores:7', count: 1001 }],
  ['history', 'a place that is none', { channel: 'scores:7', before: 1.5 }],
  ['presence', 'no channel', {}],
  ['disconnect', 'nobody', {}],
  ['disconnect', 'two at once', { user: 'ann', session: 's1' }],
])('%s with %s is refused with 400', async (operation, _, body) => {
  const { post, target } = await stage({
    channels: ['{all}'],
    may: ['publish', 'publish-as', 'history', 'presence', 'disconnect'],
  });
  const response = await post(operation, body);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { code: 'BAD_DATA' } });
  expect(target.published).toEqual([]);
  expect(target.asked).toEqual([]);
});

test('more publications in one request than it may have are refused with 413', async () => {
  const { post, target } = await stage();
  expect(
    (
      await post(
        'publish',
        Array.from({ length: 1001 }, () => goal),
      )
    ).status,
  ).toBe(413);
  expect(target.published).toEqual([]);
});

test.each<[ConstructorParameters<typeof RealtimeError>[0], number]>([
  ['BAD_DATA', 400],
  ['UNKNOWN_CHANNEL', 404],
  ['UNAVAILABLE', 503],
  ['TOO_LARGE', 413],
])('an error %s of the hub is told with %i', async (code, status) => {
  const { post, target } = await stage();
  target.onPublish = () => Promise.reject(new RealtimeError(code, 'because', { retryable: true }));
  const response = await post('publish', goal);
  expect(response.status).toBe(status);
  expect(await response.json()).toEqual({ error: { code, message: 'because', retryable: true } });
});

test('any other error is told to onError only', async () => {
  const { post, target, errors } = await stage();
  target.onPublish = () => Promise.reject(new Error('secret'));
  const response = await post('publish', [goal]);
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain('secret');
  expect(errors).toEqual([new Error('secret')]);
});

test('a key is 256 random bits, and its record holds none of them', async () => {
  const first = await makePublishKey({ id: 'a', channels: ['{all}'] });
  const second = await makePublishKey({ id: 'a', channels: ['{all}'] });
  expect(first.key).toMatch(/^fdx_[\w-]{43}$/);
  expect(first.key).not.toBe(second.key);
  expect(JSON.stringify(first.record)).not.toContain(first.key.slice(4));
});

test.each<[string, object]>([
  ['an id', { id: '' }],
  ['channels', { channels: [] }],
  ['patterns', { channels: ['scores:{'] }],
  ['rights', { may: ['everything'] }],
  ['an expiry', { expiresAt: Number.NaN }],
  ['a hash', { hash: 'abc' }],
])('a key needs %s that can be used', async (_, wrong) => {
  const { record } = await makePublishKey({ id: 'a', channels: ['{all}'] });
  const publishKeys: unknown = [{ ...record, ...wrong }];
  expect(() => Reflect.construct(PublishEndpoint, [new ScriptedTarget(), { publishKeys }])).toThrow(
    expect.objectContaining({ code: 'WS_OPTION_INVALID' }),
  );
});
