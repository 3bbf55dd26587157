// What pages of other sites, and clients that wish us ill, try on the fallbacks.

import { expect, test } from 'vitest';
import { hello, jsonPost, somebody, stage } from './scripted-acceptor.ts';

const body = JSON.stringify({ link: 'stream', hello });

function formPost(type: string | undefined, headers: Record<string, string> = {}): Request {
  return new Request('http://chat.example/realtime', {
    method: 'POST',
    headers: { Host: 'chat.example', ...(type === undefined ? {} : { 'Content-Type': type }), ...headers },
    body: new TextEncoder().encode(body),
  });
}

test.each<[string, string | undefined]>([
  ['text/plain', 'text/plain'],
  ['urlencoded', 'application/x-www-form-urlencoded'],
  ['multipart', 'multipart/form-data; boundary=x'],
  ['no type', undefined],
  ['a list of types', 'application/json, text/plain'],
  ['a type that only begins like JSON', 'application/jsonp'],
  ['a type inside another', 'text/plain; application/json'],
  ['another charset', 'application/json; charset=utf-16'],
])('a form of a page that posts JSON as %s is refused with 415', async (_, type) => {
  const { acceptor, endpoint } = stage();
  const response = await endpoint.handle(formPost(type), somebody);
  expect(response.status).toBe(415);
  expect(acceptor.links).toEqual([]);
});

test.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"'])(
  '%s is JSON',
  async (type) => {
    const { endpoint } = stage();
    expect((await endpoint.handle(formPost(type), somebody)).status).toBe(200);
  },
);

test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH'])('%s is refused with 405', async (method) => {
  const { acceptor, endpoint } = stage();
  const request = new Request('http://chat.example/realtime', { method });
  const response = await endpoint.handle(request, somebody);
  expect(response.status).toBe(405);
  expect(response.headers.get('Allow')).toBe('POST');
  expect(acceptor.links).toEqual([]);
});

test.each<[string, Record<string, string>]>([
  ['of another origin', { Origin: 'https://evil.example' }],
  ['of another origin, with cookies', { Origin: 'https://evil.example', Cookie: 'id=1' }],
  ['of another port', { Origin: 'http://chat.example:8080' }],
  ['of a sandbox', { Origin: 'null' }],
  ['of two origins', { Origin: 'http://chat.example, http://chat.example' }],
  ['whose origin has a path', { Origin: 'http://chat.example/' }],
  ['with cookies and no origin', { Cookie: 'id=1' }],
  ['of another site that hides its origin', { 'Sec-Fetch-Site': 'cross-site' }],
  ['of a sister site', { Origin: 'http://chat.example', 'Sec-Fetch-Site': 'same-site' }],
  [
    'of another scheme, as the browser sees it',
    { Origin: 'http://chat.example', 'Sec-Fetch-Site': 'cross-site' },
  ],
  ['that is a navigation', { Origin: 'http://chat.example', 'Sec-Fetch-Mode': 'navigate' }],
])('a request %s is refused with 403 and may not be read', async (_, headers) => {
  const { acceptor, post } = stage();
  for (const request of [
    { link: 'stream', hello },
    { link: 'poll', hello },
    { link: 'send', session: ['s', 'x'], frames: [[]] },
  ]) {
    const response = await post(request, headers);
    expect(response.status).toBe(403);
    expect(response.headers.get('Access-Control-Allow-Origin')).toBeNull();
    expect(await response.json()).toMatchObject({ error: { code: 'FORBIDDEN' } });
  }
  expect(acceptor.links).toEqual([]);
  expect(acceptor.upstreams).toEqual([]);
});

test('a server for this machine only refuses a page whose name suddenly means this machine', async () => {
  const { endpoint } = stage();
  const rebound = jsonPost({ link: 'stream', hello }, { Origin: 'http://chat.example' });
  const response = await endpoint.handle(rebound, { remoteAddress: '127.0.0.1', isOnLoopback: true });
  expect(response.status).toBe(403);
});

test('a page of the same origin is served without a word of CORS', async () => {
  const { post } = stage();
  const response = await post(
    { link: 'stream', hello },
    { Origin: 'http://chat.example', Cookie: 'id=1', 'Sec-Fetch-Site': 'same-origin' },
  );
  expect(response.status).toBe(200);
  expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
});

