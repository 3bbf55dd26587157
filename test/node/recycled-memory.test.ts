// Nobody ever sees bytes of another message or connection: memory is used again by all connections of a process, so
// every message here is known to its receiver byte by byte, and recycled memory is overwritten at once (base/poison.ts).
// Many clients of all kinds, half of them so slow that what they get waits in the kernel, send and are sent whole and
// fragmented messages in any order, over sockets that take the direct ways and over those that do not.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type * as Library from '../../src/index.ts';
import type { ServerConnection, WebSocketServer } from '../../src/index.ts';
import { selfSignedCertificate } from './certificate.ts';
import { clientKinds, type Correspondent, correspond, sendInPieces, takeStreams } from './correspondents.ts';
import { type Content, letter, Postbox } from './letters.ts';
import { until } from './raw-client.ts';

type Deflate = Exclude<Library.ConnectOptions['perMessageDeflate'], undefined>;

const endpoints = ['copied', 'borrowed', 'streamed'] as const;
const places = clientKinds.flatMap((kind) => endpoints.map((endpoint) => ({ kind, endpoint })));
// Streams of letters: one of each client, one to each client, and one to all.
const toClients = 1000;
const toAll = 2000;
// Every other letter of a client comes back.
const isAnswered = (seq: number): boolean => seq % 2 === 0;

const takeover: Deflate = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  thresholdBytes: 64,
};
const noTakeover: Deflate = { thresholdBytes: 64 };

const script = fc.array(
  fc.record({
    act: fc.constantFrom(
      'up',
      'up',
      'up',
      'down',
      'down',
      'publish',
      'ping',
      'pause',
      'resume',
      'turn',
      'turn',
    ),
    who: fc.nat(places.length - 1),
    type: fc.constantFrom('text', 'binary'),
    length: fc.oneof(
      { weight: 6, arbitrary: fc.nat(200) },
      { weight: 4, arbitrary: fc.integer({ min: 200, max: 6000 }) },
      { weight: 2, arbitrary: fc.constantFrom(16_360, 32_756, 32_757, 65_536) },
      // What is passed on by reference, although it lies in one read.
      { weight: 3, arbitrary: fc.integer({ min: 32_000, max: 64_000 }) },
      { weight: 1, arbitrary: fc.integer({ min: 64_000, max: 120_000 }) },
      { weight: 1, arbitrary: fc.integer({ min: 300_000, max: 340_000 }) },
    ),
    pieces: fc.constantFrom(1, 1, 2, 3),
    times: fc.integer({ min: 1, max: 4 }),
  }),
  { minLength: 150, maxLength: 200 },
);
type Step = typeof script extends fc.Arbitrary<readonly (infer Each)[]> ? Each : never;

/** A server and its clients, and what has gone wrong with any of them. */
class Stage {
  readonly failures: unknown[] = [];
  readonly server: WebSocketServer;
  clients: readonly Correspondent[] = [];
  /** The most that waited for the kernel at a time. */
  mostPending = 0;
  #isClosing = false;
  readonly #sent = new Map<number, number>();
  readonly #postboxes = places.map((_, index) => new Postbox(`the server's side of client ${index}`));
  readonly #connections: ServerConnection[] = [];
  // What was sent and not overwritten yet.
  readonly #unsent: { readonly owner: { readonly bufferedAmount: number }; readonly content: Uint8Array }[] =
    [];

  private constructor(server: WebSocketServer) {
    this.server = server;
  }

  static async open(library: typeof Library, target: Library.ServeTarget, deflate: Deflate): Promise<Stage> {
    const server = await library.serve({
      ...target,
      path: '/nowhere',
      onError: (error) => stage.failures.push(error),
    });
    const stage = new Stage(server);
    const options = { perMessageDeflate: deflate, pingIntervalMs: 0, maxQueuedBytes: 2 ** 28 };
    const open = (connection: ServerConnection): void => stage.#opened(connection);
    const close = (connection: ServerConnection, info: Library.ClosedInfo): void => {
      if (!stage.#isClosing) stage.failed({ path: connection.url.pathname, ...info });
    };
    const answer = (connection: ServerConnection, content: Content): number =>
      stage.#answer(connection, content);
    server.endpoint('/copied', options, {
      open,
      close,
      message: (connection, content) => {
        const seq = answer(connection, content);
        // What does not go back is the receiver's own, to do with it what it likes.
        if (!isAnswered(seq) && typeof content !== 'string') content.fill(0xee);
      },
    });
    server.endpoint(
      '/borrowed',
      { ...options, binaryMessages: 'borrowed' },
      {
        open,
        close,
        message: (connection, content) => void answer(connection, content),
      },
    );
    server.endpoint(
      '/streamed',
      { ...options, receive: 'streamed' },
      {
        close,
        open: (connection) => {
          open(connection);
          void takeStreams(connection, (content) => void answer(connection, content)).catch(stage.failed);
        },
      },
    );
    const url = `${server.url}${target.socketPath === undefined ? '' : ':'}`;
    const ca = target.tls === undefined ? undefined : String(target.tls.cert);
    stage.clients = await Promise.all(
      places.map(({ kind, endpoint }, index) =>
        correspond(library, kind, {
          url: `${url}/${endpoint}?n=${index}`,
          socketPath: target.socketPath,
          ca,
          deflate,
          postbox: new Postbox(`client ${index} (${kind}, ${endpoint})`),
          failed: stage.failed,
        }),
      ),
    );
    return stage;
  }

  readonly failed = (error: unknown): void => {
    this.failures.push(error);
  };

  async play(steps: readonly Step[]): Promise<void> {
    const slow = this.clients.filter((_, index) => index % 2 === 1);
    for (const client of slow) client.pause();
    for (const step of steps) {
      for (let time = 0; time < step.times; time++) this.#act(step);
      if (step.act === 'turn') await new Promise((resolve) => setImmediate(resolve));
      this.#look();
    }
    for (const client of slow) client.pause();
    for (let count = 0; count < 12; count++) this.#publish('binary', 60_000);
    await new Promise((resolve) => setImmediate(resolve));
    this.#look();
    for (const client of slow) client.resume();
    const postboxes = [...this.#postboxes, ...this.clients.map(({ postbox }) => postbox)];
    await until(() => {
      this.#look();
      return this.failures.length > 0 || postboxes.every(({ count, expected }) => count >= expected);
    });
    expect(this.failures).toEqual([]);
    for (const postbox of postboxes) {
      expect(postbox.count).toBe(postbox.expected);
      postbox.readAgain();
    }
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    for (const client of this.clients) client.resume();
    await this.server.close({ timeoutMs: 500 });
  }

  #act({ act, who, type, length, pieces }: Step): void {
    const client = this.clients[who];
    const connection = this.#connections[who];
    if (act === 'up') {
      const { content, seq } = this.#write(who, client, type, length);
      this.#postboxes[who].expected++;
      if (isAnswered(seq)) client.postbox.expected++;
      client.send(content, pieces);
    } else if (act === 'down') {
      const { content } = this.#write(toClients + who, connection, type, length);
      client.postbox.expected++;
      sendInPieces(connection, content, pieces);
    } else if (act === 'publish') this.#publish(type, length);
    else if (act === 'ping')
      client.ping(Uint8Array.from({ length: length % 126 }, (_, index) => index ^ who));
    else if (act === 'pause' && who % 2 === 1) client.pause();
    else if (act === 'resume' && who % 2 === 1) client.resume();
  }

  #publish(type: 'text' | 'binary', length: number): void {
    const { content } = this.#write(toAll, undefined, type, length);
    for (const { postbox } of this.clients) postbox.expected++;
    this.server.publish('all', content);
  }

