import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { maxFeeds, PageFeeds } from '../../src/app/page-feed.ts';
import { pageListener } from '../../src/app/page-server.ts';
import type { FeedEvents } from '../../src/app/messages.ts';
import { connect, serve } from '../../src/index.ts';

const page = '0123456789abcdef0123456789abcdef';
const site = new Map([
  ['/', { contentType: 'text/html; charset=utf-8', bytes: Buffer.from('<p>hello</p>') }],
]);

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

async function start(isOnLoopback = true): Promise<{ origin: string; feeds: PageFeeds; http: Server }> {
  const feeds = new PageFeeds();
  const http = createServer(pageListener(site, feeds, isOnLoopback));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  endings.push(() => http.close());
  endings.push(() => http.closeAllConnections());
  endings.push(() => feeds.end());
  return { origin: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, feeds, http };
}

// fetch does not let one choose Host.
async function get(
  url: string,
  options: { method?: string; path?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number | undefined; headers: IncomingHttpHeaders; body: string }> {
  const request = httpRequest(url, options).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += chunk;
  return { status: response.statusCode, headers: response.headers, body };
}

describe('the page', () => {
  test('comes with a policy that lets in nothing from elsewhere', async () => {
    const { origin } = await start();
    const { status, headers, body } = await get(`${origin}/?x=1`);
    expect({ status, body }).toEqual({ status: 200, body: '<p>hello</p>' });
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    const policy = headers['content-security-policy'] ?? '';
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).toContain(`connect-src 'self' ${origin.replace('http', 'ws')} `);
    expect(policy).not.toContain('unsafe');
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  test('does not let a Host into the policy that is more than a host', async () => {
    const { origin } = await start(false);
    const { headers } = await get(origin, { headers: { Host: "x; script-src 'unsafe-inline'" } });
    expect(headers['content-security-policy']).not.toContain('unsafe');
  });

  test.each(['/nothing', '/../package.json', '/lib/%2e%2e/package.json'])(
    'has nothing at %s',
    async (path) => {
      const { origin } = await start();
      expect((await get(`${origin}${path}`)).status).toBe(404);
    },
  );

  test.each(['//', '//a:99999', 'http://'])('refuses the address %s, and lives on', async (path) => {
    const { origin } = await start();
    expect((await get(origin, { path })).status).toBe(400);
    expect((await get(origin)).status).toBe(200);
  });

  test('answers other methods with 405', async () => {
    const { origin } = await start();
    const { status, headers } = await get(origin, { method: 'POST' });
    expect({ status, allow: headers.allow }).toEqual({ status: 405, allow: 'GET, HEAD' });
  });

  test('answers HEAD without a body', async () => {
    const { origin } = await start();
    expect(await get(origin, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  });

  test('for this machine only is not shown under a foreign name', async () => {
    const { origin } = await start();
    expect((await get(origin, { headers: { Host: 'evil.example' } })).status).toBe(403);
    expect((await get(origin, { headers: { Host: 'localhost' } })).status).toBe(200);
  });

  test('for everybody is shown under any name', async () => {
    const { origin } = await start(false);
    expect((await get(origin, { headers: { Host: 'demo.example' } })).status).toBe(200);
  });
});

interface FeedEvent {
  readonly id: string;
  readonly name: string;
  readonly data: unknown;
}

/** Reads events until one has the name. */
async function readFeed(url: string, until: string, lastEventId?: string): Promise<FeedEvent[]> {
  const leave = new AbortController();
  const response = await fetch(url, {
    signal: leave.signal,
    headers: lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId },
  });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const events: FeedEvent[] = [];
  let text = '';
  for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const match = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(block);
      if (match !== null) events.push({ id: match[1], name: match[2], data: JSON.parse(match[3]) });
    }
    if (events.some(({ name }) => name === until)) break;
  }
  leave.abort();
  return events;
}

describe("the page's feed", () => {
  test('tells the handshake, every frame and the end of the connections that it watches', async () => {
    const { origin, feeds, http } = await start();
    const server = await serve(
      { server: http, path: '/lab', keepHandshake: true },
      { open: (connection) => feeds.of(page)?.watch('lab', connection) },
    );
    endings.push(() => server.close({ timeoutMs: 100 }));
    const connection = await connect(`${origin}/lab`);
    connection.send('Hi');
    await connection.close(4000, 'enough');

    const events = await readFeed(`${origin}/feed?page=${page}`, 'closed');
    expect(events.map(({ name }) => name)).toEqual(['opened', 'frame', 'frame', 'frame', 'closed']);
    const opened = events[0].data as FeedEvents['opened'];
    expect(opened.request).toMatch(/^GET \/lab HTTP\/1\.1\r\n/);
    expect(opened.response).toMatch(/^HTTP\/1\.1 101 /);
    const [hi, close, answer] = events.slice(1, 4).map(({ data }) => data as FeedEvents['frame']);
    const bytes = Buffer.from(hi.bytes, 'base64');
    expect([bytes[0], bytes[1], bytes.length]).toEqual([0x81, 0x82, 8]);
    expect([close.direction, answer.direction]).toEqual(['in', 'out']);
    expect(events[4].data).toMatchObject({ code: 4000, reason: 'enough', clean: true });

    // A reader that comes back gets what it has not seen, one of another run gets everything.
    const rest = await readFeed(`${origin}/feed?page=${page}`, 'closed', events[2].id);
    expect(rest.map(({ id }) => id)).toEqual(events.slice(3).map(({ id }) => id));
    expect(await readFeed(`${origin}/feed?page=${page}`, 'closed', 'other-4')).toHaveLength(5);
  });

  test('of a long payload shows the start', async () => {
    const { origin, feeds, http } = await start();
    const server = await serve(
      { server: http, path: '/lab' },
      {
        open: (connection) => {
          feeds.of(page)?.watch('lab', connection);
          connection.send(new Uint8Array(70_000));
        },
      },
    );
    endings.push(() => server.close({ timeoutMs: 100 }));
    await connect(`${origin}/lab`);
    const [, frame] = await readFeed(`${origin}/feed?page=${page}`, 'frame');
    const { bytes } = frame.data as FeedEvents['frame'];
    expect(Buffer.from(bytes, 'base64')).toHaveLength(10 + 1024);
  });

  test.each(['', 'x', page.toUpperCase(), `${page}0`])('has no page by the name %j', async (name) => {
    const { origin } = await start();
    expect((await get(`${origin}/feed?page=${name}`)).status).toBe(503);
  });

  test('is not for other sites', async () => {
    const { origin } = await start();
    const headers = { 'Sec-Fetch-Site': 'cross-site' };
    expect((await get(`${origin}/feed?page=${page}`, { headers })).status).toBe(403);
  });

  test('is there for so many pages only', () => {
    const feeds = new PageFeeds();
    endings.push(() => feeds.end());
    for (let index = 0; index < maxFeeds; index++) {
      expect(feeds.of(index.toString(16).padStart(32, '0'))).toBeDefined();
    }
    expect(feeds.of(page)).toBeUndefined();
    expect(feeds.of('0'.repeat(32))).toBeDefined();
  });
});
