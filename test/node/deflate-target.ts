// A server with permessage-deflate that is attacked over raw sockets, a client that must not notice, and what the server
// hears of the attackers.

import { expect, vi } from 'vitest';
import type * as Library from '../../src/index.ts';
import type { ClosedInfo, Connection, ServerConnection, WebSocketServer } from '../../src/index.ts';
import type { CompressionMemory } from '../../src/node/zlib/compression-memory.ts';
import { KiB, MiB, noise } from './deflate-frames.ts';
import { heldBytes } from './held-memory.ts';
import { RawClient, until } from './raw-client.ts';

/** What a client asks for; `nothing` is no extension at all. */
const offers = {
  alone: { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_no_context_takeover' },
  takeover: { 'Sec-WebSocket-Extensions': 'permessage-deflate' },
  nothing: {},
};

/** What is sent to a client that says `send`. */
export const largeMessage: Buffer = noise(512 * KiB);

/** Over which part of node:zlib the server works, as tests name it, and the value of FULLDUPLEX_PORTABLE for it. */
export const ways = [
  ['live contexts of zlib', '0'],
  ['the public API of zlib', '1'],
] as const;

type Modules = { readonly library: typeof Library; readonly memory: CompressionMemory };

/** The server under attack. */
export class DeflateTarget {
  readonly library: typeof Library;
  readonly memory: CompressionMemory;
  /** How the connections of attackers have ended. */
  readonly ends: ClosedInfo[] = [];
  /** The lengths of their messages. */
  readonly heard: number[] = [];
  /** What was heard from them after their end. */
  readonly late: unknown[] = [];
  readonly #replies: string[] = [];
  #server: WebSocketServer | undefined;
  #bystander: Connection | undefined;

  private constructor({ library, memory }: Modules) {
    this.library = library;
    this.memory = memory;
  }

  /**
   * Starts a server that answers the length of each message.
   * @param maxMemoryBytes what compression may keep
   */
  static async open(
    isPortable: string,
    compression: Library.ServeOptions['perMessageDeflate'] = {},
    maxMemoryBytes: number = 64 * MiB,
  ): Promise<DeflateTarget> {
    vi.resetModules();
    vi.stubEnv('FULLDUPLEX_PORTABLE', isPortable);
    const library = await import('../../src/index.ts');
    const { compressionMemory } = await import('../../src/node/zlib/compression-memory.ts');
    compressionMemory.maxBytes = maxMemoryBytes;
    // With the first large message the C library is told to keep such memory (decision 0011): that block is never touched,
    // but it counts until it is collected, here and now.
    const { allocateMessage } = await import('../../src/node/message-memory.ts');
    allocateMessage(MiB);
    await heldBytes();
    const target = new DeflateTarget({ library, memory: compressionMemory });
    await target.#listen(compression);
    return target;
  }

  get server(): WebSocketServer {
    if (this.#server === undefined) throw new Error('the server does not listen yet');
    return this.#server;
  }

  /** Opens the connection of an attacker. */
  async attack(offer: keyof typeof offers = 'alone'): Promise<RawClient> {
    const [client, response] = await RawClient.shake(this.server.port, '/', offers[offer]);
    expect(response.status).toBe(101);
    // Its end follows that of the server, so that no deadline has to pass.
    client.socket.on('end', () => client.socket.end());
    const agreed = response.headers['sec-websocket-extensions'] ?? '';
    expect(agreed.startsWith('permessage-deflate')).toBe(offer !== 'nothing');
    return client;
  }

  async attackBy(count: number, offer?: keyof typeof offers): Promise<RawClient[]> {
    return Promise.all(Array.from({ length: count }, () => this.attack(offer)));
  }

  /** A message of somebody else comes back. */
  async expectUnharmed(): Promise<void> {
    const count = this.#replies.length;
    void this.#bystander?.send('still there?');
    await until(() => this.#replies.length > count);
    expect(this.#replies.at(-1)).toBe('still there?');
  }

  /** What compression keeps when all that is idle has been given back. */
  keptBytes(): number {
    const { maxBytes } = this.memory;
    this.memory.maxBytes = 1;
    const { usedBytes } = this.memory;
    this.memory.maxBytes = maxBytes;
    return usedBytes;
  }

  async close(): Promise<void> {
    await this.#server?.close({ timeoutMs: 100 });
    vi.unstubAllEnvs();
    vi.resetModules();
    expect(this.late).toEqual([]);
  }

  async #listen(compression: Library.ServeOptions['perMessageDeflate']): Promise<void> {
    const closed = new WeakSet<ServerConnection>();
    const server = await this.library.serve(
      {
        port: 0,
        host: '127.0.0.1',
        path: '/',
        perMessageDeflate: compression,
        maxMessageBytes: 4 * MiB,
        // So that nobody is paused because of one large message.
        highWaterMarkBytes: MiB,
      },
      {
        message: (connection, message) => {
          if (closed.has(connection)) this.late.push(message);
          this.heard.push(message.length);
          if (message === 'send') void connection.send(largeMessage);
          else if (message === 'send and close') {
            void connection.send(largeMessage);
            void connection.close(4000);
          } else void connection.send(`${message.length}`);
        },
        close: (connection, info) => {
          closed.add(connection);
          this.ends.push(info);
        },
      },
    );
    this.#server = server;
    const always = { perMessageDeflate: { thresholdBytes: 0 } };
    server.endpoint('/unharmed', always, {
      message: (connection, message) => connection.send(message),
    });
    this.#bystander = await this.library.connect(`${server.url}/unharmed`, always, {
      message: (_, message) => this.#replies.push(String(message)),
    });
  }
}

/** Notes how much more memory buffers take than now, until it is asked for the most of it. */
export function watchBuffers(): () => number {
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const look = (): void => {
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    timer = setImmediate(look);
  };
  let timer = setImmediate(look);
  return () => {
    clearImmediate(timer);
    return most;
  };
}
