import { request as httpRequest } from 'node:http';
import { once } from 'node:events';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Connection, connect, serve } from 'fullduplex';
import { type InspectorOptions, serveInspector } from 'fullduplex/inspector';
import { mostListed } from '../../src/inspector/inspection.ts';
import type { InspectorMessage, InspectorState, PageMessage } from '../../src/inspector/messages.ts';
import { maxFramesAtOnce, maxShownBytes } from '../../src/inspector/viewer.ts';
import { until } from '../node/raw-client.ts';

const key = 'a key that nobody guesses';
const endings: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

/** A page in the eyes of the inspector. */
class Page {
  readonly messages: InspectorMessage[] = [];
  readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
    connection.attach({
      message: (_, text) => void this.messages.push(JSON.parse(String(text))),
    });
  }

  say(message: PageMessage): void {
    this.connection.send(JSON.stringify(message));
  }

  get states(): readonly InspectorState[] {
    return this.messages.flatMap((message) => (message.kind === 'state' ? [message.state] : []));
  }

  get frames() {
    return this.messages.flatMap((message) => (message.kind === 'frames' ? message.frames : []));
  }

  async nextState(): Promise<InspectorState> {
    const seen = this.states.length;
    await until(() => this.states.length > seen);
    return this.states[seen];
  }
}

async function inspected(options: Partial<InspectorOptions> = {}) {
  const server = await serve(
    { port: 0, host: '127.0.0.1' },
    { message: (connection, message) => void connection.send(message) },
  );
  endings.push(() => server.close({ timeoutMs: 0 }));
  const inspector = await serveInspector({ server, intervalMs: 100, ...options });
  endings.push(() => inspector.close());
  const open = async (headers: Record<string, string> = {}): Promise<Page> => {
    const url = `${inspector.url.replace('http', 'ws')}/live`;
    const connection = await connect(url, { headers: { Origin: inspector.url, ...headers } });
    endings.push(() => connection.terminate());
    return new Page(connection);
  };
  return { server, inspector, open };
}

async function client(url: string): Promise<Connection> {
  const connection = await connect(url);
  endings.push(() => connection.terminate());
  return connection;
}

const handshake = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

async function statusOf(url: string, headers: Record<string, string>): Promise<number | undefined> {
  const request = httpRequest(url, { headers }).end();
  const [response] = await once(request, 'response');
  response.resume();
  return response.statusCode;
}

