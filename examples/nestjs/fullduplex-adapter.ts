// A WebSocket adapter for NestJS: copy this file into an application and call
// `app.useWebSocketAdapter(new FullduplexAdapter(app))`. Gateways share the application's port and are told apart by their
// path. Messages are JSON, `{ event, data }`, as with @nestjs/platform-ws.

import type { INestApplication, WebSocketAdapter, WsMessageHandler } from '@nestjs/common';
import {
  type EndpointOptions,
  type ServerConnection,
  type UpgradeRequest,
  WebSocketServer,
} from 'fullduplex';
import type { Observable } from 'rxjs';

/** What `@WebSocketGateway()` takes: the path, and all options of an endpoint of fullduplex. */
export interface GatewayOptions extends EndpointOptions {
  /** Where its clients connect. @defaultValue '/' */
  readonly path?: string;
}

type Transform = (result: unknown) => Observable<unknown>;

/** A client of a gateway, for `@ConnectedSocket()`. */
export class GatewayClient {
  /** The request that opened the connection. */
  readonly request: UpgradeRequest;
  readonly #topicOf: (room: string) => string;
  readonly #handlers = new Map<string, (data: unknown) => Observable<unknown>>();
  readonly #disconnected: (() => void)[] = [];
  #connection: ServerConnection<GatewayClient> | undefined;

  constructor(request: UpgradeRequest, topicOf: (room: string) => string) {
    this.request = request;
    this.#topicOf = topicOf;
  }

  /** The connection itself, for all that an event is too narrow for. */
  get connection(): ServerConnection<GatewayClient> {
    if (this.#connection === undefined) throw new Error('the client is not connected yet');
    return this.#connection;
  }

  /** Sends an event. NestJS sends its exceptions through here too, as the event `exception`. */
  emit(event: string, data: unknown): boolean | Promise<boolean> {
    return this.connection.send(JSON.stringify({ event, data }));
  }

  /** Receives what is emitted to a room from now on. */
  join(room: string): void {
    this.connection.subscribe(this.#topicOf(room));
  }

  /** Leaves a room; gives whether the client was in it. */
  leave(room: string): boolean {
    return this.connection.unsubscribe(this.#topicOf(room));
  }

  /** The adapter's: the connection is open. */
  connected(connection: ServerConnection<GatewayClient>): void {
    this.#connection = connection;
  }

  /** The adapter's: one more gateway wants to know of the end. */
  whenDisconnected(callback: () => void): void {
    this.#disconnected.push(callback);
  }

  /** The adapter's: one more gateway takes messages. */
  handle(handlers: readonly WsMessageHandler[], transform: Transform): void {
    for (const { message, callback } of handlers) {
      this.#handlers.set(message, (data) => transform(callback(data, message)));
    }
  }

  /** The adapter's: a message has arrived. */
  received(message: string | Uint8Array): void {
    const request = typeof message === 'string' ? parseRequest(message) : undefined;
    const handler = request === undefined ? undefined : this.#handlers.get(request.event);
    if (request === undefined || handler === undefined) {
      // A mistake of the client's, said in the words in which NestJS says others.
      const complaint = request === undefined ? 'expected { "event": ..., "data": ... }' : 'no such event';
      void this.emit('exception', { status: 'error', message: complaint });
      return;
    }
    handler(request.data).subscribe((answer) => {
      if (answer !== undefined && answer !== null) this.connection.send(JSON.stringify(answer));
    });
  }

  /** The adapter's: the connection has ended. */
  ended(): void {
    for (const callback of this.#disconnected) callback();
  }
}

/** A gateway's server, for `@WebSocketServer()`. */
export class GatewayServer {
  readonly path: string;
  readonly #server: WebSocketServer;
  readonly #connected: ((client: GatewayClient, request: UpgradeRequest) => void)[] = [];

  constructor(server: WebSocketServer, options: GatewayOptions) {
    const { path = '/' } = options;
    this.path = path;
    this.#server = server;
    server.endpoint<GatewayClient>(
      path,
      {
        ...options,
        upgrade: async (request) => {
          const decision = await options.upgrade?.(request);
          if (decision instanceof Response) return decision;
          return { ...decision, data: new GatewayClient(request, (room) => this.#topicOf(room)) };
        },
      },
      {
        open: (connection) => {
          const client = connection.data;
          client.connected(connection);
          connection.subscribe(this.path);
          for (const callback of this.#connected) callback(client, client.request);
        },
        message: (connection, message) => connection.data.received(message),
        close: (connection) => connection.data.ended(),
      },
    );
  }

  /** Sends an event to all clients of the gateway; gives how many. */
  emit(event: string, data: unknown): number {
    return this.#server.publish(this.path, JSON.stringify({ event, data }));
  }

  /** The clients in a room. */
  to(room: string): { emit(event: string, data: unknown): number } {
    return {
      emit: (event, data) => this.#server.publish(this.#topicOf(room), JSON.stringify({ event, data })),
    };
  }

  /** The adapter's: one more gateway on this path wants to know of clients. */
  whenConnected(callback: (client: GatewayClient, request: UpgradeRequest) => void): void {
    this.#connected.push(callback);
  }

  #topicOf(room: string): string {
    return `${this.path} ${room}`;
  }
}

/** Serves the gateways of an application with fullduplex. */
export class FullduplexAdapter implements WebSocketAdapter<GatewayServer, GatewayClient, GatewayOptions> {
  readonly #server: WebSocketServer;

  constructor(app: INestApplication) {
    this.#server = new WebSocketServer({}, { server: app.getHttpServer(), isOwn: false });
  }

  /** Called once for each path. */
  create(port: number, options: GatewayOptions & { readonly namespace?: string } = {}): GatewayServer {
    const { namespace, ...endpoint } = options;
    if (port !== 0)
      throw new Error(`a gateway asks for port ${port}: it shares the application's, give it a path`);
    if (namespace !== undefined)
      throw new Error(`a gateway asks for the namespace ${namespace}: give it a path`);
    return new GatewayServer(this.#server, endpoint);
  }

  bindClientConnect(
    server: GatewayServer,
    callback: (client: GatewayClient, request: UpgradeRequest) => void,
  ): void {
    server.whenConnected(callback);
  }

  bindClientDisconnect(client: GatewayClient, callback: () => void): void {
    client.whenDisconnected(callback);
  }

  bindMessageHandlers(client: GatewayClient, handlers: WsMessageHandler[], transform: Transform): void {
    client.handle(handlers, transform);
  }

  /** Called for each gateway when the application closes, before its HTTP server does; all share one end. */
  close(): Promise<void> {
    return this.#server.close();
  }

  /** Called at last, also without any gateway. */
  dispose(): Promise<void> {
    return this.#server.close();
  }
}

function parseRequest(message: string): { readonly event: string; readonly data: unknown } | undefined {
  try {
    const parsed: unknown = JSON.parse(message);
    if (typeof parsed !== 'object' || parsed === null || !('event' in parsed)) return undefined;
    const { event } = parsed;
    return typeof event === 'string'
      ? { event, data: 'data' in parsed ? parsed.data : undefined }
      : undefined;
  } catch {
    // Not JSON: answered as any other message that is no request.
    return undefined;
  }
}
