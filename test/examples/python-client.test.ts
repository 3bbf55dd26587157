// The client in Python against a hub over real sockets, through a proxy that cuts its connection in the middle.

import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { Hub, serveRealtime, typed } from '../../src/realtime.ts';

const python = '/usr/bin/python3';
const program = fileURLToPath(new URL('../../examples/python-client/client.py', import.meta.url));
const hasPython = spawnSync(python, ['-c', 'import websockets']).status === 0;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function startHub(): Promise<{ hub: Hub<typeof contract>; port: number }> {
  const hub = new Hub(contract);
  hub.channel('chat:{room}', { publish: ({ data }) => data.text !== 'forbidden' });
  let count = 0;
  hub.call('add', ({ a, b }) => ({ sum: a + b, count: ++count }));
  const server = await serveRealtime(hub, { host: '127.0.0.1', port: 0 });
  ends.push(
    () => hub.close(),
    () => server.close(),
  );
  return { hub, port: server.port };
}

const contract = {
  version: '1.0',
  channels: { 'chat:{room}': { events: { message: typed<{ text: string }>() } } },
  calls: {
    add: { input: typed<{ a: number; b: number }>(), output: typed<{ sum: number; count: number }>() },
  },
} as const;

/** Passes bytes on, until it is told to cut everything. */
class Proxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  isClosed = false;
  /** Whether nothing that the server says gets through. */
  isDeaf = false;

  constructor(port: number) {
    this.#server = createServer((socket) => {
      if (this.isClosed) {
        socket.destroy();
        return;
      }
      const upstream = connect(port, '127.0.0.1');
      socket.pipe(upstream);
      upstream.on('data', (chunk) => {
        if (!this.isDeaf) socket.write(chunk);
      });
      for (const end of [socket, upstream]) {
        this.#sockets.add(end);
        end.on('error', () => undefined);
        end.on('close', () => {
          socket.destroy();
          upstream.destroy();
        });
      }
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await new Promise((resolve) => this.#server.once('listening', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}

/** The program, by lines. */
class Program {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly exit: Promise<number | null>;

  constructor(url: string) {
    this.#child = spawn(python, [program, url, 'chat:42']);
    this.#child.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.exit = new Promise((resolve) => {
      this.#child.on('exit', resolve);
    });
    ends.push(() => this.#child.kill());
  }

  say(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  end(): void {
    this.#child.stdin.end();
  }

  /** The next lines, in whatever order they come. */
  async next(count: number): Promise<unknown[]> {
    const values: unknown[] = [];
    while (values.length < count) {
      const { value, done } = await this.#lines.next();
      if (done === true) throw new Error(`the program ended after ${JSON.stringify(values)}`);
      values.push(JSON.parse(value));
    }
    return values;
  }
}

test.runIf(hasPython || process.env['CI'] !== undefined)(
  'subscribes, publishes, calls, loses its connection and recovers, each thing once (apt-get install python3-websockets)',
  async () => {
    const { hub, port } = await startHub();
    const proxy = new Proxy(port);
    const proxyPort = await proxy.listen();
    ends.push(() => proxy.close());
    const room = hub.channel('chat:42');
    await room.publish('message', { text: 'before' });
    const client = new Program(`ws://127.0.0.1:${proxyPort}/realtime`);
    expect(await client.next(1)).toEqual([{ event: 'message', data: { text: 'before' }, offset: 1 }]);

    client.say('hello');
    expect(await client.next(2)).toEqual(
      expect.arrayContaining([
        { event: 'message', data: { text: 'hello' }, offset: 2 },
        { published: { offset: 2 } },
      ]),
    );
    client.say('/add {"a":1,"b":2}');
    expect(await client.next(1)).toEqual([{ call: 'add', result: { sum: 3, count: 1 } }]);
    client.say('forbidden');
    expect(await client.next(1)).toEqual([{ error: expect.stringContaining('FORBIDDEN') }]);

    // The call is run, and its answer does not get through.
    proxy.isDeaf = true;
    const ran = hub.snapshot().calls.total;
    client.say('/add {"a":2,"b":2}');
    while (hub.snapshot().calls.total === ran) await new Promise((resolve) => setImmediate(resolve));
    proxy.isClosed = true;
    proxy.cut();
    await room.publish('message', { text: 'missed' });
    await room.publish('message', { text: 'missed too' });
    client.say('later');
    [proxy.isDeaf, proxy.isClosed] = [false, false];
    const recovered = await client.next(5);
    expect(recovered.slice(0, 2)).toEqual([
      { event: 'message', data: { text: 'missed' }, offset: 3 },
      { event: 'message', data: { text: 'missed too' }, offset: 4 },
    ]);
    expect(recovered).toEqual(
      expect.arrayContaining([
        { event: 'message', data: { text: 'later' }, offset: 5 },
        { published: { offset: 5 } },
        { call: 'add', result: { sum: 4, count: 2 } },
      ]),
    );
    client.end();
    expect(await client.exit).toBe(0);
  },
  60_000,
);