describe('the inspector', () => {
  test('tells how things stand, again and again', async () => {
    const { server, open } = await inspected();
    const one = await client(`${server.url}/chat?token=secret`);
    one.send('hello');
    const page = await open();
    await until(() => page.states.some(({ connections }) => connections[0]?.messages.in === 1));
    const state = await page.nextState();
    expect(state.server.connections).toMatchObject({ open: 1, total: 1 });
    expect(state.connections).toMatchObject([
      { url: `${server.url}/chat`, remoteAddress: '127.0.0.1', readyState: 'open', messages: { in: 1 } },
    ]);
    expect(state.hub).toBeNull();
    expect(JSON.stringify(page.messages)).not.toContain('secret');
    await one.close();
    await until(() => page.states.at(-1)?.connections.length === 0);
  });

  test('names a bounded number of connections, those that hold most first', async () => {
    const { server, open } = await inspected();
    const all = await Promise.all(Array.from({ length: mostListed + 5 }, () => client(server.url)));
    await until(() => server.connections.size === all.length);
    const [, , slow] = [...server.connections];
    slow.pause();
    for (const connection of all) connection.send('x'.repeat(1000));
    const page = await open();
    const state = await page.nextState();
    expect(state.connections).toHaveLength(mostListed);
    expect(state.server.connections).toMatchObject({ open: mostListed + 5, paused: 1 });
    const ids = state.connections.map(({ id }) => id);
    expect(ids.toSorted((a, b) => a - b)).toEqual(ids);
  });

  test('shows the frames of one connection and of no other, until it is told to stop', async () => {
    const { server, open } = await inspected();
    const watched = await client(server.url);
    const other = await client(server.url);
    await until(() => server.connections.size === 2);
    const [{ id }] = server.connections;
    const page = await open();
    page.say({ kind: 'watch', connection: id });
    const before = page.states.length;
    await until(() => page.states.length > before + 1);
    watched.send('seen');
    watched.send(new Uint8Array(maxShownBytes + 1).fill(7));
    other.send('unseen');
    await until(() => page.frames.length === 4);
    const ways = page.frames.toSorted((a, b) => a.direction.localeCompare(b.direction));
    expect(ways).toMatchObject([
      { direction: 'in', opcode: 'text', text: 'seen', payloadLength: 4, masked: true, isCut: false },
      { direction: 'in', opcode: 'binary', payloadLength: maxShownBytes + 1, isCut: true },
      { direction: 'out', opcode: 'text', text: 'seen', masked: false },
      { direction: 'out', opcode: 'binary', isCut: true },
    ]);
    expect(ways[1].hex).toBe('07'.repeat(maxShownBytes));
    page.say({ kind: 'watch', connection: null });
    const states = page.states.length;
    await until(() => page.states.length > states + 1);
    watched.send('after');
    for await (const message of watched) if (message === 'after') break;
    await page.nextState();
    await page.nextState();
    expect(page.frames).toHaveLength(4);
    expect(JSON.stringify(page.messages)).not.toContain('unseen');
  });

  test('says that a connection is gone, and that one never was there', async () => {
    const { server, open } = await inspected();
    const watched = await client(server.url);
    const [{ id }] = server.connections;
    const page = await open();
    page.say({ kind: 'watch', connection: 999_999 });
    await until(() => page.messages.some(({ kind }) => kind === 'gone'));
    page.say({ kind: 'watch', connection: id });
    const state = page.states.length;
    await until(() => page.states.length > state + 1);
    await watched.close(4001);
    await until(() => page.messages.filter(({ kind }) => kind === 'gone').length === 2);
    expect(page.messages.filter(({ kind }) => kind === 'gone')).toEqual([
      { kind: 'gone', connection: 999_999 },
      { kind: 'gone', connection: id },
    ]);
    expect(page.frames.map(({ opcode }) => opcode)).toEqual(['close', 'close']);
  });

  test('leaves nothing on a watched connection behind for the pages that came and went', async () => {
    const { server, open } = await inspected();
    const watched = await client(server.url);
    const [connection] = server.connections;
    // What waits for its end would stay until then.
    const waiting = vi.spyOn(connection.closed, 'then');
    let observing = 0;
    const observe = connection.observe.bind(connection);
    connection.observe = (observer) => {
      observing++;
      const stop = observe(observer);
      return () => {
        observing--;
        stop();
      };
    };
    for (let count = 1; count <= 3; count++) {
      const page = await open();
      page.say({ kind: 'watch', connection: connection.id });
      await until(() => observing === 1);
      watched.send(`seen by page ${count}`);
      await until(() => page.frames.length === 2);
      await page.connection.close();
      await until(() => observing === 0);
    }
    expect(waiting).not.toHaveBeenCalled();
    await watched.close();
  });

  test('counts frames that are too many to show', async () => {
    const { server, open } = await inspected();
    const watched = await client(server.url);
    const [{ id }] = server.connections;
    const page = await open();
    page.say({ kind: 'watch', connection: id });
    const state = page.states.length;
    await until(() => page.states.length > state + 1);
    for (let sent = 0; sent < maxFramesAtOnce * 2; sent++) watched.send('x');
    const told = (): number =>
      page.messages.reduce(
        (sum, message) => sum + (message.kind === 'frames' ? message.frames.length + message.dropped : 0),
        0,
      );
    await until(() => told() === maxFramesAtOnce * 4);
    for (const message of page.messages) {
      if (message.kind === 'frames') expect(message.frames.length).toBeLessThanOrEqual(maxFramesAtOnce);
    }
    expect(page.frames.length).toBeLessThan(maxFramesAtOnce * 4);
  });

  test('looks at nothing while nobody looks', async () => {
    let looks = 0;
    const { server } = await inspected();
    const counting = {
      connections: server.connections,
      snapshot: () => {
        looks++;
        return server.snapshot();
      },
    };
    const { open, inspector } = await inspected({ server: counting });
    const first = await open();
    const second = await open();
    await first.nextState();
    await second.nextState();
    await first.connection.close();
    await second.connection.close();
    expect(looks).toBeGreaterThan(0);
    await fetch(inspector.url);
    // Longer than three intervals; the first of them may have begun before the inspector knew that the pages are gone.
    let before = looks;
    for (let time = 0; time < 2; time++) {
      before = looks;
      await new Promise((resolve) => {
        setTimeout(resolve, 350);
      });
    }
    expect(looks).toBe(before);
  });

  test('ends without what it inspects', async () => {
    const { server, inspector, open } = await inspected();
    const connection = await client(server.url);
    const page = await open();
    await page.nextState();
    await inspector.close();
    await page.connection.closed;
    connection.send('still there');
    for await (const message of connection) {
      expect(message).toBe('still there');
      break;
    }
  });
});