test('a page of an origin that is named is served, and its browser is told so, also of errors', async () => {
  const { post } = stage({ allowedOrigins: ['https://app.example'] });
  const headers = { Origin: 'https://app.example', Cookie: 'id=1', 'Sec-Fetch-Site': 'cross-site' };
  for (const [request, status] of [
    [{ link: 'stream', hello }, 200],
    [{ link: 'nothing' }, 400],
  ] as const) {
    const response = await post(request, headers);
    expect(response.status).toBe(status);
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('https://app.example');
    expect(response.headers.get('Access-Control-Allow-Credentials')).toBe('true');
    expect(response.headers.get('Vary')).toBe('Origin');
  }
});

function preflight(headers: Record<string, string>): Request {
  return new Request('http://chat.example/realtime', {
    method: 'OPTIONS',
    headers: { Host: 'chat.example', ...headers },
  });
}

test('a browser that asks first is told what a page may send, and others are told nothing', async () => {
  const { endpoint } = stage({ allowedOrigins: ['https://app.example'] });
  const asked = { 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type' };
  const allowed = await endpoint.handle(preflight({ Origin: 'https://app.example', ...asked }), somebody);
  expect(allowed.status).toBe(204);
  expect(allowed.headers.get('Access-Control-Allow-Origin')).toBe('https://app.example');
  expect(allowed.headers.get('Access-Control-Allow-Methods')).toBe('POST');
  expect(allowed.headers.get('Access-Control-Allow-Headers')).toBe('Content-Type');
  const refused = await endpoint.handle(preflight({ Origin: 'https://evil.example', ...asked }), somebody);
  expect(refused.status).toBe(403);
  expect(refused.headers.get('Access-Control-Allow-Origin')).toBeNull();
  const plain = await endpoint.handle(preflight({ Origin: 'https://app.example' }), somebody);
  expect(plain.status).toBe(405);
});

test('a function decides about origins, also about none, and a promise lets nobody in', async () => {
  const heard: (string | undefined)[] = [];
  const { post } = stage({
    allowedOrigins: (origin) => {
      heard.push(origin);
      return origin === 'https://app.example';
    },
  });
  expect((await post({ link: 'stream', hello }, { Origin: 'https://app.example' })).status).toBe(200);
  expect((await post({ link: 'stream', hello })).status).toBe(403);
  expect(heard).toEqual(['https://app.example', undefined]);
  const careless: unknown = async () => false;
  const { endpoint } = Reflect.apply(stage, undefined, [{ allowedOrigins: careless }]);
  const request = jsonPost({ link: 'stream', hello }, { Origin: 'https://evil.example' });
  expect((await endpoint.handle(request, somebody)).status).toBe(403);
});

test('an address that sends too many requests waits, others do not', async () => {
  const { endpoint, post, clock } = stage({ requestRate: { perSecond: 1, burst: 2 } });
  const send = { link: 'send', session: ['s', 'x'], frames: [[]] };
  expect((await post(send)).status).toBe(200);
  expect((await post(send)).status).toBe(200);
  const refused = await post(send);
  expect(refused.status).toBe(429);
  expect(refused.headers.get('Retry-After')).toBe('1');
  expect(await refused.json()).toMatchObject({ error: { code: 'RATE_LIMITED', retryable: true } });
  const other = { remoteAddress: '192.0.2.8', isOnLoopback: false };
  expect((await endpoint.handle(jsonPost(send), other)).status).toBe(200);
  clock.advance(1_000);
  expect((await post(send)).status).toBe(200);
});

test('an address has as many links as it may have, and another when one has gone', async () => {
  const { acceptor, clock, post } = stage({ maxLinksPerAddress: 2 });
  await post({ link: 'stream', hello });
  const poll = post({ link: 'poll', hello: { v: 1, session: ['s', 'x'] } });
  await clock.advanceAsync(0);
  expect((await post({ link: 'stream', hello })).status).toBe(429);
  acceptor.links[1].link.close(1000, '');
  expect((await poll).status).toBe(200);
  expect((await post({ link: 'stream', hello })).status).toBe(200);
  expect((await post({ link: 'stream', hello })).status).toBe(429);
});

test('a machine of the same network is not limited unless somebody says so', async () => {
  const { endpoint } = stage();
  for (let count = 0; count < 600; count++) {
    const request = jsonPost({ link: 'send', session: ['s', 'x'], frames: [[]] });
    const response = await endpoint.handle(request, { remoteAddress: '10.0.0.9', isOnLoopback: false });
    expect(response.status).toBe(200);
  }
});

test('a body that says how long it is, and is too long, is refused before it is read', async () => {
  const { endpoint } = stage({ maxBodyBytes: 1024 });
  let isRead = false;
  const request = streamed(
    new ReadableStream(
      {
        pull: () => {
          isRead = true;
        },
      },
      { highWaterMark: 0 },
    ),
    { 'Content-Length': '1025' },
  );
  expect((await endpoint.handle(request, somebody)).status).toBe(413);
  expect(isRead).toBe(false);
});

test('a body that never ends is read as far as it may go, and no further', async () => {
  const { endpoint } = stage({ maxBodyBytes: 4096 });
  let pulled = 0;
  let isCancelled = false;
  const request = streamed(
    new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled++;
        controller.enqueue(new Uint8Array(1024).fill(0x20));
      },
      cancel: () => {
        isCancelled = true;
      },
    }),
  );
  const response = await endpoint.handle(request, somebody);
  expect(response.status).toBe(413);
  expect(await response.json()).toMatchObject({ error: { code: 'TOO_LARGE' } });
  expect(isCancelled).toBe(true);
  expect(pulled).toBeLessThan(8);
});

