// One connection's place in all its topics: what it does with what is published, above the high-water mark and in the
// middle of a fragmented message. Made with the first subscription: most connections of some servers have none.

import type { PreparedMessage } from '../protocol/prepared-message.ts';
import type { Subscriber, Subscription, Topics, WhenSlow } from './topics.ts';

// What a held message costs beside its bytes, so that a flood of empty ones is bounded too.
const heldOverheadBytes = 256;

/** What a TopicSubscriptions needs of its connection. */
export interface SubscribedConnection {
  readonly readyState: 'open' | 'closing' | 'closed';
  readonly bufferedAmount: number;
  readonly isMessageOpen: boolean;
  readonly highWaterMarkBytes: number;
  readonly maxQueuedBytes: number;
  sendPrepared(message: PreparedMessage): boolean | Promise<boolean>;
  requestDrain(): void;
  overflow(queuedBytes: number): void;
}

/** The topics of one connection. */
export class TopicSubscriptions implements Subscriber {
  readonly #connection: SubscribedConnection;
  readonly #topics: Topics;
  readonly #subscriptions = new Map<string, Subscription>();
  // Those whose newest message waits for the queue to drain: a connection may have a great many that do not.
  #waiting: Set<Subscription> | undefined;
  // Published between the fragments of a message, where nothing but control frames may be sent (RFC 6455 5.4).
  #held: PreparedMessage[] | undefined;
  #heldBytes = 0;

  constructor(connection: SubscribedConnection, topics: Topics) {
    this.#connection = connection;
    this.#topics = topics;
  }

  /** The topics, in the order of their subscription. */
  get names(): readonly string[] {
    return [...this.#subscriptions.keys()];
  }

  /** Subscribes; a second time changes only the policy. */
  add(topic: string, whenSlow: WhenSlow): void {
    const subscription = this.#subscriptions.get(topic);
    if (subscription === undefined) {
      this.#subscriptions.set(topic, this.#topics.add(topic, this, whenSlow));
      return;
    }
    subscription.whenSlow = whenSlow;
    if (whenSlow !== 'latest') this.#forget(subscription);
  }

  /** Leaves a topic; gives whether there was a subscription. */
  remove(topic: string): boolean {
    const subscription = this.#subscriptions.get(topic);
    if (subscription === undefined) return false;
    this.#subscriptions.delete(topic);
    this.#forget(subscription);
    this.#topics.remove(subscription);
    return true;
  }

  /** Leaves all topics: the connection is gone. */
  clear(): void {
    this.#held = undefined;
    this.#waiting = undefined;
    for (const subscription of this.#subscriptions.values()) this.#topics.remove(subscription);
    this.#subscriptions.clear();
  }

  deliver(message: PreparedMessage, subscription: Subscription): boolean {
    const connection = this.#connection;
    if (connection.readyState !== 'open') return false;
    if (subscription.whenSlow !== 'close' && this.#isSlow) {
      if (subscription.whenSlow === 'drop') return false;
      subscription.latest = message;
      this.#waiting ??= new Set();
      this.#waiting.add(subscription);
      connection.requestDrain();
      return true;
    }
    if (connection.isMessageOpen) return this.#hold(message);
    if (subscription.latest !== undefined) this.#forget(subscription);
    return connection.sendPrepared(message) !== false;
  }

  /** Everything queued has left: what waits for that is sent. */
  drained(): void {
    const connection = this.#connection;
    if (connection.isMessageOpen || this.#waiting === undefined) return;
    for (const subscription of this.#waiting) {
      if (this.#isSlow) {
        connection.requestDrain();
        return;
      }
      const { latest } = subscription;
      this.#forget(subscription);
      if (latest !== undefined) connection.sendPrepared(latest);
    }
  }

  /** A fragmented message is complete: what was published meanwhile is sent. */
  messageEnded(): void {
    const held = this.#held;
    this.#held = undefined;
    this.#heldBytes = 0;
    if (held !== undefined) for (const message of held) this.#connection.sendPrepared(message);
    // A queue that drained while the message was open has not sent these.
    if (!this.#isSlow) this.drained();
  }

  #forget(subscription: Subscription): void {
    subscription.latest = undefined;
    this.#waiting?.delete(subscription);
  }

  get #isSlow(): boolean {
    return this.#connection.bufferedAmount + this.#heldBytes > this.#connection.highWaterMarkBytes;
  }

  #hold(message: PreparedMessage): boolean {
    const heldBytes = this.#heldBytes + heldOverheadBytes + message.payloadLength;
    const queuedBytes = heldBytes + this.#connection.bufferedAmount;
    if (queuedBytes > this.#connection.maxQueuedBytes) {
      this.#connection.overflow(queuedBytes);
      return false;
    }
    this.#held ??= [];
    this.#held.push(message);
    this.#heldBytes = heldBytes;
    return true;
  }
}
