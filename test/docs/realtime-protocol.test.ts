// The examples and tables of docs/realtime-protocol.md against the code, in both directions: what clients say there is read by the server's
// reader, what the server says is written by its writers and read by the client, and a whole session is played to a hub and to a client.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readFrames } from '../../src/realtime/client/frame-text.ts';
import { defaultRetention } from '../../src/realtime/server/channel-declaration.ts';
import { defaultFallbackLimits } from '../../src/realtime/server/fallback/fallback-options.ts';
import {
  maxFramesPerRequest,
  readFallbackRequest,
} from '../../src/realtime/server/fallback/fallback-request.ts';
import { StreamLink } from '../../src/realtime/server/fallback/stream-link.ts';
import { readClientFrame } from '../../src/realtime/server/frame-reader.ts';
import { defaultHubLimits, defaultSessionRate } from '../../src/realtime/server/hub-options.ts';
import { maxHeldTexts } from '../../src/realtime/server/session-link.ts';
import {
  mapFormat,
  PublicationFormat,
  skipFrame,
  snapshotFrame,
} from '../../src/realtime/server/stream-frames.ts';
import { maxChannelNameBytes } from '../../src/realtime/wire/channel-pattern.ts';
import { maxJsonDepth, readClientText } from '../../src/realtime/wire/client-text.ts';
import { goodbyeCloseCodes } from '../../src/realtime/wire/error-codes.ts';
import { FrameType } from '../../src/realtime/wire/frames.ts';
import { readJson, writeJson } from '../../src/realtime/wire/json-codec.ts';
import { patchJson } from '../../src/realtime/wire/json-delta.ts';
import { readPosition } from '../../src/realtime/wire/stream-position.ts';
import { FakeClock, settle } from '../../src/testing.ts';
import { scripted } from '../realtime/client/scripted-links.ts';
import { playSession, readSession } from './realtime-session.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const text = readFileSync(join(root, 'docs/realtime-protocol.md'), 'utf8');

/** The lines of all blocks with these words behind the fence. */
function linesOf(words: string): string[] {
  const blocks = [...text.matchAll(/^```(.+)\n([\s\S]*?)^```$/gm)].filter(([, head]) => head === words);
  expect(blocks.length, words).toBeGreaterThan(0);
  return blocks.flatMap(([, , body]) => body.split('\n').filter((line) => line !== ''));
}

