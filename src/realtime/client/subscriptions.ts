// The channels of a client on the link that is open: what was asked for and not answered yet, and which alias stands for which
// stream. What a link forgets when it ends is here; what a channel keeps is in the channel.

import { RealtimeError, type WireError } from '../wire/error-codes.ts';
import {
  FrameType,
  type ServerFrame,
  type StreamStart,
  type Subscribed,
  type Welcome,
  type WireSubscribe,
  type WireSubscribed,
} from '../wire/frames.ts';
import { writeJson } from '../wire/json-codec.ts';
import type { ClientChannel } from './channel.ts';
import { EventStream } from './event-stream.ts';
import type { KeyedMap } from './keyed-map.ts';

/** The link, as subscriptions see it. */
export interface SubscriptionLink {
  /** Sends a change at once; false: it has to wait for the next hello. */
  sendChange(text: string): boolean;
  /** Brings the next hello about, if there is a link that takes one. */
  sayAgain(): void;
  /** Brings it about in any case. */
  resume(): void;
  /** Calls back later: what was refused may be accepted then. */
  later(callback: () => void): void;
}

interface Target {
  /** Undefined: what is sent to the session or the user alone. */
  readonly channel: ClientChannel | undefined;
  readonly stream: EventStream | KeyedMap;
}

/** What a client subscribes to. */
export class Subscriptions {
  readonly #link: SubscriptionLink;
  readonly #session: EventStream;
  readonly #user: EventStream;
  readonly #channels = new Map<string, ClientChannel>();
  readonly #asked = new Map<number, ClientChannel>();
  readonly #aliases = new Map<ClientChannel, number>();
  readonly #targets = new Map<number, Target>();
  // Those that were refused for now.
  readonly #resting = new Set<ClientChannel>();
  #lastRef = 0;

  /** The two streams are those of what is sent to the session, and to the user, alone. */
  constructor(link: SubscriptionLink, session: EventStream, user: EventStream) {
    this.#link = link;
    this.#session = session;
    this.#user = user;
  }

  get(name: string): ClientChannel | undefined {
    return this.#channels.get(name);
  }

  add(channel: ClientChannel): void {
    this.#channels.set(channel.name, channel);
    this.#ask(channel);
  }