  #write(
    stream: number,
    owner: Correspondent | ServerConnection | undefined,
    type: 'text' | 'binary',
    length: number,
  ) {
    const seq = this.#sent.get(stream) ?? 0;
    this.#sent.set(stream, seq + 1);
    const content = letter(stream, seq, type, length);
    if (owner !== undefined && typeof content !== 'string') this.#unsent.push({ owner, content });
    return { content, seq };
  }

  // Whose letters have all left may use their memory again.
  #look(): void {
    for (const { bufferedAmount } of this.#connections)
      this.mostPending = Math.max(this.mostPending, bufferedAmount);
    for (const [index, { owner, content }] of this.#unsent.toReversed().entries()) {
      if (owner.bufferedAmount !== 0) continue;
      content.fill(0xcc);
      this.#unsent.splice(this.#unsent.length - 1 - index, 1);
    }
  }

  #opened(connection: ServerConnection): void {
    this.#connections[this.#indexOf(connection)] = connection;
    connection.subscribe('all');
  }

  #answer(connection: ServerConnection, content: Content): number {
    const postbox = this.#postboxes[this.#indexOf(connection)];
    const { seq } = postbox.take(content);
    if (isAnswered(seq)) void connection.send(content);
    return seq;
  }

  #indexOf(connection: ServerConnection): number {
    return Number(connection.url.searchParams.get('n'));
  }
}

let folder: string;
let stage: Stage | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fullduplex-'));
  vi.resetModules();
  vi.stubEnv('FULLDUPLEX_POISON', '1');
});

afterEach(async () => {
  await stage?.close();
  rmSync(folder, { recursive: true });
  vi.unstubAllEnvs();
  vi.resetModules();
});

const local = { port: 0, host: '127.0.0.1' };
const targets = {
  unix: (): Library.ServeTarget => ({ socketPath: join(folder, `${Math.random()}`) }),
  tcp: (): Library.ServeTarget => local,
  tls: (): Library.ServeTarget => ({ ...local, tls: { ...selfSignedCertificate() } }),
};

test.each([
  { transport: 'unix', compression: 'nothing', isPortable: false },
  { transport: 'unix', compression: 'each message by itself', isPortable: false },
  { transport: 'unix', compression: 'context takeover', isPortable: false },
  { transport: 'unix', compression: 'nothing', isPortable: true },
  { transport: 'unix', compression: 'context takeover', isPortable: true },
  { transport: 'tcp', compression: 'nothing', isPortable: false },
  { transport: 'tls', compression: 'each message by itself', isPortable: false },
] as const)(
  'everybody gets what was sent to it, byte by byte: $transport, compressed: $compression, portable ways only: $isPortable',
  async ({ transport, compression, isPortable }) => {
    vi.stubEnv('FULLDUPLEX_PORTABLE', isPortable ? '1' : '0');
    const library = await import('../../src/index.ts');
    const { compressionMemory } = await import('../../src/node/zlib/compression-memory.ts');
    // Room for what has to be kept, and for so few contexts that connections take them from each other all the time.
    compressionMemory.maxBytes = 2 ** 22;
    const deflate =
      compression === 'nothing' ? false : compression === 'context takeover' ? takeover : noTakeover;
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const [steps] = fc.sample(script, { seed, numRuns: 1 });
        stage = await Stage.open(library, targets[transport](), deflate);
        await stage.play(steps);
        if (transport === 'unix') expect(stage.mostPending).toBeGreaterThan(2 ** 16);
        await stage.close();
        stage = undefined;
      }),
      { numRuns: 2, endOnFailure: true },
    );
  },
  60_000,
);
