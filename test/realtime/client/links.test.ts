import { beforeEach, describe, expect, test } from 'vitest';
import type { FallbackAddress } from '../../../src/realtime/client/links/fallback-request.ts';
import { pollLinks } from '../../../src/realtime/client/links/poll-link.ts';
import { streamLinks } from '../../../src/realtime/client/links/stream-link.ts';
import { webSocketLinks } from '../../../src/realtime/client/links/web-socket-link.ts';
import type { ClientLink, OpenClientLink } from '../../../src/realtime/link/link.ts';
import { settle } from '../../../src/testing.ts';

interface Asked {
  readonly init: RequestInit;
  readonly body: unknown;
  answer(response: Response): void;
  fail(error: Error): void;
}

interface Opened {
  readonly link: ClientLink;
  readonly texts: string[];
  readonly ends: unknown[];
  /** The requests so far. */
  readonly asked: Asked[];
}

async function openOver(links: (address: FallbackAddress) => OpenClientLink): Promise<Opened> {
  const asked: Asked[] = [];
  const texts: string[] = [];
  const ends: unknown[] = [];
  let polls = 0;
  const fetch: typeof globalThis.fetch = (_url, init = {}) =>
    new Promise((resolve, reject) => {
      init.signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
      const body: unknown = typeof init.body === 'string' ? JSON.parse(init.body) : undefined;
      asked.push({ init, body, answer: resolve, fail: reject });
    });
  const link = links({ url: 'https://host/realtime', fetch, credentials: 'same-origin' })(
    () => ({ v: 1, token: `T${++polls}` }),
    { received: (text) => texts.push(text), ended: (cause) => ends.push(cause) },
    () => ['s1', 'secret1'],
  );
  // The first hello is written when the turn is over.
  await settle();
  return { link, texts, ends, asked };
}

const json = (body: unknown, status = 200): Response => Response.json(body, { status });

describe('a stream', () => {
  function streaming(): { readonly response: Response; write(text: string): void; end(): void } {
    let writer: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        writer = controller;
      },
    });
    const bytes = new TextEncoder();
    return {
      response: new Response(body, { headers: { 'Content-Type': 'text/event-stream; charset=utf-8' } }),
      write: (text) => {
        // Byte by byte: characters and lines are cut anywhere.
        for (const byte of bytes.encode(text)) writer?.enqueue(new Uint8Array([byte]));
      },
      end: () => writer?.close(),
    };
  }

  test('asks by a POST of JSON with the hello in its body, and nothing in the address', async () => {
    const { asked } = await openOver(streamLinks);
    expect(asked).toHaveLength(1);
    expect(asked[0].body).toEqual({ link: 'stream', hello: { v: 1, token: 'T1' } });
    expect(asked[0].init).toMatchObject({
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      credentials: 'same-origin',
      redirect: 'error',
    });
  });

  test('brings each event, however its bytes are cut, and ends in order with the response', async () => {
    const { asked, texts, ends } = await openOver(streamLinks);
    const stream = streaming();
    asked[0].answer(stream.response);
    stream.write(': padding\n\ndata:["ä€😀"]\n\ndata:[]\n\n');
    await settle();
    expect(texts).toEqual(['["ä€😀"]', '[]']);
    expect(ends).toEqual([]);
    stream.end();
    await settle();
    expect(ends).toEqual([undefined]);
  });

  test('sends up what is said, together, one request at a time, and brings down their answers', async () => {
    const { link, asked, texts } = await openOver(streamLinks);
    link.send('[4,"a",0,"x",1]');
    link.send('[4,"b",0,"x",2]');
    await settle();
    expect(asked[1].body).toEqual({
      link: 'send',
      session: ['s1', 'secret1'],
      frames: [
        [4, 'a', 0, 'x', 1],
        [4, 'b', 0, 'x', 2],
      ],
    });
    for (let number = 0; number < 250; number++) link.send('[]');
    await settle();
    expect(asked).toHaveLength(2);
    asked[1].answer(json({ frames: [[5, 'a', 1]] }));
    await settle();
    expect(texts).toEqual(['{"frames":[[5,"a",1]]}']);
    expect(asked).toHaveLength(3);
    expect(asked[2].body).toMatchObject({ frames: { length: 200 } });
    asked[2].answer(json({ frames: [] }));
    await settle();
    expect(asked[3].body).toMatchObject({ frames: { length: 50 } });
  });

  test('sends up once more what was lost with its connection, and ends when it is lost again, or refused, and that is no goodbye', async () => {
    const refused = await openOver(streamLinks);
    refused.link.send('[]');
    await settle();
    refused.asked[1].answer(json({ error: { code: 'UNAUTHENTICATED', message: 'm' } }, 401));
    const lost = await openOver(streamLinks);
    lost.link.send('[]');
    await settle();
    lost.asked[1].fail(new TypeError('the first'));
    await settle();
    expect(lost.ends).toEqual([]);
    expect(lost.asked[2].body).toEqual(lost.asked[1].body);
    lost.asked[2].fail(new TypeError('network'));
    await settle();
    expect([refused.texts, refused.ends.length, lost.ends]).toEqual([[], 1, [new TypeError('network')]]);
    expect(refused.asked[0].init.signal?.aborted).toBe(true);
  });

  test('tells an error of our server as the goodbye that it is, and a page of somebody else as none', async () => {
    const ours = await openOver(streamLinks);
    ours.asked[0].answer(json({ error: { code: 'UNAVAILABLE', message: 'm', retryable: true } }, 503));
    const others = await openOver(streamLinks);
    others.asked[0].answer(new Response('<html>', { status: 502 }));
    const portal = await openOver(streamLinks);
    portal.asked[0].answer(new Response('<html>', { headers: { 'Content-Type': 'text/html' } }));
    await settle();
    expect(ours.texts.map((text): unknown => JSON.parse(text))).toEqual([
      [10, { code: 'UNAVAILABLE', message: 'm', retryable: true }],
    ]);
    expect([others.texts, portal.texts]).toEqual([[], []]);
    expect([ours.ends.length, others.ends.length, portal.ends.length]).toEqual([1, 1, 1]);
  });

  test('that is closed aborts its requests and tells nothing any more', async () => {
    const { link, asked, ends } = await openOver(streamLinks);
    link.close();
    link.close();
    await settle();
    expect([ends, asked[0].init.signal?.aborted]).toEqual([[], true]);
  });
});

