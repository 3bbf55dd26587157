// One channel as a client follows it: how it stands, where its streams stand, and what it is asked for. When frames about it
// are sent is the client's affair (subscriptions.ts).

import type { Timer } from '../../base/clock.ts';
import type { RealtimeError } from '../wire/error-codes.ts';
import type { HistoryPage, HistoryRequest, SubscribeWish } from '../wire/frames.ts';
import type { JsonPatch } from '../wire/json-delta.ts';
import { EventStream } from './event-stream.ts';
import { KeyedMap, PresenceMap } from './keyed-map.ts';
import type { Listener } from './listeners.ts';
import { type Publication, publicationOf } from './publication.ts';
import type { Requests } from './requests.ts';
import type { Subscriptions } from './subscriptions.ts';

/**
 * How a channel stands. `subscribing`: the server has not answered yet, or the connection is away; `subscribed`: what is published
 * arrives; `refused`: the server said no, or took it back (if the error is `retryable`, it is asked again soon); `left`: it was left, or the client was closed.
 */
export type ChannelStatus = 'subscribing' | 'subscribed' | 'refused' | 'left';

/** How a client follows a channel. */
export interface ChannelOptions<Info = unknown> {
  /** How many publications before the end are wanted first, and again after a gap. @defaultValue 0 */
  readonly history?: number;
  /** Whether to see who is there, and be seen: `true`, or what others may know of this client. @defaultValue undefined: neither */
  readonly presence?: true | Info;
  /** The most publications a second; what is more is left out by the rule of the channel. @defaultValue no limit */
  readonly rate?: number;
}

/** How one request is made. */
export interface RequestSettings {
  /** After how many milliseconds nobody waits any longer. @defaultValue the client's `requestTimeoutMs` */
  readonly timeoutMs?: number;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
}

/** What a channel needs of its client. */
export interface ChannelHost {
  readonly readerLimit: number;
  /** Applies changes, where the client was made for them. */
  readonly patch: JsonPatch | undefined;
  readonly failed: (error: unknown) => void;
  readonly requests: Requests;
  readonly subscriptions: Subscriptions;
}

/** A channel that is followed. */
export class ClientChannel {
  readonly name: string;
  readonly options: ChannelOptions;
  readonly stream: EventStream;
  readonly state: KeyedMap;
  readonly presence: PresenceMap;
  status: ChannelStatus = 'subscribing';
  /** What stands for it on the link that is open; null: nothing, for now. */
  alias: number | null = null;
  /** After which it is asked for again, when it was refused for now. */
  rest: Timer | undefined;
  readonly #host: ChannelHost;

  constructor(name: string, options: ChannelOptions, host: ChannelHost) {
    this.name = name;
    this.#host = host;
    this.options = options;
    const { failed } = host;
    this.stream = new EventStream({
      ...host,
      name,
      readAgain: () => host.subscriptions.subscribeAgain(this),
    });
    this.state = new KeyedMap(failed);
    this.presence = new PresenceMap(failed);
  }

  on(event: string, listener: Listener): () => void {
    return this.stream.on(event, listener);
  }

  [Symbol.asyncIterator](): AsyncGenerator<Publication, undefined, undefined> {
    return this.stream.read();
  }

  publish(event: string, data: unknown, settings?: RequestSettings): Promise<unknown> {
    const published = this.#host.requests.make(this.name, event, data, settings);
    // Whoever does not look at the result ("typing...") need not handle that it failed.
    published.catch(() => undefined);
    return published;
  }

  /** A page of what was published, oldest first. */
  async history(request: HistoryRequest, settings?: RequestSettings): Promise<readonly Publication[]> {
    const page = await this.#host.requests.make(this.name, '$history', request, settings);
    takeForPage(page);
    return page.entries.map(([offset, event, data, , meta]) =>
      publicationOf(this.name, event, data, offset, meta),
    );
  }

  leave(): void {
    this.#host.subscriptions.remove(this);
  }

  /** How it is asked for, with all that it has. */
  wish(): SubscribeWish {
    const { presence, history, rate } = this.options;
    // What is undefined is not written.
    return {
      position: this.stream.cursor.position,
      statePosition: this.state.cursor.position,
      history,
      rate,
      delta: this.#host.patch && true,
      presence: presence === undefined ? undefined : true,
      presencePosition: this.presence.cursor.position,
      info: presence === true ? undefined : presence,
    };
  }

  /** @param error why, where there is a reason */
  setStatus(status: ChannelStatus, error?: RealtimeError): void {
    // A listener may leave it while it is told that it goes on.
    if (this.status === status || this.status === 'left') return;
    this.status = status;
    if (status === 'left' || error?.retryable === false) this.stream.end(error);
    this.stream.tell('status', status, error);
  }
}

// The server is trusted to answer with what was asked for.
function takeForPage(_result: unknown): asserts _result is HistoryPage {}
