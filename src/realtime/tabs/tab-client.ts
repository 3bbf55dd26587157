// One tab of those that share a client. It speaks to whichever tab leads, itself included, in the same way; and it waits for its turn to
// lead. `shareClient` gives it the types of a contract.

import { FullduplexError } from '../../base/errors.ts';
import type { ChannelOptions, RequestSettings } from '../client/channel.ts';
import { type CallSettings, RealtimeClient } from '../client/client.ts';
import type { ConnectionState } from '../client/connector.ts';
import { watchLifecycle } from '../client/lifecycle.ts';
import { type Listener, Listeners } from '../client/listeners.ts';
import type { Publication } from '../client/publication.ts';
import type { LinkKind } from '../link/link.ts';
import { RealtimeError } from '../wire/error-codes.ts';
import type { HistoryRequest } from '../wire/frames.ts';
import { writeJson } from '../wire/json-codec.ts';
import { Leader } from './leader.ts';
import { LeaderWatch } from './leader-watch.ts';
import { TabChannel, type TabChannelHost } from './tab-channel.ts';
import { type ClientStanding, type FromLeader, readError, TabBus, type TabMessage } from './tab-messages.ts';
import { TabLocks } from './tab-locks.ts';
import type { ResolvedShareOptions } from './tab-options.ts';
import { TabRequests } from './tab-requests.ts';

/** The part of a tab that is there while the page is shown. */
interface Presence {
  readonly bus: TabBus;
  readonly stop: AbortController;
  /** The turn to lead that it waits for or has. */
  turn?: AbortController;
  leader?: Leader;
}

// Tabs of another version of this module are another group.
const prefix = 'fullduplex.tabs.1:';

// How long the last words of a leader that is gone may take.
const lastWordsMs = 20;

/** A shared client without the types of its contract. */
export class TabClient {
  readonly #create: () => unknown;
  readonly #options: ResolvedShareOptions;
  readonly #locks: TabLocks;
  readonly #name: string;
  readonly #id: string;
  readonly #listeners: Listeners;
  readonly #directListeners: Listeners;
  readonly #heard = new Set<string>();
  readonly #channels = new Map<string, TabChannel>();
  readonly #requests: TabRequests;
  readonly #host: TabChannelHost;
  readonly #watch: LeaderWatch;
  readonly #unwatch: () => void;
  #presence: Presence | undefined;
  #leader: string | undefined;
  #leaderWatch: AbortController | undefined;
  #turns = 0;
  #standing: ClientStanding = { state: 'connecting' };
  #closeError: RealtimeError | undefined;
  // Whether direct events were told before: with another leader they begin anew.
  #wasOpen = false;
  #mayHaveMissed = false;