describe('a poll', () => {
  test('asks again after each answer with a new hello; only the first wants its answer at once', async () => {
    const { asked, texts } = await openOver(pollLinks);
    expect(asked[0].body).toEqual({ link: 'poll', hello: { v: 1, token: 'T1' }, now: true });
    asked[0].answer(json({ frames: [[]] }));
    await settle();
    expect(asked[1].body).toEqual({ link: 'poll', hello: { v: 1, token: 'T2' } });
    expect(texts).toEqual(['{"frames":[[]]}']);
  });

  test('ends at an answer that is none of our server', async () => {
    const { asked, texts, ends } = await openOver(pollLinks);
    asked[0].answer(new Response('<html>log in</html>'));
    await settle();
    expect([texts, ends.length, asked.length]).toEqual([[], 1, 1]);
  });

  test('asks no more when it was closed while an answer came', async () => {
    const { link, asked, texts } = await openOver(pollLinks);
    link.close();
    asked[0].answer(json({ frames: [] }));
    await settle();
    expect([asked.length, texts]).toEqual([1, []]);
  });
});

class FakeSocket {
  static made: FakeSocket[] = [];
  readyState = 0;
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  readonly sent: string[] = [];
  readonly url: string;
  readonly protocols: string;

  constructor(url: string, protocols: string) {
    this.url = url;
    this.protocols = protocols;
    FakeSocket.made.push(this);
  }

  send(data: string): void {
    this.sent.push(data);
  }

  close(): void {
    this.readyState = 2;
  }

  opens(): void {
    this.readyState = 1;
    this.#tell(this.onopen, {});
  }

  receives(data: string): void {
    this.#tell(this.onmessage, { data });
  }

  ends(code: number, reason: string): void {
    this.#tell(this.onclose, { code, reason });
  }

  #tell(handler: ((event: never) => void) | null, event: object): void {
    handler?.(event as never);
  }
}

describe('a WebSocket', () => {
  beforeEach(() => {
    FakeSocket.made.length = 0;
  });

  function open(): {
    readonly socket: FakeSocket;
    readonly link: ClientLink;
    readonly texts: string[];
    readonly ends: unknown[];
  } {
    const texts: string[] = [];
    const ends: unknown[] = [];
    const link = webSocketLinks('wss://host/realtime', FakeSocket)(
      () => ({ v: 1 }),
      { received: (text) => texts.push(text), ended: (cause) => ends.push(cause) },
      () => undefined,
    );
    const socket = FakeSocket.made.at(-1);
    if (socket === undefined) throw new Error('none was made');
    return { socket, link, texts, ends };
  }

  test('names the subprotocol, says hello first, and carries text both ways', () => {
    const { socket, link, texts } = open();
    expect([socket.url, socket.protocols]).toEqual(['wss://host/realtime', 'fullduplex.v1.json']);
    link.send('too early');
    socket.opens();
    link.send('[]');
    socket.receives('[1]');
    expect(socket.sent).toEqual(['[1,{"v":1}]', '[]']);
    expect(texts).toEqual(['[1]']);
  });

  test('that ends tells why', () => {
    const { socket, ends } = open();
    socket.ends(1006, '');
    expect(ends).toEqual([new Error('WebSocket closed: 1006 ')]);
  });

  test('that is closed tells nothing any more, and does not wait for the peer', async () => {
    const { socket, link, texts, ends } = open();
    socket.opens();
    link.close();
    socket.receives('[1]');
    socket.ends(1006, '');
    await settle();
    expect([texts, ends, socket.readyState]).toEqual([[], [], 2]);
  });
});
