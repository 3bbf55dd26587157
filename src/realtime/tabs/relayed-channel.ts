// A channel of the leader's client, which tells other tabs all that happens on it. It stands between the client and the streams of the
// channel, so that it hears of each frame whether it was taken, and where each subscription begins.

import type { ChannelOptions, ClientChannel } from '../client/channel.ts';
import type { RealtimeClient } from '../client/client.ts';
import { RealtimeError } from '../wire/error-codes.ts';
import type { Subscribed } from '../wire/frames.ts';
import type { WirePosition } from '../wire/stream-position.ts';
import type { KeyedMap } from '../client/keyed-map.ts';
import type { StreamFrame } from '../client/stream-cursor.ts';
import type { FromLeader, MapEntries, MapPart, RelayedFrame, RelayStart } from './tab-messages.ts';

type Without<Message, Field extends string> = Message extends unknown ? Omit<Message, Field> : never;

/** What is told of a channel, without who leads. */
export type LeaderMessage = Without<FromLeader, 'leader'>;

/** A channel and the tabs that follow it. */
export class RelayedChannel {
  readonly name: string;
  readonly tabs: Set<string> = new Set();
  readonly #client: RealtimeClient;
  readonly #post: (message: LeaderMessage) => void;
  #channel: ClientChannel;
  #options: ChannelOptions;
  #subscribed: Subscribed | undefined;
  #error: RealtimeError | undefined;
  // The data that listeners were given of the frame that is being taken.
  #told: { readonly data: unknown } | undefined;

  /** @param position where it begins; this holds when the client is not open yet */
  constructor(
    client: RealtimeClient,
    name: string,
    options: ChannelOptions,
    position: WirePosition | undefined,
    post: (message: LeaderMessage) => void,
  ) {
    this.name = name;
    this.#client = client;
    this.#post = post;
    this.#options = shared(options);
    this.#channel = this.#open();
    this.#channel.stream.cursor.position = position;
  }

  get channel(): ClientChannel {
    return this.#channel;
  }

  /** A tab follows it. When it wants more than those before, the channel is opened anew, and the tabs read what lies in between. */
  follow(tab: string, options: ChannelOptions): void {
    this.tabs.add(tab);
    const wider = widened(this.#options, shared(options));
    if (JSON.stringify(wider) === JSON.stringify(this.#options)) return;
    this.#options = wider;
    const before = this.#channel;
    this.#subscribed = undefined;
    this.#channel = this.#open(before);
  }

  /** How it stands, for a tab that has just come. */
  joined(tab: string): LeaderMessage {
    const { status, state, presence } = this.#channel;
    return {
      type: 'joined',
      tab,
      name: this.name,
      status,
      error: this.#error?.toWire(),
      start: this.#start(),
      state: known(state),
      members: known(presence),
    };
  }

  leave(): void {
    this.#channel.leave();
  }

  // Where what is told from now on begins; undefined: the server has not said.
  #start(): RelayStart | undefined {
    const { position } = this.#channel.stream.cursor;
    if (this.#subscribed === undefined || position === undefined) return undefined;
    const { delivery, events } = this.#subscribed;
    return { delivery, events, position };
  }

  #open(before?: ClientChannel): ClientChannel {
    before?.leave();
    const channel = this.#client.channel(this.name, this.#options);
    const isPresent = (): boolean => channel === this.#channel;
    const { stream, state, presence } = channel;
    const heard = new Set<string>();
    const follow = stream.follow.bind(stream);
    stream.follow = (subscribed) => {
      if (isPresent()) {
        this.#subscribed = subscribed;
        for (const event of subscribed.events) {
          if (heard.has(event)) continue;
          heard.add(event);
          stream.on(event, (data) => {
            this.#told = { data };
          });
        }
        const { delivery, events, position, recovered, gap } = subscribed;
        const start: RelayStart = { delivery, events, position, recovered, gap };
        this.#post({ type: 'start', name: this.name, start });
      }
      follow(subscribed);
    };
    const take = stream.take.bind(stream);
    stream.take = (frame) => {
      this.#told = undefined;
      const isTaken = take(frame);
      if (isTaken && isPresent()) this.#relay(frame);
      return isTaken;
    };
    channel.on('status', (_status, error) => {
      if (!isPresent()) return;
      this.#error = error instanceof RealtimeError ? error : undefined;
      // What is `left` here was left by this tab alone.
      if (channel.status !== 'left') {
        const { name } = this;
        this.#post({ type: 'status', name, status: channel.status, error: this.#error?.toWire() });
      }
    });
    this.#relayMap('state', state, isPresent);
    this.#relayMap('members', presence, isPresent);
    return channel;
  }

  #relay(frame: StreamFrame): void {
    const relayed = this.#relayed(frame);
    if (relayed !== undefined) this.#post({ type: 'frame', name: this.name, frame: relayed });
  }

  #relayed(frame: StreamFrame): RelayedFrame | undefined {
    if (frame[0] === 2 || frame[0] === 12) return frame;
    const { position } = this.#channel.stream.cursor;
    if (frame[0] !== 15 || position === undefined) return undefined;
    // A change goes on as the whole; one of an event that this client does not know has only moved the position.
    const [, alias, step, number, , id, meta] = frame;
    return this.#told === undefined
      ? [12, alias, 0, { position }]
      : [2, alias, step, number, this.#told.data, id, meta];
  }

  #relayMap(part: MapPart, map: KeyedMap, isPresent: () => boolean): void {
    const { name } = this;
    map.on('change', (key, value) => {
      if (!isPresent()) return;
      if (typeof key === 'string') this.#post({ type: 'entry', name, part, key, value: value ?? null });
      else this.#post({ type: 'entries', name, part, entries: entriesOf(map) });
    });
  }
}

// The history is read by each tab for itself.
function shared({ presence, rate }: ChannelOptions): ChannelOptions {
  return { presence, rate };
}

/** What all tabs together want: who is there if one does, and as many publications as the one that wants the most. */
function widened(present: ChannelOptions, other: ChannelOptions): ChannelOptions {
  const { presence = other.presence, rate = Infinity } = present;
  const most = Math.max(rate, other.rate ?? Infinity);
  return { presence, rate: most === Infinity ? undefined : most };
}

// Undefined: the server has not told it yet.
function known(map: KeyedMap): MapEntries | undefined {
  return map.cursor.position === undefined ? undefined : entriesOf(map);
}

function entriesOf(map: ReadonlyMap<string, unknown>): MapEntries {
  return Object.fromEntries(map);
}