  /** Leaves a channel. */
  remove(channel: ClientChannel): void {
    if (this.#channels.get(channel.name) !== channel) return;
    this.#channels.delete(channel.name);
    channel.setStatus('left');
    this.#unsubscribe(channel);
    this.#link.sayAgain();
  }

  /** All channels are left: the client is closed. */
  removeAll(error?: Error): void {
    for (const channel of this.#channels.values()) channel.setStatus('left', error);
    this.#channels.clear();
    this.lost();
  }

  /** Begins again where the channel stands. */
  subscribeAgain(channel: ClientChannel): void {
    if (this.#aliases.has(channel)) this.#unsubscribe(channel);
    this.#ask(channel);
  }

  /** Asks again for what was refused: it is somebody else who asks, or with other rights. */
  retryRefused(): void {
    for (const channel of this.#channels.values()) {
      if (channel.status !== 'refused') continue;
      channel.setStatus('subscribing');
      this.#ask(channel);
    }
  }

  /** What a hello says about subscriptions. */
  hello(): WireSubscribe[] {
    this.#asked.clear();
    return [...this.#channels.values()]
      .filter((channel) => channel.status !== 'refused' && !this.#resting.has(channel))
      .map((channel) => [this.#refOf(channel), channel.name, channel.wish()]);
  }

  /** The link is gone. */
  lost(): void {
    this.#asked.clear();
    this.#aliases.clear();
    this.#targets.clear();
    for (const channel of this.#channels.values()) {
      if (channel.status === 'subscribed') channel.setStatus('subscribing');
    }
  }

  /** The answer to a hello. */
  welcomed({ subs, own }: Welcome): void {
    this.#aliases.clear();
    this.#targets.clear();
    for (const [stream, start] of [
      [this.#session, own?.session],
      [this.#user, own?.user],
    ] as const) {
      if (start === undefined) continue;
      this.#targets.set(start.alias, { channel: undefined, stream });
      stream.follow(start);
    }
    for (const answer of subs) this.#answered(answer);
    // What was added after the hello was written.
    for (const channel of this.#channels.values()) {
      if (channel.status === 'subscribing') this.#ask(channel);
    }
  }

  /** Takes a frame about subscriptions; others are none of its affair. */
  received(frame: ServerFrame): void {
    switch (frame[0]) {
      case FrameType.subscribe: {
        const [, ...answer] = frame;
        this.#answered(answer);
        return;
      }
      case FrameType.publication:
      case FrameType.entry:
      case FrameType.snapshot:
      case FrameType.skipped:
        this.#deliver(frame);
        return;
      case FrameType.revoked: {
        const channel = this.#targets.get(frame[1])?.channel;
        if (channel === undefined) return;
        this.#forget(channel);
        this.#refuse(channel, frame[2]);
      }
    }
  }

  #deliver(frame: Extract<ServerFrame, readonly [2 | 3 | 11 | 12, ...unknown[]]>): void {
    const target = this.#targets.get(frame[1]);
    // What was on its way when the channel was left.
    if (target === undefined) return;
    const { channel, stream } = target;
    let isNext = true;
    if (stream instanceof EventStream) {
      if (frame[0] === FrameType.publication) isNext = stream.take(frame);
      else if (frame[0] === FrameType.skipped) stream.skip(frame[2], frame[3]);
    } else if (frame[0] === FrameType.entry) isNext = stream.change(frame);
    else if (frame[0] === FrameType.snapshot) stream.replace(frame[2]);
    else if (frame[0] === FrameType.skipped) stream.cursor.moveTo(frame[3]);
    if (isNext) return;
    // Never on with a hole: from where it stands, once more.
    if (channel === undefined) this.#link.resume();
    else this.subscribeAgain(channel);
  }

  #ask(channel: ClientChannel): void {
    for (const asked of this.#asked.values()) if (asked.name === channel.name) return;
    if (this.#aliases.has(channel) || this.#resting.has(channel)) return;
    const ref = this.#refOf(channel);
    const frame = [FrameType.subscribe, ref, channel.name, channel.wish()];
    if (this.#link.sendChange(writeJson(frame))) return;
    this.#asked.delete(ref);
    this.#link.sayAgain();
  }

  #refOf(channel: ClientChannel): number {
    const ref = ++this.#lastRef;
    this.#asked.set(ref, channel);
    return ref;
  }

  #answered([ref, subscribed, error]: WireSubscribed): void {
    const channel = this.#asked.get(ref);
    this.#asked.delete(ref);
    if (channel === undefined) return;
    const present = this.#channels.get(channel.name);
    if (channel !== present) {
      // It was left before the answer came, and perhaps asked for again by another object.
      if (subscribed !== null) this.#sendUnsubscribe(subscribed.alias);
      if (present !== undefined) this.#ask(present);
    } else if (subscribed === null) {
      if (error !== undefined) this.#refuse(channel, error);
    } else {
      this.#aim(channel, subscribed);
      channel.subscribed(subscribed);
    }
  }

  #aim(channel: ClientChannel, subscribed: Subscribed): void {
    const { state, presence } = subscribed;
    this.#aliases.set(channel, subscribed.alias);
    const add = (start: StreamStart | undefined, stream: Target['stream']): void => {
      if (start !== undefined) this.#targets.set(start.alias, { channel, stream });
    };
    add(subscribed, channel.stream);
    add(state, channel.state);
    add(presence, channel.presence.members);
  }

  #refuse(channel: ClientChannel, error: WireError): void {
    if (error.retryable === true) {
      channel.setStatus('subscribing');
      this.#resting.add(channel);
      this.#link.later(() => {
        this.#resting.delete(channel);
        if (this.#channels.get(channel.name) === channel) this.#ask(channel);
      });
    } else channel.setStatus('refused', RealtimeError.fromWire(error));
  }

  #unsubscribe(channel: ClientChannel): void {
    const alias = this.#aliases.get(channel);
    if (alias !== undefined) this.#sendUnsubscribe(alias);
    this.#forget(channel);
  }

  #sendUnsubscribe(alias: number): void {
    this.#link.sendChange(JSON.stringify([FrameType.unsubscribe, alias]));
  }

  #forget(channel: ClientChannel): void {
    this.#aliases.delete(channel);
    for (const [alias, target] of this.#targets) if (target.channel === channel) this.#targets.delete(alias);
  }
}