/** The rows of the table that begins with this head. */
function rowsOf(head: string): string[][] {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${head} |`));
  expect(start, head).toBeGreaterThan(0);
  const rows = lines.slice(start + 2);
  return rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith('|')),
    )
    .map((line) => line.split(' | ').map((cell) => cell.replaceAll(/^\||\|$/g, '').trim()));
}

function arrayOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`no array: ${String(value)}`);
  return value;
}

const fromClient = linesOf('json from client');
const fromServer = linesOf('json from server');

describe('what a client says', () => {
  test.each(fromClient)('%s is read as it stands there', (line) => {
    const frames = readClientText(line);
    expect(frames).toHaveLength(1);
    expect(readClientFrame(frames[0])).toEqual(JSON.parse(line));
    expect(JSON.stringify(JSON.parse(line))).toBe(line);
  });

  test('covers every type of frame that clients send', () => {
    const types = new Set(fromClient.map((line) => Number(/^\[(\d+)/.exec(line)?.[1])));
    expect([...types].toSorted((a, b) => a - b)).toEqual([1, 4, 5, 6, 7, 8, 14]);
  });

  test.each(linesOf('json both'))('%s is a message for either side', (line) => {
    expect(readClientText(line).map(readClientFrame)).toEqual(readFrames(line));
  });
});

const publications = new PublicationFormat({
  events: ['message', 'typing'],
  meta: { user: true, at: true },
  hasChanges: false,
  isVolatile: false,
  mayJump: false,
  keyOf: () => '',
});
const bare = {
  events: ['message'],
  hasChanges: false,
  meta: { user: false, at: false },
  mayJump: false,
  keyOf: () => '',
};

/** What the code writes for the same content. */
function written(line: string): string | undefined {
  const frame = arrayOf(JSON.parse(line));
  const [type, alias, step, third, fourth, fifth, sixth] = frame;
  const entry = {
    offset: 1,
    id: typeof fifth === 'string' ? fifth : '',
    atMs: 0,
    name: 'message',
    data: JSON.stringify(fourth),
  };
  switch (type) {
    case FrameType.publication: {
      if (step === 0)
        return new PublicationFormat({ ...bare, isVolatile: true }).frame(Number(alias), 0, {
          ...entry,
          kind: 'publication',
        });
      const { user, at }: { user?: string; at?: number } = Object(sixth);
      const format =
        sixth === undefined ? new PublicationFormat({ ...bare, isVolatile: false }) : publications;
      return format.frame(Number(alias), Number(step), {
        ...entry,
        kind: 'publication',
        ...(user === undefined ? {} : { user }),
        atMs: at ?? 0,
      });
    }
    case FrameType.entry: {
      const kind = fourth === null ? 'delete' : 'set';
      return mapFormat.frame(Number(alias), Number(step), { ...entry, kind, name: String(third) });
    }
    case FrameType.skipped: {
      const { position, gap } = Object(third);
      const place = readPosition(position);
      return place && skipFrame(Number(alias), Number(step), place, gap);
    }
    case FrameType.snapshot:
      return snapshotFrame(
        Number(alias),
        Object.entries(Object(step)).map(([key, value]) => ({ key, value: JSON.stringify(value) })),
      );
    default:
      return undefined;
  }
}

describe('what a server says', () => {
  test.each(fromServer)('%s is read by the client as it stands there', (line) => {
    expect(readFrames(line)).toEqual([JSON.parse(line)]);
    expect(JSON.stringify(JSON.parse(line))).toBe(line);
  });

  test.each(fromServer.filter((line) => /^\[(2|3|11|12),/.test(line)))(
    '%s is what the server writes',
    (line) => {
      expect(written(line)).toBe(line);
    },
  );

  test('covers every type of frame that servers send', () => {
    const types = new Set(fromServer.map((line) => Number(/^\[(\d+)/.exec(line)?.[1])));
    const expected = Object.values(FrameType).filter((type) => type !== FrameType.unsubscribe);
    expect([...types].toSorted((a, b) => a - b)).toEqual(expected.toSorted((a, b) => a - b));
  });

  test('has changes that a client can apply', () => {
    const [change] = fromServer.filter((line) => line.startsWith('[15,'));
    const [, , , , delta] = arrayOf(JSON.parse(change));
    expect(patchJson({ bid: 100, note: 'x' }, Object(delta))).toEqual({ bid: 101.5 });
  });
});

describe('bytes', () => {
  test('are written and read as the examples show', () => {
    const [bytes, escaped] = linesOf('json bytes');
    const icon = { icon: new Uint8Array([0xfb, 0xff, 0xbf, 0x01]) };
    expect([writeJson(icon), readJson(bytes)]).toEqual([bytes, icon]);
    expect([writeJson({ $bytes: 'a real key' }), readJson(escaped)]).toEqual([
      escaped,
      { $bytes: 'a real key' },
    ]);
  });
});

describe('fallbacks', () => {
  test.each(linesOf('json fallback'))('%s is the body of a request', (line) => {
    const body: { link: string; frames?: unknown } = JSON.parse(line);
    const read = readFallbackRequest(body);
    expect(read.link).toBe(body.link);
    if (read.link === 'send') expect(read.frames).toEqual(body.frames);
  });

  test('a stream writes its messages as the example shows', async () => {
    const [, block] = /```text\n(data: [\s\S]*?)```/.exec(text) ?? [];
    const link = new StreamLink({ ...defaultFallbackLimits, clock: new FakeClock() }, () => undefined);
    for (const [, message] of block.matchAll(/^data: (.*)$/gm)) link.send(message);
    link.close();
    const body = await new Response(link.body).text();
    expect(body.replace(/^:.*\n\n/, '')).toBe(block);
  });
});

describe('the cost', () => {
  const lines = linesOf('json overhead');

  test('of a publication of 20 bytes is 17 bytes, at any offset and with any name of its event', () => {
    const data = '{"text":"hello you"}';
    expect(data).toHaveLength(20);
    const format = new PublicationFormat({ ...bare, isVolatile: false });
    const frames = [1, 99, 999].map((alias) =>
      format.frame(alias, 1, {
        kind: 'publication',
        offset: 1_000_000_000,
        id: 'Yb3q',
        name: 'message',
        data,
        atMs: 0,
      }),
    );
    expect(frames).toEqual(lines);
    expect(frames.map((frame) => (frame?.length ?? 0) - data.length)).toEqual([17, 18, 19]);
    expect(text).toContain('The data here has 20 bytes, and the frames 37, 38 and 39.');
  });
});

describe('tables', () => {
  test('the types of frames are those of the code', () => {
    const types = new Set(
      rowsOf('type')
        .map(([type]) => Number(type))
        .filter((type) => !Number.isNaN(type)),
    );
    expect([...types].toSorted((a, b) => a - b)).toEqual(Object.values(FrameType).toSorted((a, b) => a - b));
  });

  test('the close codes are those of the code', () => {
    const codes = Object.fromEntries(
      rowsOf('code').map(([code, close]) => [code.replaceAll('`', ''), Number(close)]),
    );
    expect(codes).toEqual(goodbyeCloseCodes);
  });

  test('the limits are those of the code', () => {
    const limits = Object.fromEntries(rowsOf('limit').map(([name, value]) => [name, value]));
    const { maxFrameBytes, helloTimeoutMs, maxSubscriptions, maxPendingRequests } = defaultHubLimits;
    const { requestTimeoutMs, idempotencyWindowMs, sessionTtlMs, maxHistory, maxBufferedBytes } =
      defaultHubLimits;
    expect(limits).toEqual({
      'one message of a client': `${maxFrameBytes / 2 ** 20} MiB`,
      'arrays and objects within each other': `${maxJsonDepth} levels`,
      'the hello, after the opening': `${helloTimeoutMs / 1000} s`,
      'messages before the welcome, together no longer than one may be': String(maxHeldTexts),
      'subscriptions of a session': String(maxSubscriptions),
      'requests of a session that run at once': String(maxPendingRequests),
      'requests that wait for their turn, together no longer than two messages':
        defaultHubLimits.maxQueuedRequests.toLocaleString('en-US'),
      'requests of a session': `${defaultSessionRate.perSecond} a second, ${defaultSessionRate.burst.toLocaleString('en-US')} at once`,
      'a request': `${requestTimeoutMs / 1000} s`,
      'the same request known again': `${idempotencyWindowMs / 60_000} min`,
      'a session without a link': `${sessionTtlMs / 60_000} min`,
      'a name of a channel': `${maxChannelNameBytes} bytes`,
      'one page of history': `${maxHistory.toLocaleString('en-US')} entries, 1 MiB`,
      'a keyed map that is sent as a whole': `${maxBufferedBytes / 2 ** 20} MiB`,
      'bytes that wait for a client that does not read': `${maxBufferedBytes / 2 ** 20} MiB`,
      'history of a `log` channel': `${defaultRetention.maxEntries} publications, ${defaultRetention.maxAgeMs / 60_000} min`,
      'frames in one `send` request': String(maxFramesPerRequest),
    });
  });
});

