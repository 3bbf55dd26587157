// The tab that leads: it owns the client, follows what any tab follows, asks what they ask, and tells them everything. Who the tabs are
// it knows by their locks, which the platform takes from those that crash.

import type { RealtimeClient } from '../client/client.ts';
import type { ChannelOptions } from '../client/channel.ts';
import type { HistoryRequest } from '../wire/frames.ts';
import { RealtimeError } from '../wire/error-codes.ts';
import type { WirePosition } from '../wire/stream-position.ts';
import { type LeaderMessage, RelayedChannel } from './relayed-channel.ts';
import {
  type ClientStanding,
  type Follow,
  type TabBus,
  type ToLeader,
  type TabRequest,
  writeError,
} from './tab-messages.ts';
import type { ResolvedShareOptions } from './tab-options.ts';

/** What a leader needs beside its bus. */
export interface LeaderHost {
  /** The tab that it is in. */
  readonly tab: string;
  /** Makes the client. */
  create(): RealtimeClient;
  /** All tabs that are there. */
  tabs(): Promise<readonly string[]>;
  /** Waits until a tab is there no more. */
  watch(tab: string, signal: AbortSignal, gone: () => void): void;
}

interface KnownTab {
  readonly follows: Map<string, Follow>;
  readonly watch: AbortController;
}

/** The owner of the client. */
export class Leader {
  /** What it is called; it begins with the name of its tab. */
  readonly id: string;
  readonly #options: ResolvedShareOptions;
  readonly #bus: TabBus;
  readonly #host: LeaderHost;
  readonly #tabs = new Map<string, KnownTab>();
  readonly #channels = new Map<string, RelayedChannel>();
  readonly #direct = new Set<string>();
  readonly #requests = new Map<string, AbortController>();
  #client: RealtimeClient | undefined;
  #gathered: () => void = () => undefined;
  #expected: readonly string[] | undefined;
  #isOver = false;

  constructor(id: string, options: ResolvedShareOptions, bus: TabBus, host: LeaderHost) {
    this.id = id;
    this.#options = options;
    this.#bus = bus;
    this.#host = host;
  }

