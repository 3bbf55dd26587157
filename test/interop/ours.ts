// Our side of every test: the one file that calls the library. It records what a connection hears, so that a
// scenario can ask for the next message, ping or pong, and counts the data frames that a message came in.

import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import {
  type Connection,
  type ConnectionHandlers,
  connect,
  serve,
  ServerConnection,
} from '../../src/index.ts';
import type { PerMessageDeflateOptions } from '../../src/protocol.ts';
import { Wire, type WireMessage } from './wire.ts';
import type { Certificate } from './workspace.ts';

/** A message as the library delivers it. */
export type Message = string | Uint8Array;

/** What the library is told of compression, in either role. */
export type Compression = boolean | PerMessageDeflateOptions;

/** The subprotocols that our server speaks, the one it likes best first. */
export const ourSubprotocols = ['echo.v1', 'echo.v2'];

/** Things that arrive, and those who wait for them. */
class Inbox<T> {
  readonly #items: T[] = [];
  readonly #waiters: { resolve: (item: T) => void; reject: (error: Error) => void }[] = [];
  #ended: Error | undefined;

  put(item: T): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#items.push(item);
    else waiter.resolve(item);
  }

  end(why: Error): void {
    this.#ended = why;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(why);
  }

  next(): Promise<T> {
    return new Promise((resolve, reject) => {
      const item = this.#items.shift();
      if (item !== undefined) resolve(item);
      else if (this.#ended !== undefined) reject(this.#ended);
      else this.#waiters.push({ resolve, reject });
    });
  }
}

/** One connection of ours and what it heard. */
export class Side {
  readonly #messages = new Inbox<Message>();
  readonly #pings = new Inbox<string>();
  readonly #pongs = new Inbox<string>();
  #connection: Connection<unknown> | undefined;
  readonly #wire = new Wire();

