// A connection as the server has it: the Connection, who the peer is, and the topics that it is subscribed to.

import {
  Connection,
  type ConnectionEnvironment,
  type FragmentOptions,
  type SendData,
  type SendOptions,
} from '../connection/connection.ts';
import type { ConnectionOptions } from '../connection/connection-options.ts';
import type { MessageTransport } from '../connection/message-transport.ts';
import type { PreparedMessage } from '../protocol/prepared-message.ts';
import type { OpeningHandshake } from './opening-handshake.ts';
import {
  requireTopic,
  requireWhenSlow,
  type SubscribeOptions,
  type Subscriber,
  type Subscription,
  type Topics,
} from './topics.ts';

/** What a server tells a connection about its peer and about itself. */
export interface ServerConnectionContext {
  /** The address of the peer; undefined over a unix socket. */
  readonly remoteAddress: string | undefined;
  /** The URL that the client connected to. */
  readonly url: string;
  /** The heads of the opening handshake, if they are kept. */
  readonly handshake: OpeningHandshake | undefined;
  readonly topics: Topics;
  /** Told when the connection is gone. */
  readonly closed: (connection: ServerConnection<unknown>) => void;
}

/** A WebSocket connection that a server accepted. */
export class ServerConnection<Data = undefined> extends Connection<Data> {
  readonly #context: ServerConnectionContext;
  readonly #highWaterMarkBytes: number;
  readonly #maxQueuedBytes: number;
  #url: URL | undefined;
  // Both are made with the first subscription: most connections of some servers have none.
  #subscriptions: Map<string, Subscription> | undefined;
  #subscriber: Subscriber | undefined;
  // Between the fragments of a message nothing but control frames may be sent (RFC 6455 5.4).
  #isMessageOpen = false;
  #held: PreparedMessage[] = [];
  #heldBytes = 0;

  constructor(
    transport: MessageTransport,
    data: Data,
    options: ConnectionOptions,
    environment: ConnectionEnvironment,
    context: ServerConnectionContext,
  ) {
    super(transport, data, options, environment);
    this.#context = context;
    this.#highWaterMarkBytes = options.highWaterMarkBytes;
    this.#maxQueuedBytes = options.maxQueuedBytes;
  }

  /** The address of the peer (a proxy's, if there is one); undefined over a unix socket. */
  get remoteAddress(): string | undefined {
    return this.#context.remoteAddress;
  }

  /** The URL that the client connected to, with the scheme `ws:` or `wss:`. */
  get url(): URL {
    this.#url ??= new URL(this.#context.url);
    return this.#url;
  }

  /** The opening handshake as it was; undefined without the option `keepHandshake`. */
  get handshake(): OpeningHandshake | undefined {
    return this.#context.handshake;
  }

  /** The topics that this connection is subscribed to. */
  get topics(): readonly string[] {
    return this.#subscriptions === undefined ? [] : [...this.#subscriptions.keys()];
  }

  /**
   * Subscribes to a topic; a second time changes only the options. A connection that is closing or closed is not
   * subscribed.
   * @throws FullduplexError `WS_ARGUMENT_INVALID`, `WS_OPTION_INVALID`
   */
  subscribe(topic: string, options: SubscribeOptions = {}): void {
    requireTopic(topic);
    const whenSlow = requireWhenSlow(options.whenSlow ?? 'close');
    if (this.readyState !== 'open') return;
    this.#subscriptions ??= new Map();
    this.#subscriber ??= { deliver: (message, subscription) => this.#deliver(message, subscription) };
    const subscription = this.#subscriptions.get(topic);
    if (subscription === undefined) {
      this.#subscriptions.set(topic, this.#context.topics.add(topic, this.#subscriber, whenSlow));
      return;
    }
    subscription.whenSlow = whenSlow;
    if (whenSlow !== 'latest') subscription.latest = undefined;
  }

  /** Leaves a topic; gives whether the connection was subscribed to it. */
  unsubscribe(topic: string): boolean {
    const subscription = this.#subscriptions?.get(topic);
    if (subscription === undefined) return false;
    this.#subscriptions?.delete(topic);
    this.#context.topics.remove(subscription);
    return true;
  }

  /**
   * Sends a message to all other subscribers of a topic, whether this connection is one of them or not.
   * @returns how many of them get it
   * @throws FullduplexError `WS_ARGUMENT_INVALID`
   */
  publish(topic: string, data: SendData, options?: SendOptions): number {
    return this.#context.topics.publish(topic, data, options, this.#subscriber);
  }

  override sendFragment(data: SendData, options: FragmentOptions): boolean | Promise<boolean> {
    const result = super.sendFragment(data, options);
    if (this.readyState !== 'open') return result;
    this.#isMessageOpen = !options.fin;
    if (options.fin) this.#messageEnded();
    return result;
  }

  protected override onDrained(): void {
    if (this.#subscriptions === undefined || this.#isMessageOpen) return;
    for (const subscription of this.#subscriptions.values()) {
      const { latest } = subscription;
      if (latest === undefined) continue;
      if (this.#isSlow()) {
        this.requestDrain();
        return;
      }
      subscription.latest = undefined;
      this.sendPrepared(latest);
    }
  }

  protected override onClosed(): void {
    const subscriptions = this.#subscriptions;
    this.#subscriptions = undefined;
    this.#held = [];
    if (subscriptions !== undefined) {
      for (const subscription of subscriptions.values()) this.#context.topics.remove(subscription);
    }
    this.#context.closed(this);
  }

  #deliver(message: PreparedMessage, subscription: Subscription): boolean {
    if (this.readyState !== 'open') return false;
    if (subscription.whenSlow !== 'close' && this.#isSlow()) {
      if (subscription.whenSlow === 'drop') return false;
      subscription.latest = message;
      this.requestDrain();
      return true;
    }
    if (this.#isMessageOpen) return this.#hold(message);
    subscription.latest = undefined;
    return this.sendPrepared(message) !== false;
  }

  #isSlow(): boolean {
    return this.bufferedAmount + this.#heldBytes > this.#highWaterMarkBytes;
  }

  #hold(message: PreparedMessage): boolean {
    if (this.#heldBytes + message.payloadLength > this.#maxQueuedBytes) {
      this.overflow(this.#heldBytes + message.payloadLength);
      return false;
    }
    this.#held.push(message);
    this.#heldBytes += message.payloadLength;
    return true;
  }

  #messageEnded(): void {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const message of held) this.sendPrepared(message);
    // A queue that drained while the message was open has not sent these.
    if (!this.#isSlow()) this.onDrained();
  }
}
