// The channels of a client on the link that is open: what was asked for and not answered yet, and which alias stands for which
// stream. What a link forgets when it ends is here; what a channel keeps is in the channel.

import type { Timer } from '../../base/clock.ts';
import { RealtimeError, type WireError } from '../wire/error-codes.ts';
import type { Hello, ServerFrame, StreamStart, Welcome, WireSubscribed } from '../wire/frames.ts';
import { writeJsonTersely as writeJson } from '../wire/json-codec.ts';
import type { ClientChannel } from './channel.ts';
import type { EventStream } from './event-stream.ts';
import type { FollowedStream, StreamFrame } from './stream-cursor.ts';

/** The link, as subscriptions see it. */
export interface SubscriptionLink {
  /** Sends a change at once; false: it waits for the next hello, which is soon if there is a link that takes another one. */
  sendChange(text: string): boolean;
  /** Brings the next hello about. */
  resume(): void;
  /** Calls back later: what was refused may be accepted then. */
  later(callback: () => void): Timer;
}

/** Frames about subscriptions: those of their streams, answers (6) and revocations (9). */
export type SubscriptionFrame = StreamFrame | Extract<ServerFrame, readonly [6 | 9, ...unknown[]]>;

interface Target {
  /** Undefined: what is sent to the session or the user alone. */
  readonly channel: ClientChannel | undefined;
  readonly stream: FollowedStream;
}

/** What a client subscribes to. */
export class Subscriptions {
  readonly #link: SubscriptionLink;
  readonly #session: EventStream;
  readonly #user: EventStream;
  readonly #channels = new Map<string, ClientChannel>();
  readonly #asked = new Map<number, ClientChannel>();
  readonly #targets = new Map<number, Target>();
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
  remove(channel: ClientChannel, error?: RealtimeError): void {
    if (!this.#isPresent(channel)) return;
    this.#channels.delete(channel.name);
    channel.rest?.cancel();
    channel.setStatus('left', error);
    this.#unsubscribe(channel);
  }

  /** Leaves all channels: the client is closed. */
  removeAll(error?: RealtimeError): void {
    for (const channel of this.#channels.values()) this.remove(channel, error);
  }

  /** Begins again where the channel stands. */
  subscribeAgain(channel: ClientChannel): void {
    this.#unsubscribe(channel);
    this.#ask(channel);
  }

  /** Asks again for what was refused: it is somebody else who asks, or with other rights. */
  retryRefused(): void {
    for (const channel of this.#channels.values()) this.#retry(channel);
  }

  /** What a hello says about subscriptions. */
  hello(): Pick<Hello, 'subs' | 'own'> {
    this.#asked.clear();
    return {
      subs: [...this.#channels.values()]
        .filter(({ status }) => status !== 'refused')
        .map((channel) => [this.#refOf(channel), channel.name, channel.wish()]),
      own: { session: this.#session.cursor.position, user: this.#user.cursor.position },
    };
  }

  /** The link is gone. */
  lost(): void {
    this.#clear();
    for (const channel of this.#channels.values()) {
      if (channel.status === 'subscribed') channel.setStatus('subscribing');
    }
  }

  /** The answer to a hello. */
  welcomed({ subs, own }: Welcome): void {
    this.#clear();
    this.#aim(own?.session, this.#session);
    this.#aim(own?.user, this.#user);
    for (const answer of subs) this.#answered(answer);
    this.#asked.clear();
    // What was added after the hello was written.
    for (const channel of this.#channels.values()) this.#ask(channel);
  }

  received(frame: SubscriptionFrame): void {
    if (frame[0] === 6) {
      const [, ...answer] = frame;
      this.#answered(answer);
      return;
    }
    const target = this.#targets.get(frame[1]);
    // What was on its way when its channel was left.
    if (!target || target.channel?.alias === null) return;
    const { channel, stream } = target;
    if (frame[0] === 9) {
      if (channel) this.#refuse(channel, frame[2]);
    } else if (!stream.take(frame)) {
      // Never on with a hole: from where it stands, once more.
      if (!channel) this.#link.resume();
      else this.subscribeAgain(channel);
    }
  }

  #isPresent(channel: ClientChannel): boolean {
    return this.#channels.get(channel.name) === channel;
  }

  #clear(): void {
    this.#targets.clear();
    for (const channel of this.#channels.values()) channel.alias = null;
  }

  #ask(channel: ClientChannel): void {
    if (channel.alias !== null || channel.status === 'refused') return;
    // Also when another object with the name was asked for, and left before the answer.
    for (const asked of this.#asked.values()) if (asked.name === channel.name) return;
    const ref = this.#refOf(channel);
    const isSent = this.#link.sendChange(writeJson([6, ref, channel.name, channel.wish()]));
    if (!isSent) this.#asked.delete(ref);
  }

  #refOf(channel: ClientChannel): number {
    this.#asked.set(++this.#lastRef, channel);
    return this.#lastRef;
  }

  #answered([ref, subscribed, error]: WireSubscribed): void {
    const channel = this.#asked.get(ref);
    if (!channel) return;
    this.#asked.delete(ref);
    if (subscribed === null) {
      if (error && this.#isPresent(channel)) this.#refuse(channel, error);
    } else {
      channel.alias = subscribed.alias;
      if (this.#isPresent(channel)) {
        this.#aim(subscribed.state, channel.state, channel);
        this.#aim(subscribed.presence, channel.presence, channel);
        this.#aim(subscribed, channel.stream, channel);
        channel.setStatus('subscribed');
      } else this.#unsubscribe(channel);
    }
    // It was left before the answer came, and perhaps asked for again by another object.
    const present = this.#channels.get(channel.name);
    if (present && present !== channel) this.#ask(present);
  }

  #aim<Start extends StreamStart>(
    start: Start | undefined,
    stream: FollowedStream & { follow(start: Start): void },
    channel?: ClientChannel,
  ): void {
    if (!start) return;
    this.#targets.set(start.alias, { stream, channel });
    stream.follow(start);
  }

  #refuse(channel: ClientChannel, error: WireError): void {
    channel.alias = null;
    channel.rest?.cancel();
    channel.setStatus('refused', RealtimeError.fromWire(error));
    if (error.retryable) channel.rest = this.#link.later(() => this.#retry(channel));
  }

  #retry(channel: ClientChannel): void {
    if (channel.status !== 'refused') return;
    channel.setStatus('subscribing');
    this.#ask(channel);
  }

  #unsubscribe(channel: ClientChannel): void {
    if (channel.alias !== null) this.#link.sendChange(writeJson([7, channel.alias]));
    channel.alias = null;
  }
}