describe('who may look', () => {
  test('others on the network need a key, and it has to be one that nobody guesses', async () => {
    const { server } = await inspected();
    await expect(serveInspector({ server, host: '0.0.0.0' })).rejects.toMatchObject({
      code: 'WS_OPTION_INVALID',
      message: expect.stringContaining('there is no key'),
    });
    await expect(serveInspector({ server, key: 'short' })).rejects.toMatchObject({
      code: 'WS_OPTION_INVALID',
      message: expect.stringContaining('key has 5 characters'),
    });
    await expect(serveInspector({ server, intervalMs: 1 })).rejects.toMatchObject({
      code: 'WS_OPTION_INVALID',
    });
  });

  test('nothing is told before the key, and a wrong one ends the connection', async () => {
    const { server, open } = await inspected({ key });
    await client(server.url);
    const page = await open();
    await until(() => page.messages.length > 0);
    page.say({ kind: 'watch', connection: 1 });
    expect(await page.connection.closed).toMatchObject({ code: 1008, reason: 'the key comes first' });
    const guessing = await open();
    guessing.say({ kind: 'unlock', key: `${key}!` });
    expect(await guessing.connection.closed).toMatchObject({ code: 1008, reason: 'wrong key' });
    expect([...page.messages, ...guessing.messages]).toEqual([{ kind: 'locked' }, { kind: 'locked' }]);
    const right = await open();
    right.say({ kind: 'unlock', key });
    await right.nextState();
  });

  test('pages of others, and names that are not of this machine, are refused', async () => {
    const { inspector, open } = await inspected();
    await expect(open({ Origin: 'https://evil.example' })).rejects.toMatchObject({ status: 403 });
    // A name of the attacker that suddenly means 127.0.0.1.
    const rebound = { Host: 'evil.example', Origin: 'http://evil.example' };
    expect(await statusOf(`${inspector.url}/live`, { ...handshake, ...rebound })).toBe(403);
    expect(await statusOf(inspector.url, { Host: 'evil.example' })).toBe(403);
    expect(await statusOf(inspector.url, {})).toBe(200);
    expect(await statusOf(`${inspector.url}/lib/inspector/viewer.js`, {})).toBe(404);
  });

  test('what is no message of a page ends its connection', async () => {
    const { open } = await inspected();
    for (const text of [
      '{',
      '[]',
      'null',
      '{"kind":"watch"}',
      '{"kind":"watch","connection":"1"}',
      '{"kind":7}',
    ]) {
      const page = await open();
      page.connection.send(text);
      expect(await page.connection.closed).toMatchObject({ code: 1008 });
    }
  });
});
