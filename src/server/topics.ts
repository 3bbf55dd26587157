// Topics: who gets what is published. A message is encoded once for all receivers, and what a receiver that reads too
// slowly gets is the choice of its own subscription. Connections leave by themselves when they close, and a topic
// without subscribers is forgotten.

import { describe, FullduplexError } from '../base/errors.ts';
import type { TextCodec } from '../base/text-codec.ts';
import { PreparedMessage } from '../protocol/prepared-message.ts';
import type { SendData, SendOptions } from '../connection/connection-handlers.ts';

/**
 * What happens to a receiver whose queue is above the high-water mark when something is published.
 * - `close`: nothing is left out. It gets everything as by `send`; beyond `maxQueuedBytes` the connection is ended
 *   with the cause `WS_SEND_QUEUE_OVERFLOW`.
 * - `drop`: it misses this message.
 * - `latest`: it gets the newest message of the topic once its queue has drained, and misses those between.
 */
export type WhenSlow = 'close' | 'drop' | 'latest';

/** How a connection is subscribed. */
export interface SubscribeOptions {
  /** What happens when this connection reads too slowly. @defaultValue 'close' */
  readonly whenSlow?: WhenSlow;
}

/** Something that can be subscribed. */
export interface Subscriber {
  /** Takes a published message, according to the subscription; false when it is closing or the message was dropped. */
  deliver(message: PreparedMessage, subscription: Subscription): boolean;
}

/** One subscriber's place in one topic. */
export interface Subscription {
  readonly topic: string;
  readonly subscriber: Subscriber;
  whenSlow: WhenSlow;
  /** The newest message that waits for the subscriber's queue to drain. */
  latest: PreparedMessage | undefined;
}

/** The topics of one server. */
export class Topics {
  readonly #text: TextCodec;
  readonly #topics = new Map<string, Set<Subscription>>();

  /** @param text encodes what is published */
  constructor(text: TextCodec) {
    this.#text = text;
  }

  /** The topics that have subscribers. */
  get names(): IterableIterator<string> {
    return this.#topics.keys();
  }

  /** How many are subscribed to the topic. */
  countOf(topic: string): number {
    return this.#topics.get(topic)?.size ?? 0;
  }

  /** Adds a subscriber; the caller sees to it that each subscribes to a topic once. */
  add(topic: string, subscriber: Subscriber, whenSlow: WhenSlow): Subscription {
    const subscription: Subscription = { topic, subscriber, whenSlow, latest: undefined };
    const subscriptions = this.#topics.get(topic);
    if (subscriptions === undefined) this.#topics.set(topic, new Set([subscription]));
    else subscriptions.add(subscription);
    return subscription;
  }

  /** Removes what `add` gave. */
  remove(subscription: Subscription): void {
    const subscriptions = this.#topics.get(subscription.topic);
    if (subscriptions === undefined || !subscriptions.delete(subscription)) return;
    subscription.latest = undefined;
    if (subscriptions.size === 0) this.#topics.delete(subscription.topic);
  }

  /**
   * Sends a message to all subscribers of the topic but `except`.
   * @returns how many of them get it, now or when they have drained
   * @throws FullduplexError `WS_ARGUMENT_INVALID`
   */
  publish(topic: string, data: SendData, options?: SendOptions, except?: Subscriber): number {
    requireTopic(topic);
    // Bytes of a wrong type have to throw also when nobody listens.
    if (typeof data !== 'string') requireBytes(data);
    const subscriptions = this.#topics.get(topic);
    if (subscriptions === undefined) return 0;
    const message = new PreparedMessage(data, { text: this.#text, compress: options?.compress });
    let receivers = 0;
    for (const subscription of subscriptions) {
      const { subscriber } = subscription;
      if (subscriber !== except && subscriber.deliver(message, subscription)) receivers++;
    }
    return receivers;
  }
}

/**
 * Checks the name of a topic.
 * @throws FullduplexError `WS_ARGUMENT_INVALID`
 */
export function requireTopic(topic: string): void {
  if (typeof topic === 'string') return;
  throw new FullduplexError('WS_ARGUMENT_INVALID', `topic is ${describe(topic)}, expected a string`);
}

/**
 * Checks a policy.
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function requireWhenSlow(whenSlow: WhenSlow): WhenSlow {
  if (whenSlow === 'close' || whenSlow === 'drop' || whenSlow === 'latest') return whenSlow;
  throw new FullduplexError(
    'WS_OPTION_INVALID',
    `option whenSlow is ${describe(whenSlow)}, expected "close", "drop" or "latest"`,
  );
}

function requireBytes(data: ArrayBuffer | ArrayBufferView): void {
  if (data instanceof ArrayBuffer || ArrayBuffer.isView(data)) return;
  throw new FullduplexError(
    'WS_ARGUMENT_INVALID',
    `data is ${describe(data)}, expected a string, an ArrayBuffer or a view of one`,
  );
}