  /** Takes over: asks what the tabs follow, and then connects. Rejects with what the making of a client throws. */
  async lead(): Promise<void> {
    const gathered = new Promise<void>((resolve) => {
      this.#gathered = resolve;
    });
    this.#post({ type: 'lead' });
    const timer = this.#options.clock.setTimer(this.#gathered, this.#options.gatherTimeoutMs);
    this.#expected = await this.#host.tabs();
    this.#checkGathered();
    await gathered;
    timer.cancel();
    if (!this.#isOver) this.#connect();
  }

  /** Leads no more. What it has begun is told, so that everything else can be asked of the next one. */
  resign(): void {
    if (this.#isOver) return;
    this.#post({ type: 'bye', begun: [...this.#requests.keys()] });
    this.#isOver = true;
    this.#gathered();
    this.#client?.close();
    for (const { watch } of this.#tabs.values()) watch.abort();
  }

  /** A tab says something. */
  received(message: ToLeader): void {
    if (this.#isOver) return;
    switch (message.type) {
      case 'here':
        this.#here(message.tab, message.follows);
        for (const event of message.direct) this.#hear(event);
        this.#checkGathered();
        break;
      case 'follow':
        this.#known(message.tab).follows.set(message.follow.name, message.follow);
        this.#follow(message.tab, message.follow);
        break;
      case 'leave':
        this.#tabs.get(message.tab)?.follows.delete(message.name);
        this.#leave(message.tab, message.name);
        break;
      case 'hear':
        this.#hear(message.event);
        break;
      case 'request':
        if (message.leader === this.id) void this.#request(message);
        break;
      case 'cancel':
        this.#requests.get(message.id)?.abort();
        break;
      case 'gone':
        this.#gone(message.tab);
        break;
      case 'ping':
        this.#answer(message.tab);
        break;
    }
  }

  #post(message: LeaderMessage): void {
    if (!this.#isOver) this.#bus.post({ ...message, leader: this.id });
  }

  #checkGathered(): void {
    if (this.#expected?.every((tab) => this.#tabs.has(tab)) === true) this.#gathered();
  }

  #connect(): void {
    const client = this.#host.create();
    this.#client = client;
    for (const event of this.#direct) this.#listen(client, event);
    client.on('state', (_state, cause) => {
      this.#standing(undefined, cause);
    });
    client.on('error', (error) => this.#post({ type: 'error', error: writeError(error) }));
    // In the turn in which the client is made, and so before its hello: it says where the channels begin.
    const asked = new Map<string, [ChannelOptions, WirePosition | undefined]>();
    for (const { follows } of this.#tabs.values()) {
      for (const { name, options, position } of follows.values()) {
        asked.set(name, [options, lower(asked.get(name)?.[1], position)]);
      }
    }
    for (const [name, [options, position]] of asked) this.#open(client, name, options, position);
    for (const [tab, { follows }] of this.#tabs) {
      this.#standing(tab);
      for (const follow of follows.values()) this.#follow(tab, follow);
    }
    this.#standing();
  }

  #standing(tab?: string, cause?: unknown): void {
    const client = this.#client;
    if (client === undefined) return;
    const { state, transport, sessionId, user, closeError } = client;
    const standing: ClientStanding = {
      state,
      transport,
      sessionId,
      user,
      cause: cause === undefined ? undefined : writeError(cause),
      closeError: closeError?.toWire(),
    };
    this.#post({ type: 'standing', standing, tab });
  }

  #known(tab: string): KnownTab {
    let known = this.#tabs.get(tab);
    if (known === undefined) {
      const watch = new AbortController();
      known = { follows: new Map(), watch };
      this.#tabs.set(tab, known);
      if (tab !== this.#host.tab) this.#host.watch(tab, watch.signal, () => this.#gone(tab));
    }
    return known;
  }

  #here(tab: string, follows: readonly Follow[]): void {
    const known = this.#known(tab);
    const names = new Set(follows.map(({ name }) => name));
    for (const name of known.follows.keys()) {
      if (names.has(name)) continue;
      known.follows.delete(name);
      this.#leave(tab, name);
    }
    for (const follow of follows) known.follows.set(follow.name, follow);
    this.#answer(tab);
    for (const follow of follows) this.#follow(tab, follow);
  }

  // A tab that has come has to know who leads, also before there is a client.
  #answer(tab: string): void {
    if (this.#client === undefined) this.#post({ type: 'standing', standing: { state: 'connecting' }, tab });
    else this.#standing(tab);
  }

  #follow(tab: string, { name, options }: Follow): void {
    const client = this.#client;
    if (client === undefined) return;
    const channel = this.#channels.get(name) ?? this.#open(client, name, options);
    channel.follow(tab, options);
    this.#post(channel.joined(tab));
  }

  #open(
    client: RealtimeClient,
    name: string,
    options: ChannelOptions,
    position?: WirePosition,
  ): RelayedChannel {
    const channel = new RelayedChannel(client, name, options, position, (message) => this.#post(message));
    this.#channels.set(name, channel);
    return channel;
  }

  #leave(tab: string, name: string): void {
    const channel = this.#channels.get(name);
    channel?.tabs.delete(tab);
    if (channel?.tabs.size !== 0) return;
    this.#channels.delete(name);
    channel.leave();
  }

  #gone(tab: string): void {
    const known = this.#tabs.get(tab);
    if (known === undefined) return;
    known.watch.abort();
    this.#tabs.delete(tab);
    for (const name of known.follows.keys()) this.#leave(tab, name);
    this.#checkGathered();
  }

  #hear(event: string): void {
    if (this.#direct.has(event)) return;
    this.#direct.add(event);
    if (this.#client !== undefined) this.#listen(this.#client, event);
  }

  #listen(client: RealtimeClient, event: string): void {
    client.direct.on(event, (...values) => this.#post({ type: 'direct', event, values }));
  }

  async #request({ id, channel, name, data, timeoutMs, idempotent }: TabRequest): Promise<void> {
    if (this.#requests.has(id)) return;
    const stop = new AbortController();
    this.#requests.set(id, stop);
    const settings = { timeoutMs, signal: stop.signal };
    try {
      const result = await this.#ask(channel, name, data, settings, idempotent);
      if (this.#requests.delete(id)) this.#post({ type: 'reply', id, result });
    } catch (error) {
      if (this.#requests.delete(id)) this.#post({ type: 'reply', id, error: writeError(error) });
    }
  }

  async #ask(
    channel: string | 0,
    name: string,
    data: unknown,
    settings: { readonly timeoutMs: number; readonly signal: AbortSignal },
    idempotent: boolean | undefined,
  ): Promise<unknown> {
    if (channel === 0) return this.#client?.call(name, data, { ...settings, idempotent });
    const followed = this.#channels.get(channel)?.channel;
    if (followed === undefined) {
      throw new RealtimeError('NOT_SUBSCRIBED', `channel ${channel} was left, expected one that is followed`);
    }
    if (name !== '$history') return followed.publish(name, data, settings);
    takeForHistoryRequest(data);
    return followed.history(data, settings);
  }
}

// Tabs ask for the history by a request of their own making.
function takeForHistoryRequest(_data: unknown): asserts _data is HistoryRequest {}

/** Where everybody misses nothing: the lower place of one history, else the one that was told last. */
function lower(first: WirePosition | undefined, second: WirePosition | undefined): WirePosition | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return first[0] === second[0] && first[1] < second[1] ? first : second;
}