  /** What a connection calls: the handlers of our client, and of our server for this connection. */
  readonly handlers: Required<
    Pick<ConnectionHandlers<Connection<unknown>>, 'open' | 'message' | 'ping' | 'pong' | 'close'>
  > = {
    open: (connection) => {
      this.#connection = connection;
      connection.observe(this.#wire);
    },
    message: (_connection, message) => this.#messages.put(message),
    ping: (_connection, payload) => this.#pings.put(new TextDecoder().decode(payload)),
    pong: (_connection, payload) => this.#pongs.put(new TextDecoder().decode(payload)),
    close: (_connection, info) => {
      const why = new Error(`our side ended: ${JSON.stringify(info)} ${info.cause?.message ?? ''}`);
      for (const inbox of [this.#messages, this.#pings, this.#pongs]) inbox.end(why);
    },
  };

  /** The connection, once it is open. */
  get connection(): Connection<unknown> {
    if (this.#connection === undefined) throw new Error('the connection is not open yet');
    return this.#connection;
  }

  /** Who the client is and how it came, as our server was told. */
  get client(): { address: string | undefined; peerAddress: string | undefined; url: string } {
    const connection = this.connection;
    if (!(connection instanceof ServerConnection)) throw new Error('the connection is not of a server');
    const { remoteAddress, peerAddress, url } = connection;
    return { address: remoteAddress, peerAddress, url: url.href };
  }

  /** How many data frames (text, binary, continuation) have arrived. */
  get dataFramesReceived(): number {
    return this.#wire.in.dataFrames;
  }

  /** The data messages that have arrived, as they were on the wire. */
  get wireReceived(): readonly WireMessage[] {
    return this.#wire.in.messages;
  }

  /** The data messages that were sent, as they were on the wire. */
  get wireSent(): readonly WireMessage[] {
    return this.#wire.out.messages;
  }

  nextMessage(): Promise<Message> {
    return this.#messages.next();
  }

  nextPing(): Promise<string> {
    return this.#pings.next();
  }

  nextPong(): Promise<string> {
    return this.#pongs.next();
  }
}

/** How our server is set up for a test. */
export interface ListenOptions {
  /** Given: the server speaks TLS. */
  readonly certificate?: Certificate;
  /** Whether it speaks HTTP/2, without TLS, and nothing else. */
  readonly isHttp2?: boolean;
  /** Given: every ordinary request is answered with this page. */
  readonly page?: string;
  readonly pingIntervalMs?: number;
  readonly perMessageDeflate?: Compression;
  /** Given: pages of other origins may connect too. */
  readonly isOpenToAll?: boolean;
  /** The proxies whose word about clients counts. */
  readonly trustedProxies?: readonly string[];
}

/** Our server, which accepts /echo/<id> and leaves the rest of a conversation to the test. */
export class OurServer {
  readonly port: number;
  /** Sends a message to all connections that subscribed; gives how many. */
  readonly publish: (data: Message, options: { compress: boolean | undefined }) => number;
  readonly #stop: () => Promise<void>;
  readonly #arrived: Map<string, Side>;
  readonly #awaited: Map<string, (side: Side) => void>;

  private constructor(
    port: number,
    publish: OurServer['publish'],
    stop: () => Promise<void>,
    arrived: Map<string, Side>,
    awaited: Map<string, (side: Side) => void>,
  ) {
    this.port = port;
    this.publish = publish;
    this.#stop = stop;
    this.#arrived = arrived;
    this.#awaited = awaited;
  }

  static async listen(options: ListenOptions = {}): Promise<OurServer> {
    const {
      certificate,
      isHttp2 = false,
      page,
      pingIntervalMs,
      perMessageDeflate = false,
      isOpenToAll = false,
      trustedProxies,
    } = options;
    const answer = (
      _request: unknown,
      response: { end(body: string): unknown; setHeader: SetHeader },
    ): void => {
      response.setHeader('Content-Type', 'text/html; charset=utf-8');
      response.end(page ?? '');
    };
    const http = isHttp2
      ? createHttp2Server(answer)
      : certificate === undefined
        ? createServer(answer)
        : createTlsServer({ cert: certificate.cert, key: certificate.key }, answer);
    const sockets = new Set<Socket>();
    http.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const arrived = new Map<string, Side>();
    const awaited = new Map<string, (side: Side) => void>();
    const server = await serve(
      {
        server: http,
        path: '/:kind/:id',
        protocols: ourSubprotocols,
        perMessageDeflate,
        ...(pingIntervalMs === undefined ? {} : { pingIntervalMs }),
        ...(isOpenToAll ? { allowedOrigins: 'any' } : {}),
        ...(trustedProxies === undefined ? {} : { trustedProxies }),
        upgrade: ({ params }) =>
          params.kind === 'refuse'
            ? new Response('not here\n', { status: 403 })
            : { data: { id: params.id, side: new Side() } },
      },
      {
        open: (connection) => {
          const { id, side } = connection.data;
          side.handlers.open(connection);
          const waiting = awaited.get(id);
          if (waiting === undefined) arrived.set(id, side);
          else waiting(side);
        },
        message: (connection, message, type) =>
          connection.data.side.handlers.message(connection, message, type),
        ping: (connection, payload) => connection.data.side.handlers.ping(connection, payload),
        pong: (connection, payload, isKeepAlive) =>
          connection.data.side.handlers.pong(connection, payload, isKeepAlive),
        close: (connection, info) => connection.data.side.handlers.close(connection, info),
      },
    );
    const stop = async (): Promise<void> => {
      await server.close({ timeoutMs: 1000 });
      for (const socket of sockets) socket.destroy();
      if (http.listening) await new Promise((resolve) => http.close(resolve));
    };
    const publish: OurServer['publish'] = (data, { compress }) =>
      server.publish(topic, data, compress === undefined ? {} : { compress });
    return new OurServer((http.address() as AddressInfo).port, publish, stop, arrived, awaited);
  }

  /** Subscribes a connection of ours to what is published. */
  subscribe({ connection }: Side): void {
    if (!(connection instanceof ServerConnection)) throw new Error('the connection is not of a server');
    connection.subscribe(topic);
  }

  /** The connection whose URL ended in this id. */
  accepted(id: string): Promise<Side> {
    return new Promise((resolve) => {
      const side = this.#arrived.get(id);
      if (side === undefined) this.#awaited.set(id, resolve);
      else resolve(side);
    });
  }

  stop(): Promise<void> {
    return this.#stop();
  }
}

const topic = 'news';

type SetHeader = (name: string, value: string) => unknown;

/** Connects our client. */
export async function dial(
  url: string,
  options: {
    certificate?: Certificate;
    protocols?: string[];
    origin?: string;
    perMessageDeflate?: Compression;
    headers?: Record<string, string>;
    localAddress?: string;
  } = {},
): Promise<Side> {
  const {
    certificate,
    protocols = [],
    origin,
    perMessageDeflate = false,
    headers = {},
    localAddress,
  } = options;
  const tls = certificate === undefined ? {} : { tls: { ca: certificate.cert } };
  const side = new Side();
  const socket = localAddress === undefined ? {} : { socket: { localAddress } };
  const asked = {
    protocols,
    perMessageDeflate,
    headers,
    ...socket,
    ...tls,
    ...(origin === undefined ? {} : { origin }),
  };
  await connect(url, asked, side.handlers);
  return side;
}
