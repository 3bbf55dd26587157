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

/** What comes over each channel. */
export interface DiagnosticsMessages {
  readonly 'fullduplex:upgrade': UpgradeMessage;
  readonly 'fullduplex:open': OpenMessage;
  readonly 'fullduplex:frame': FrameMessage;
  readonly 'fullduplex:close': CloseMessage;
  readonly 'fullduplex:error': ErrorMessage;
}

const upgrades = channelOf('fullduplex:upgrade');
const opens = channelOf('fullduplex:open');
const frames = channelOf('fullduplex:frame');
const closes = channelOf('fullduplex:close');
const errors = channelOf('fullduplex:error');

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

function channelOf<Name extends keyof DiagnosticsMessages>(
  name: Name,
): Pick<Channel, 'hasSubscribers'> & { publish(message: DiagnosticsMessages[Name]): void } {
  return channel(name);
}