  constructor(create: () => unknown, options: ResolvedShareOptions) {
    this.#create = create;
    this.#options = options;
    this.#name = prefix + options.name;
    const words = new Uint32Array(4);
    options.random.fill(new Uint8Array(words.buffer));
    this.#id = Array.from(words, (word) => word.toString(36)).join('');
    const failed = (error: unknown): void => this.#failed(error);
    // One without the other is of no use.
    const locks = options.BroadcastChannel === undefined ? undefined : options.locks;
    this.#locks = new TabLocks(locks, this.#name, failed);
    this.#listeners = new Listeners(reportError);
    this.#directListeners = new Listeners(failed);
    this.#requests = new TabRequests(options, this.#id, {
      request: (leader, request) => this.#post({ type: 'request', leader, ...request }),
      cancel: (id) => this.#post({ type: 'cancel', id }),
    });
    this.#host = {
      readerLimit: options.maxQueuedPublications,
      failed,
      request: (channel, name, data, settings) => this.#requests.make(channel, name, data, settings),
      history: (channel, request, settings) => this.#history(channel, request, settings),
      follow: ({ follow }) => this.#tell({ type: 'follow', tab: this.#id, follow }),
      leave: (channel) => this.#leave(channel),
    };
    this.#watch = new LeaderWatch(options, {
      ask: () => this.#post({ type: 'ping', tab: this.#id }),
      silent: () => this.#waitForTurn(true),
    });
    this.#unwatch = watchLifecycle({
      resumed: () => this.#show(),
      online: () => undefined,
      hidden: () => this.#hide(),
    });
    this.#show();
  }

  get state(): ConnectionState {
    return this.#standing.state;
  }

  get transport(): LinkKind | undefined {
    return this.#standing.transport;
  }

  get sessionId(): string | undefined {
    return this.#standing.sessionId;
  }

  get user(): string | undefined {
    return this.#standing.user;
  }

  get closeError(): RealtimeError | undefined {
    return this.#closeError;
  }

  get isLeader(): boolean {
    return this.#presence?.leader !== undefined;
  }

  readonly direct: { on(event: string, listener: Listener): () => void } = {
    on: (event, listener) => {
      if (!this.#heard.has(event)) {
        this.#heard.add(event);
        this.#tell({ type: 'hear', tab: this.#id, event });
      }
      return this.#directListeners.on(event, listener);
    },
  };

  on(event: string, listener: Listener): () => void {
    return this.#listeners.on(event, listener);
  }

  channel(name: string, options?: ChannelOptions): TabChannel {
    const present = this.#channels.get(name);
    if (present !== undefined) {
      if (options !== undefined && JSON.stringify(options) !== JSON.stringify(present.options)) {
        throw new FullduplexError('WS_STATE_INVALID', `channel ${name} has other options`);
      }
      return present;
    }
    // Throws for what cannot be written, before anybody is told of it again and again.
    writeJson(options);
    const channel = new TabChannel(name, options ?? {}, this.#host);
    if (this.state === 'closed') channel.setStatus('left', this.#closeError);
    else {
      this.#channels.set(name, channel);
      this.#host.follow(channel);
    }
    return channel;
  }

  call(name: string, input?: unknown, settings: CallSettings = {}): Promise<unknown> {
    const idempotent = settings.idempotent ?? this.#options.contract?.calls?.[name]?.idempotent;
    return this.#requests.make(0, name, input, settings, idempotent, idempotent);
  }

  close(): void {
    this.#end(undefined);
  }

  async #history(
    channel: string,
    request: HistoryRequest,
    settings?: RequestSettings,
  ): Promise<readonly Publication[]> {
    const page = await this.#requests.make(channel, '$history', request, settings, true);
    takeForPage(page);
    // What is undefined was not written.
    return page.map(({ event, data, offset, user, at }) => ({ channel, event, data, offset, user, at }));
  }

  #leave(channel: TabChannel): void {
    if (this.#channels.get(channel.name) !== channel) return;
    this.#channels.delete(channel.name);
    channel.setStatus('left');
    this.#tell({ type: 'leave', tab: this.#id, name: channel.name });
  }

  #post(message: TabMessage): void {
    this.#presence?.bus.post(message);
  }

  // Says something that the next leader asks for anyway.
  #tell(message: TabMessage): void {
    if (this.#leader !== undefined) this.#post(message);
  }

  // The page is there: this tab takes part.
  #show(): void {
    if (this.#presence !== undefined || this.state === 'closed') return;
    const { BroadcastChannel } = this.#options;
    const stop = new AbortController();
    const channel =
      BroadcastChannel !== undefined && this.#locks.areShared ? new BroadcastChannel(this.#name) : undefined;
    const presence: Presence = { stop, bus: new TabBus(channel, (message) => this.#received(message)) };
    this.#presence = presence;
    const { signal } = stop;
    this.#locks.beThere(this.#id, signal, () => {
      this.#sayHere();
      this.#waitForTurn();
    });
  }

  // It goes, and may come back out of the back/forward cache. What others can do meanwhile, they do.
  #hide(): void {
    const presence = this.#presence;
    if (presence === undefined) return;
    presence.leader?.resign();
    this.#post({ type: 'gone', tab: this.#id });
    this.#presence = undefined;
    this.#watch.stop();
    presence.turn?.abort();
    presence.stop.abort();
    presence.bus.close();
    this.#leaderLost(undefined);
    this.#stand({ state: 'waiting' });
  }

  // Waits to lead; or leads now, because the tab that should does nothing.
  #waitForTurn(isUrgent = false): void {
    const presence = this.#presence;
    if (presence === undefined) return;
    presence.turn?.abort();
    const turn = new AbortController();
    presence.turn = turn;
    this.#watch.start();
    const held = (): void => this.#takeTurn(presence, turn.signal);
    const lost = (): void => this.#turnLost(presence);
    if (isUrgent) this.#locks.takeTurn(turn.signal, held, lost);
    else this.#locks.waitForTurn(turn.signal, held, lost);
  }

  #takeTurn(presence: Presence, turn: AbortSignal): void {
    this.#watch.stop();
    // What the last leader has said may come a little later than its lock.
    if (this.#leader === undefined) this.#lead(presence);
    else {
      const { clock } = this.#options;
      const wait = clock.setTimer(() => this.#lead(presence), lastWordsMs);
      turn.addEventListener('abort', () => wait.cancel());
    }
  }

  // Another tab leads, since this one was silent for too long: it is one of the others from now on.
  #turnLost(presence: Presence): void {
    presence.leader?.resign();
    delete presence.leader;
    this.#waitForTurn();
    this.#sayHere();
  }

  #lead(presence: Presence): void {
    const id = `${this.#id}-${++this.#turns}`;
    const leader = new Leader(id, this.#options, presence.bus, {
      tab: this.#id,
      create: () => this.#makeClient(),
      tabs: async () => (await this.#locks.tabs()) ?? [this.#id],
      watch: (tab, signal, gone) => this.#locks.watch(tab, signal, gone),
    });
    presence.leader = leader;
    leader.lead().catch((error: unknown) => {
      this.#failed(error);
      this.#end(new RealtimeError('UNAVAILABLE', 'no client could be made', { cause: error }));
    });
  }

  #makeClient(): RealtimeClient {
    const client = this.#create();
    if (client instanceof RealtimeClient) return client;
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      'what was made is no client, expected that of createClient',
    );
  }

  #sayHere(): void {
    const follows = Array.from(this.#channels.values(), ({ follow }) => follow);
    this.#post({ type: 'here', tab: this.#id, follows, direct: [...this.#heard] });
  }

  #received(message: TabMessage): void {
    if (!('leader' in message) || message.type === 'request') {
      this.#presence?.leader?.received(message);
      return;
    }
    this.#watch.heard();
    const own = this.#presence?.leader?.id;
    if (message.type === 'reply') this.#requests.answered(message.id, message.result, message.error);
    // The last words of those who led before this tab are late.
    else if (own !== undefined && own !== message.leader) return;
    else if (message.type === 'lead') {
      this.#leaderLost(message.leader);
      this.#stand({ state: 'connecting' });
      this.#attach(message.leader);
    } else if ('tab' in message && message.tab !== undefined && message.tab !== this.#id) return;
    else if (message.leader === this.#leader || this.#joins(message)) this.#fromLeader(message);
  }

  // A tab that came after the leader hears of it by the answer to what it has said.
  #joins(message: FromLeader): boolean {
    if (this.#leader !== undefined || message.type !== 'standing' || message.tab === undefined) return false;
    this.#requests.leaderLost(message.leader);
    this.#attach(message.leader);
    return true;
  }

  // Speaks to a leader, until another one says that it leads, or this one is found to be gone.
  #attach(leader: string): void {
    this.#leader = leader;
    const watch = new AbortController();
    this.#leaderWatch = watch;
    const [tab] = leader.split('-');
    if (tab !== this.#id) {
      this.#locks.watch(tab, watch.signal, () => {
        this.#options.clock.setTimer(() => this.#abandon(leader), lastWordsMs);
      });
    }
    this.#sayHere();
  }

  #abandon(leader: string): void {
    if (leader !== this.#leader) return;
    this.#leaderLost(undefined);
    this.#stand({ state: 'connecting' });
    this.#sayHere();
  }

  #fromLeader(message: FromLeader): void {
    switch (message.type) {
      case 'standing':
        this.#stand(message.standing);
        break;
      case 'bye':
        this.#leaderLost(undefined, message.begun);
        this.#stand({ state: 'connecting' });
        break;
      case 'direct':
        this.#directListeners.tell(message.event, ...message.values);
        break;
      case 'error':
        this.#listeners.tell('error', readError(message.error));
        break;
      case 'lead':
      case 'reply':
        break;
      default:
        this.#toChannel(message);
    }
  }

  #toChannel(message: Extract<FromLeader, { readonly name: string }>): void {
    const channel = this.#channels.get(message.name);
    if (channel === undefined) return;
    switch (message.type) {
      case 'joined':
        if (message.start !== undefined) channel.start(message.start, false);
        if (message.state !== undefined) channel.replace('state', message.state);
        if (message.members !== undefined) channel.replace('members', message.members);
        channel.setStatus(message.status, message.error && RealtimeError.fromWire(message.error));
        break;
      case 'start':
        channel.start(message.start, true);
        break;
      case 'frame':
        channel.take(message.frame);
        break;
      case 'status':
        channel.setStatus(message.status, message.error && RealtimeError.fromWire(message.error));
        break;
      case 'entries':
        channel.replace(message.part, message.entries);
        break;
      case 'entry':
        channel.change(message.part, message.key, message.value);
        break;
    }
  }

  #leaderLost(next: string | undefined, begun?: readonly string[]): void {
    this.#leader = undefined;
    this.#leaderWatch?.abort();
    this.#mayHaveMissed = this.#wasOpen;
    this.#requests.leaderLost(next, begun);
    for (const channel of this.#channels.values()) channel.leaderLost();
  }

  #stand(standing: ClientStanding): void {
    if (this.state === 'closed') return;
    const before = this.state;
    const { state, closeError, cause } = standing;
    if (state === 'closed') {
      const error = closeError ?? { code: 'CLOSED', message: 'client closed' };
      this.#end(RealtimeError.fromWire(error));
      return;
    }
    this.#standing = standing;
    if (state === 'open' && this.#leader !== undefined) {
      this.#requests.opened(this.#leader);
      this.#wasOpen = true;
      if (this.#mayHaveMissed) {
        this.#mayHaveMissed = false;
        // What was sent to the session, or to the user, between two leaders.
        this.#directListeners.tell('gap', { reason: 'epoch' });
      }
    } else this.#requests.paused();
    if (state !== before) this.#listeners.tell('state', state, cause && readError(cause));
  }

  #end(error: RealtimeError | undefined): void {
    if (this.state === 'closed') return;
    this.#unwatch();
    this.#closeError = error;
    this.#standing = { state: 'closed' };
    this.#requests.close(error ?? new RealtimeError('CLOSED', 'client closed'));
    const channels = [...this.#channels.values()];
    this.#channels.clear();
    for (const channel of channels) channel.setStatus('left', error);
    this.#hide();
    this.#listeners.tell('state', 'closed', error);
    if (error !== undefined) this.#listeners.tell('error', error);
  }

  #failed(error: unknown): void {
    if (!this.#listeners.tell('error', error)) reportError(error);
  }
}

// The leader answers with what it was asked for.
function takeForPage(_page: unknown): asserts _page is readonly Publication[] {}

/** An error that nobody listens for goes where the platform brings those that nobody caught. */
function reportError(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
