// The life of connections on node:diagnostics_channel, for tracing and metrics that know nothing of the application. A
// channel without subscribers costs one look at a flag, when something rare happens; a message costs nothing.
// What a subscriber throws is no matter of the connection: Node reports it as an uncaught exception.

import { type Channel, channel } from 'node:diagnostics_channel';
import type { Connection } from '../connection/connection.ts';
import type { ConnectionProbe } from '../connection/connection-probe.ts';
import type { ClosedInfo } from '../connection/end-reason.ts';
import { unmaskedPayload } from '../protocol/frame-description.ts';
import type { FrameHeader } from '../protocol/frame-header.ts';
import { FrameCollector, type FrameDirection } from '../protocol/frame-observer.ts';
import { ServerConnection } from '../server/server-connection.ts';
import type { DecidedUpgrade, UpgradeWatcher } from '../server/upgrade-log.ts';

/** Which side of the connection this process is. */
export type Side = 'client' | 'server';

/** `fullduplex:upgrade`: an opening handshake was decided. */
export interface UpgradeMessage extends DecidedUpgrade {
  readonly side: Side;
  /** Client: what it connects to, as `example.com:443`; undefined on a server. */
  readonly target: string | undefined;
}

/** `fullduplex:open`: a connection is there. Its handlers are not attached yet. */
export interface OpenMessage {
  readonly side: Side;
  readonly connection: Connection<unknown>;
  /** Where the client connected to, without the query, where tokens travel. */
  readonly url: string;
}

/** `fullduplex:frame`: a frame went over the wire. */
export interface FrameMessage {
  readonly side: Side;
  readonly connection: Connection<unknown>;
  readonly direction: FrameDirection;
  readonly header: FrameHeader;
  /** The payload without its mask; of a long one the first 1,024 bytes. Compressed if the frame is. */
  readonly payload: Uint8Array;
}

/** `fullduplex:close`: a connection is gone. Comes before its `close` handler. */
export interface CloseMessage {
  readonly side: Side;
  readonly connection: Connection<unknown>;
  readonly info: ClosedInfo;
}

/** `fullduplex:error`: what a handler, `upgrade`, a frame observer or a listening socket threw; `onError` hears it too. */
export interface ErrorMessage {
  readonly side: Side;
  /** The connection that it concerns; undefined when there is none. */
  readonly connection: Connection<unknown> | undefined;
  readonly error: unknown;
}

/** A channel of node:diagnostics_channel with the type of what this package publishes there. */
export class DiagnosticsChannel<Message extends object> {
  /** The name by which node:diagnostics_channel knows it. */
  readonly name: string;
  // Held, because Node forgets channels that nobody holds.
  readonly #channel: Channel;
  readonly #wrapped = new Map<(message: Message) => void, () => void>();
  // Node passes messages on as unknown, within the call of publish.
  #published: Message | undefined;

  constructor(name: string) {
    this.name = name;
    this.#channel = channel(name);
  }

  /** Whether anybody listens. */
  get hasSubscribers(): boolean {
    return this.#channel.hasSubscribers;
  }

  /** Listens. What the listener throws is reported as an uncaught exception. */
  subscribe(listener: (message: Message) => void): void {
    if (this.#wrapped.has(listener)) return;
    const wrapped = (): void => {
      if (this.#published !== undefined) listener(this.#published);
    };
    this.#wrapped.set(listener, wrapped);
    this.#channel.subscribe(wrapped);
  }

  /** Ends to listen; gives whether this listener did. */
  unsubscribe(listener: (message: Message) => void): boolean {
    const wrapped = this.#wrapped.get(listener);
    if (wrapped === undefined) return false;
    this.#wrapped.delete(listener);
    this.#channel.unsubscribe(wrapped);
    return true;
  }

  /** Tells all who listen. */
  publish(message: Message): void {
    const outer = this.#published;
    this.#published = message;
    this.#channel.publish(message);
    this.#published = outer;
  }
}

/** All channels. `subscribe('fullduplex:close', ...)` of node:diagnostics_channel hears the same. */
export interface DiagnosticsChannels {
  readonly upgrade: DiagnosticsChannel<UpgradeMessage>;
  readonly open: DiagnosticsChannel<OpenMessage>;
  readonly frame: DiagnosticsChannel<FrameMessage>;
  readonly close: DiagnosticsChannel<CloseMessage>;
  readonly error: DiagnosticsChannel<ErrorMessage>;
}

/** The channels, typed: `diagnosticsChannels.close.subscribe(({ info }) => ...)`. */
export const diagnosticsChannels: DiagnosticsChannels = Object.freeze({
  upgrade: new DiagnosticsChannel<UpgradeMessage>('fullduplex:upgrade'),
  open: new DiagnosticsChannel<OpenMessage>('fullduplex:open'),
  frame: new DiagnosticsChannel<FrameMessage>('fullduplex:frame'),
  close: new DiagnosticsChannel<CloseMessage>('fullduplex:close'),
  error: new DiagnosticsChannel<ErrorMessage>('fullduplex:error'),
});

const { upgrade: upgrades, open: opens, frame: frames, close: closes, error: errors } = diagnosticsChannels;

const mostPublishedBytes = 1024;

/** Publishes what happens on one side. */
export class ChannelProbe implements ConnectionProbe, UpgradeWatcher {
  readonly #side: Side;

  constructor(side: Side) {
    this.#side = side;
  }

  /** Whether anybody subscribes to decisions about handshakes. */
  get isWatched(): boolean {
    return upgrades.hasSubscribers;
  }

  decided(upgrade: DecidedUpgrade, target?: string): void {
    upgrades.publish({ side: this.#side, target, ...upgrade });
  }

  /** @param requestUrl where a client connects to; a connection of a server knows it itself */
  opened(connection: Connection<unknown>, requestUrl?: URL): void {
    if (frames.hasSubscribers) this.#publishFrames(connection);
    if (!opens.hasSubscribers) return;
    const url = requestUrl ?? (connection instanceof ServerConnection ? connection.url : undefined);
    opens.publish({
      side: this.#side,
      connection,
      url: url === undefined ? '' : `${url.protocol}//${url.host}${url.pathname}`,
    });
  }

  failed(error: unknown, connection: Connection<unknown> | undefined): void {
    if (errors.hasSubscribers) errors.publish({ side: this.#side, connection, error });
  }

  closed(connection: Connection<unknown>): void {
    if (!closes.hasSubscribers) return;
    const info = connection.closedInfo;
    if (info !== undefined) closes.publish({ side: this.#side, connection, info });
  }

  /** Publishes the frames of a connection from now on, for as long as there are subscribers. */
  #publishFrames(connection: Connection<unknown>): void {
    connection.observe(
      new FrameCollector(mostPublishedBytes, (frame) => {
        if (!frames.hasSubscribers) return;
        const { direction, header } = frame;
        frames.publish({ side: this.#side, connection, direction, header, payload: unmaskedPayload(frame) });
      }),
    );
  }
}

/** What happens on connections of servers. */
export const serverProbe: ChannelProbe = new ChannelProbe('server');

/** What happens on connections that this process has opened. */
export const clientProbe: ChannelProbe = new ChannelProbe('client');
