// Links over WebSocket: what an endpoint needs to bring them to the hub. What goes to many is encoded once, whatever the number
// of receivers.

import type { TextCodec } from '../../base/text-codec.ts';
import { PreparedMessage } from '../../protocol/prepared-message.ts';
import type { ServerConnection } from '../../server/server-connection.ts';
import type { EndpointOptions, ServerHandlers } from '../../server/server-options.ts';
import type { UpgradeRequest } from '../../server/upgrade-request.ts';
import type { LinkKind, ServerLink, ServerLinkEvents, SharedText } from '../link/link.ts';
import { jsonSubprotocol } from '../wire/frames.ts';
import type { HubSettings } from './hub-options.ts';
import type { LinkAcceptor, LinkPeer } from './link-acceptor.ts';

/** What a connection of the endpoint carries. */
export interface WebSocketLinkData {
  /** Who asked, until the link is made. */
  request: UpgradeRequest | undefined;
  events: ServerLinkEvents | undefined;
}

/** What `server.endpoint(path, options, handlers)` takes. */
export interface WebSocketEndpoint {
  readonly options: EndpointOptions<WebSocketLinkData>;
  readonly handlers: ServerHandlers<WebSocketLinkData>;
}

type LinkConnection = ServerConnection<WebSocketLinkData>;

/** Makes what an endpoint needs to bring its connections to an acceptor. */
export function webSocketEndpoint(acceptor: LinkAcceptor, settings: HubSettings): WebSocketEndpoint {
  const prepared = new PreparedTexts(settings.text);
  const { maxFrameBytes, highWaterMarkBytes, maxBufferedBytes, allowedOrigins } = settings;
  return {
    options: {
      protocols: [jsonSubprotocol],
      allowedOrigins,
      maxMessageBytes: maxFrameBytes,
      maxFrameBytes,
      highWaterMarkBytes,
      // The hub ends a session that reads too slowly, and says why; this is the net below.
      maxQueuedBytes: Math.max(maxBufferedBytes * 2, highWaterMarkBytes),
      // The heartbeat of the protocol does that, also where pings cannot be seen.
      pingIntervalMs: 0,
      upgrade: (request) => {
        if (request.protocols.includes(jsonSubprotocol)) return { data: { request, events: undefined } };
        return new Response(
          `Sec-WebSocket-Protocol names ${request.protocols.join(', ') || 'nothing'}, expected ${jsonSubprotocol}\n`,
          { status: 400, headers: { 'Content-Type': 'text/plain; charset=utf-8' } },
        );
      },
    },
    handlers: {
      open: (connection) => {
        const { data } = connection;
        const { request } = data;
        if (request === undefined) return;
        data.request = undefined;
        data.events = acceptor.accept(
          new WebSocketLink(connection, prepared, highWaterMarkBytes),
          new WebSocketPeer(request, connection.remoteAddress),
        );
      },
      message: (connection, message) => {
        // Everything is text here; bytes are read as if they were it, and refused as what they are.
        connection.data.events?.received(typeof message === 'string' ? message : '');
      },
      drain: (connection) => connection.data.events?.drained(),
      close: (connection) => connection.data.events?.ended(),
    },
  };
}

class WebSocketPeer implements LinkPeer {
  readonly kind: LinkKind = 'websocket';
  readonly remoteAddress: string | undefined;
  readonly #request: UpgradeRequest;

  constructor(request: UpgradeRequest, remoteAddress: string | undefined) {
    this.#request = request;
    this.remoteAddress = remoteAddress;
  }

  get url(): string {
    return this.#request.url.href;
  }

  header(name: string): string | undefined {
    return this.#request.headers.get(name) ?? undefined;
  }
}

class WebSocketLink implements ServerLink {
  readonly kind: LinkKind = 'websocket';
  readonly isTwoWay: boolean = true;
  readonly #connection: LinkConnection;
  readonly #prepared: PreparedTexts;
  readonly #highWaterMarkBytes: number;

  constructor(connection: LinkConnection, prepared: PreparedTexts, highWaterMarkBytes: number) {
    this.#connection = connection;
    this.#prepared = prepared;
    this.#highWaterMarkBytes = highWaterMarkBytes;
  }

  get bufferedBytes(): number {
    return this.#connection.bufferedAmount;
  }

  get isFull(): boolean {
    return this.#connection.bufferedAmount > this.#highWaterMarkBytes;
  }

  send(text: string): void {
    void this.#connection.send(text);
  }

  sendShared(shared: SharedText): void {
    void this.#connection.sendPrepared(this.#prepared.of(shared));
  }

  close(code: number, reason: string): void {
    void this.#connection.close(code, reason);
  }
}

// One text goes to all of its receivers before the next does, so the last one is all that has to be remembered.
class PreparedTexts {
  readonly #codec: TextCodec;
  #last: SharedText | undefined;
  #message: PreparedMessage | undefined;

  constructor(codec: TextCodec) {
    this.#codec = codec;
  }

  of(shared: SharedText): PreparedMessage {
    let message = this.#message;
    if (message === undefined || this.#last !== shared) {
      message = new PreparedMessage(shared.text, { text: this.#codec });
      this.#message = message;
      this.#last = shared;
    }
    return message;
  }
}
