// A connection as the server has it: the Connection, who the peer is, and the topics that it is subscribed to.

import { Connection } from '../connection/connection.ts';
import type {
  ConnectionEnvironment,
  FragmentOptions,
  SendData,
  SendOptions,
} from '../connection/connection-handlers.ts';
import type { ConnectionOptions } from '../connection/connection-options.ts';
import type { ConnectionSnapshot } from '../connection/connection-snapshot.ts';
import type { MessageTransport } from '../connection/message-transport.ts';
import type { PreparedMessage } from '../protocol/prepared-message.ts';
import type { OpeningHandshake } from './opening-handshake.ts';
import { type SubscribedConnection, TopicSubscriptions } from './topic-subscriptions.ts';
import { type HttpVersion, type RequestedUrl, urlOf } from './upgrade-request.ts';
import { requireTopic, requireWhenSlow, type SubscribeOptions, type Topics } from './topics.ts';

/** Who the peer of a connection is. */
export interface ConnectionPeer {
  /** The address of the client; undefined over a unix socket. */
  readonly remoteAddress: string | undefined;
  /** The address of the immediate peer, which may be a proxy; undefined over a unix socket. */
  readonly peerAddress: string | undefined;
  /** Where the client connected to. */
  readonly url: RequestedUrl;
  /** What carries the connection. */
  readonly httpVersion: HttpVersion;
  /** The heads of the opening handshake, if they are kept. */
  readonly handshake: OpeningHandshake | undefined;
}

/** What a server tells all its connections about itself, and is told by them. */
export interface ConnectionHome {
  readonly topics: Topics;
  /** Told when a connection is gone. */
  readonly closed: (connection: ServerConnection<unknown>, code: number) => void;
  /** Hears what a handler threw. */
  readonly onError: (error: unknown, connection: ServerConnection<unknown>) => unknown;
}

/** A connection of a server at one moment. */
export interface ServerConnectionSnapshot extends ConnectionSnapshot {
  /** Where the client connected to, without the query: tokens travel there. */
  readonly url: string;
  /** The address of the client, behind proxies that are trusted; null over a unix socket. */
  readonly remoteAddress: string | null;
  /** The topics that it is subscribed to. */
  readonly topics: readonly string[];
}

/** A WebSocket connection that a server accepted. */
export class ServerConnection<Data = undefined> extends Connection<Data> {
  readonly #peer: ConnectionPeer;
  readonly #home: ConnectionHome;
  #url: URL | undefined;
  #subscriptions: TopicSubscriptions | undefined;

  constructor(
    transport: MessageTransport,
    data: Data,
    options: ConnectionOptions,
    environment: ConnectionEnvironment,
    peer: ConnectionPeer,
    home: ConnectionHome,
  ) {
    super(transport, data, options, environment);
    this.#peer = peer;
    this.#home = home;
  }

  /**
   * The address of the client: what the `trustedProxies` say, or else that of the peer. Undefined over a unix socket, if
   * nobody who is trusted says more.
   */
  get remoteAddress(): string | undefined {
    return this.#peer.remoteAddress;
  }

  /** The address of the immediate peer: that of a proxy, if there is one; undefined over a unix socket. */
  get peerAddress(): string | undefined {
    return this.#peer.peerAddress;
  }

  /** The URL that the client connected to, with the scheme `ws:` or `wss:`. */
  get url(): URL {
    this.#url ??= new URL(urlOf(this.#peer.url));
    return this.#url;
  }

  /** The version of HTTP that carries the connection: `1.1`, or `2` for one stream among others (RFC 8441). */
  get httpVersion(): HttpVersion {
    return this.#peer.httpVersion;
  }

  /** The opening handshake as it was; undefined without the option `keepHandshake`. */
  get handshake(): OpeningHandshake | undefined {
    return this.#peer.handshake;
  }

  /** The topics that this connection is subscribed to. */
  get topics(): readonly string[] {
    return this.#subscriptions?.names ?? [];
  }

  override snapshot(): ServerConnectionSnapshot {
    const { origin, pathname } = this.url;
    return {
      ...super.snapshot(),
      url: `${origin}${pathname}`,
      remoteAddress: this.remoteAddress ?? null,
      topics: this.topics,
    };
  }

  override toJSON(): ServerConnectionSnapshot {
    return this.snapshot();
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
    this.#subscriptions ??= new TopicSubscriptions(new ServerConnection.#Inside(this), this.#home.topics);
    this.#subscriptions.add(topic, whenSlow);
  }

  /** Leaves a topic; gives whether the connection was subscribed to it. */
  unsubscribe(topic: string): boolean {
    return this.#subscriptions?.remove(topic) ?? false;
  }

  /**
   * Sends a message to all other subscribers of a topic, whether this connection is one of them or not.
   * @returns how many of them get it
   * @throws FullduplexError `WS_ARGUMENT_INVALID`
   */
  publish(topic: string, data: SendData, options?: SendOptions): number {
    return this.#home.topics.publish(topic, data, options, this.#subscriptions);
  }

  override sendFragment(data: SendData, options: FragmentOptions): boolean | Promise<boolean> {
    const result = super.sendFragment(data, options);
    if (options.fin && this.readyState === 'open') this.#subscriptions?.messageEnded();
    return result;
  }

  protected override reportError(error: unknown): unknown {
    return this.#home.onError(error, this);
  }

  protected override onDrained(): void {
    this.#subscriptions?.drained();
  }

  protected override onClosed(code: number): void {
    this.#subscriptions?.clear();
    this.#subscriptions = undefined;
    this.#home.closed(this, code);
  }

  // What topics may do with a connection beyond what users see.
  static readonly #Inside = class implements SubscribedConnection {
    readonly #connection: ServerConnection<unknown>;

    constructor(connection: ServerConnection<unknown>) {
      this.#connection = connection;
    }

    get readyState(): 'open' | 'closing' | 'closed' {
      return this.#connection.readyState;
    }

    get bufferedAmount(): number {
      return this.#connection.bufferedAmount;
    }

    get isMessageOpen(): boolean {
      return this.#connection.isMessageOpen;
    }

    get highWaterMarkBytes(): number {
      return this.#connection.options.highWaterMarkBytes;
    }

    get maxQueuedBytes(): number {
      return this.#connection.options.maxQueuedBytes;
    }

    sendPrepared(message: PreparedMessage): boolean | Promise<boolean> {
      return this.#connection.sendPrepared(message);
    }

    requestDrain(): void {
      this.#connection.requestDrain();
    }

    overflow(queuedBytes: number): void {
      this.#connection.overflow(queuedBytes);
    }
  };
}