test('a body that trickles is cut when its time is up', async () => {
  const { endpoint, clock } = stage();
  let isCancelled = false;
  const request = streamed(
    new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"link":')),
      cancel: () => {
        isCancelled = true;
      },
    }),
  );
  const answer = endpoint.handle(request, somebody);
  await clock.advanceAsync(9_999);
  expect(isCancelled).toBe(false);
  await clock.advanceAsync(1);
  expect((await answer).status).toBe(408);
  expect(isCancelled).toBe(true);
  expect(clock.pendingTimers).toBe(0);
});

test.each<[string, Uint8Array<ArrayBuffer>]>([
  ['no UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
  ['no JSON', new TextEncoder().encode('{link:"poll"}')],
  ['nothing', new Uint8Array(0)],
  ['JSON as deep as it is long', new TextEncoder().encode('['.repeat(500_000))],
  [
    'a hello as deep as it is long',
    new TextEncoder().encode(`{"link":"poll","hello":{"v":${'['.repeat(400_000)}${']'.repeat(400_000)}}}`),
  ],
])('a body that is %s is refused with 400', async (_, bytes) => {
  const { endpoint, errors } = stage();
  const request = new Request('http://chat.example/realtime', {
    method: 'POST',
    headers: { Host: 'chat.example', 'Content-Type': 'application/json' },
    body: bytes,
  });
  expect((await endpoint.handle(request, somebody)).status).toBe(400);
  expect(errors).toEqual([]);
});

test('a body that is compressed is not unpacked', async () => {
  const { endpoint } = stage();
  const request = jsonPost({ link: 'stream', hello }, { 'Content-Encoding': 'gzip' });
  expect((await endpoint.handle(request, somebody)).status).toBe(415);
});

test('a field named like that of prototypes is refused', async () => {
  const { acceptor, endpoint } = stage();
  const request = jsonPost('{"link":"stream","hello":{"v":1,"__proto__":{"token":"x"}}}');
  expect((await endpoint.handle(request, somebody)).status).toBe(400);
  expect(acceptor.links).toEqual([]);
});

test('a client that went away while its body was read is offered to nobody', async () => {
  const { acceptor, post } = stage();
  const abort = new AbortController();
  const answer = post({ link: 'stream', hello }, {}, abort.signal);
  abort.abort();
  await answer;
  expect(acceptor.links.every(({ ended }) => ended === 1)).toBe(true);
  expect(acceptor.links.flatMap(({ received }) => received)).toEqual([]);
});

function streamed(stream: ReadableStream<Uint8Array>, headers: Record<string, string> = {}): Request {
  const init: RequestInit & { readonly duplex: 'half' } = {
    method: 'POST',
    headers: { Host: 'chat.example', 'Content-Type': 'application/json', ...headers },
    body: stream,
    duplex: 'half',
  };
  return new Request('http://chat.example/realtime', init);
}
