// What a client goes through on a network: a hub with one channel, a server behind a proxy, a client, and what became of it.

import { expect } from 'vitest';
import { type Client, type ClientOptions, createClient } from '../../../src/client.ts';
import type { RealtimeServer } from '../../../src/node/realtime/realtime-server.ts';
import {
  type RealtimeTarget,
  serveRealtime,
  type ServeRealtimeOptions,
} from '../../../src/node/realtime/serve-realtime.ts';
import { defineContract, Hub, type HubOptions, typed } from '../../../src/realtime.ts';
import type { HostileProxy } from './proxies.ts';

export const contract = defineContract({
  version: '1.0',
  channels: { news: { events: { item: typed<number>() } } },
  calls: { add: { input: typed<readonly [number, number]>(), output: typed<number>() } },
});

export type NewsHub = Hub<typeof contract>;

/** A hub that speaks often, so that a test need not wait. */
export function newsHub(options: HubOptions = {}): NewsHub {
  const hub = new Hub(contract, { allowedOrigins: 'any', ...options });
  hub.channel('news', {});
  hub.call('add', ([first, second]) => first + second);
  return hub;
}

/** The options of a server, without where it is. */
export type ServerSettings = Omit<ServeRealtimeOptions, keyof RealtimeTarget>;

/** A server of a hub on this machine. */
export function serveNews(hub: NewsHub, settings: ServerSettings = {}, port = 0): Promise<RealtimeServer> {
  return serveRealtime(hub, { ...settings, port, host: '127.0.0.1' });
}

/** A client that follows the channel. */
export class Reader {
  readonly client: Client<typeof contract>;
  /** What has arrived. */
  readonly items: number[] = [];
  /** Each state of the connection, and what carried it when it was open. */
  readonly states: string[] = [];
  readonly gaps: unknown[] = [];
  /** How long it took until the connection was open over what carries it now, in milliseconds. */
  openMs = 0;
  readonly #madeAtMs: number = performance.now();
  readonly #hub: NewsHub;
  #published = 0;

  constructor(hub: NewsHub, port: number, options: ClientOptions = {}) {
    this.#hub = hub;
    this.client = createClient(contract, `ws://127.0.0.1:${port}/realtime`, { minDelayMs: 10, ...options });
    this.client.on('state', (state, cause) => {
      const why = cause === undefined ? '' : ` (${cause.message}: ${String(cause.cause)})`;
      if (state === 'open') this.openMs = performance.now() - this.#madeAtMs;
      this.states.push(state === 'open' ? `open ${this.client.transport}` : `${state}${why}`);
    });
    const news = this.client.channel('news');
    news.on('item', (item) => this.items.push(item));
    news.on('gap', (gap) => this.gaps.push(gap));
  }

  /** How often the connection has come about. */
  get opens(): number {
    return this.states.filter((state) => state.startsWith('open')).length;
  }

  async opened(): Promise<void> {
    await expect.poll(() => this.client.channel('news').status, { timeout: 15_000 }).toBe('subscribed');
  }

  /** Publishes some items and waits for them; every one has to come once, in order, whatever happens meanwhile. */
  async hears(count: number): Promise<void> {
    for (let sent = 0; sent < count; sent++)
      await this.#hub.channel('news').publish('item', ++this.#published);
    await expect.poll(() => this.items.length, { timeout: 15_000 }).toBe(this.#published);
    expect(this.items).toEqual(Array.from({ length: this.#published }, (_, index) => index + 1));
    expect(this.gaps).toEqual([]);
  }
}

/** The scene of a test: everything ends with it. */
export class Scene implements AsyncDisposable {
  readonly hub: NewsHub;
  readonly server: RealtimeServer;
  readonly proxy: HostileProxy;
  readonly reader: Reader;

  private constructor(hub: NewsHub, server: RealtimeServer, proxy: HostileProxy, reader: Reader) {
    this.hub = hub;
    this.server = server;
    this.proxy = proxy;
    this.reader = reader;
  }

  static async set(
    makeProxy: (port: number) => Promise<HostileProxy>,
    options: {
      readonly hub?: HubOptions;
      readonly server?: ServerSettings;
      readonly client?: ClientOptions;
    } = {},
  ): Promise<Scene> {
    const hub = newsHub(options.hub);
    const server = await serveNews(hub, options.server);
    const proxy = await makeProxy(server.port);
    return new Scene(hub, server, proxy, new Reader(hub, proxy.port, options.client));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reader.client.close();
    await this.proxy[Symbol.asyncDispose]();
    await this.server.close({ timeoutMs: 0 });
    await this.hub.close();
  }
}