describe('the whole session', () => {
  const lines = readSession(linesOf('text session').join('\n'));

  test('is what a hub says to that client', async () => {
    expect(await playSession(lines)).toEqual(lines);
  });

  test('is what a client makes sense of', async () => {
    const scene = scripted({ token: 'ada' }, { version: '1.0' });
    const heard: unknown[] = [];
    const room = scene.client.channel('chat:42', { history: 10 });
    room.on('message', (data, publication) => {
      const { offset, user } = Object(publication);
      heard.push([data, offset, user]);
    });
    const errors: unknown[] = [];
    scene.client.on('error', (error) => {
      errors.push(error);
    });
    const results: Promise<unknown>[] = [];
    // The client has numbers and ids of its own: they are put in place of those of the session.
    const refs = new Map<string, string>();
    const say = (line: string): void => {
      let said = line;
      for (const [theirs, ours] of refs) said = said.replaceAll(theirs, ours);
      scene.link.saysText(said);
    };
    const refIn = (): number => Number(arrayOf(scene.link.hello().subs)[0]?.toString().split(',')[0]);
    for (const { by, text: line } of lines) {
      if (line === 'the connection is lost') {
        const { length } = scene.links;
        scene.link.dies();
        while (scene.links.length === length) scene.clock.advance(100);
      }
      if (by === 'client' && line.startsWith('[1,')) {
        refs.set(/"subs":\[\[\d+/.exec(line)?.[0] ?? '', `"subs":[[${refIn()}`);
      }
      if (by === 'client' && line.startsWith('[4,"x7-1"'))
        results.push(room.publish('message', { text: 'one' }));
      if (by === 'client' && line === '[4,"x7-2",0,"add",{"a":1,"b":2}]')
        results.push(scene.client.call('add', { a: 1, b: 2 }));
      const [, theirs] = /^\[4,("x7-\d")/.exec(line) ?? [];
      if (by === 'client' && theirs !== undefined && !line.includes('again')) {
        const [, id] = arrayOf(scene.link.last);
        refs.set(theirs, JSON.stringify(id));
      }
      if (by === 'server') say(line);
    }
    expect(await Promise.all(results)).toEqual([{ offset: 1 }, 3]);
    await settle();
    expect(heard).toEqual([
      [{ text: 'one' }, 1, 'ada'],
      [{ text: 'two' }, 2, 'bob'],
      [{ text: 'three' }, 3, 'bob'],
    ]);
    expect(errors).toEqual([expect.objectContaining({ code: 'UNKNOWN_FRAME' })]);
    scene.client.close();
  });
});
