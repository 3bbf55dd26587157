// The server as a `fetch` handler, for Cloudflare Workers and runtimes in its style: a request in, a response out, and with
// the response the client's end of a pair of sockets. Nothing listens here: that is the platform's.

import { FullduplexError } from '../base/errors.ts';
import { WebSocketTransport } from '../connection/web-socket-transport.ts';
import type { Limitation } from '../connection/unsupported-options.ts';
import {
  type PlatformEndpointOptions,
  platformLimitations,
  type PlatformServerOptions,
} from '../server/platform-options.ts';
import { PlatformServer, type PlatformUpgrade } from '../server/platform-server.ts';
import { requireFunctions, type ServerHandlers } from '../server/server-options.ts';
import type { UpgradeDecision } from '../server/upgrade-decision.ts';
import type { UpgradeRequest } from '../server/upgrade-request.ts';
import { currentWorkers, type WorkersRuntime } from './workers-runtime.ts';

/** The options of a fetch handler: one endpoint, the bounds of the server, and what is done with other requests. */
export interface FetchHandlerOptions<
  Data = undefined,
  Path extends string = string,
  Env = unknown,
  Context = unknown,
> extends PlatformServerOptions,
    Omit<PlatformEndpointOptions<Data, Path>, 'upgrade' | 'pingIntervalMs' | 'pongTimeoutMs'> {
  /** The path of the endpoint: `/chat/:room`, `/files/*`. @defaultValue every path */
  readonly path?: Path;
  /**
   * Decides about each request; as on Node, with what Workers hands to `fetch` beside the request.
   * @defaultValue accepts, without data
   */
  upgrade?(
    request: UpgradeRequest<Path>,
    env: Env,
    context: Context,
  ): UpgradeDecision<Data> | Promise<UpgradeDecision<Data>>;
  /**
   * Answers requests that are no upgrade to one of the endpoints.
   * @defaultValue 426 or 404
   */
  fetch?(request: Request, env: Env, context: Context): Response | Promise<Response>;
  /**
   * Gives the address of the client. Name another header only where nobody but the platform can write it: clients choose
   * what stands in the others. @defaultValue the header CF-Connecting-IP, which Cloudflare sets by itself
   */
  remoteAddress?(request: Request): string | undefined;
}

/** A `fetch` handler that serves WebSockets. */
export interface FetchHandler<Env = unknown, Context = unknown> {
  (request: Request, env: Env, context: Context): Response | Promise<Response>;
  /** The endpoints, connections and topics of this handler; each isolate has its own. */
  readonly server: PlatformServer;
}

const limitations: ReadonlyMap<string, Limitation> = new Map([
  ...platformLimitations,
  ['pingIntervalMs', { because: 'Workers sends no pings', kept: 0 }],
  ['pongTimeoutMs', { because: 'Workers sends no pings' }],
]);

/**
 * Makes a `fetch` handler of an endpoint: `export default { fetch: fetchHandler(options, handlers) }`, or called from the
 * `fetch` of a Durable Object, whose connections then share their topics. What `upgrade` returns as `data` types
 * `connection.data` in the handlers.
 *
 * Connections are as on Node, with what Workers can do: no pings, no pause, no fragments, no observed frames, no
 * `terminate` (`WS_UNSUPPORTED`), and no backpressure, because Workers does not tell what is queued.
 *
 * @throws FullduplexError `WS_OPTION_INVALID`; `WS_UNSUPPORTED` for an option that Workers cannot keep
 */
export function fetchHandler<
  Data = undefined,
  const Path extends string = string,
  Env = unknown,
  Context = unknown,
>(
  options: FetchHandlerOptions<Data, Path, Env, Context> = {},
  handlers: ServerHandlers<NoInfer<Data>> = {},
): FetchHandler<Env, Context> {
  requireFunctions(options, ['upgrade', 'fetch', 'remoteAddress']);
  // What came with a request, for the decision about it.
  const given = new WeakMap<Request, readonly [Env, Context]>();
  const server = new WorkersServer(options);
  const upgrade = options.upgrade?.bind(options);
  const decide = (request: UpgradeRequest<Path>): UpgradeDecision<Data> | Promise<UpgradeDecision<Data>> => {
    const platform = given.get(request.request);
    if (upgrade === undefined || platform === undefined)
      throw new FullduplexError('WS_STATE_INVALID', 'the request did not come through this handler');
    return upgrade(request, ...platform);
  };
  const endpoint: PlatformEndpointOptions<Data, Path> = {
    ...options,
    upgrade: upgrade === undefined ? undefined : decide,
  };
  const path: string = options.path ?? '/*';
  const ofAnyPath: PlatformEndpointOptions<Data> = endpoint;
  server.endpoint(path, ofAnyPath, handlers);
  const answer = options.fetch?.bind(options);
  const handle = (request: Request, env: Env, context: Context): Response | Promise<Response> => {
    given.set(request, [env, context]);
    return server.handle(
      request,
      options.remoteAddress === undefined ? cloudflareAddress(request) : options.remoteAddress(request),
      answer === undefined ? undefined : () => answer(request, env, context),
    );
  };
  return Object.assign(handle, { server });
}

/** The server behind a fetch handler. */
class WorkersServer extends PlatformServer {
  readonly #clock: PlatformServerOptions['clock'];

  constructor(options: PlatformServerOptions) {
    super(options, limitations);
    this.#clock = options.clock;
  }

  /** Answers a request. */
  handle(
    request: Request,
    remoteAddress: string | undefined,
    answer: (() => Response | Promise<Response>) | undefined,
  ): Response | Promise<Response> {
    return this.receive<Response>(
      { request, remoteAddress, isOnLoopback: false, hidesHandshake: true },
      { accept: (upgrade) => this.#upgrade(currentWorkers(), upgrade), answer },
    );
  }

  #upgrade(workers: WorkersRuntime, { protocol, headers, options, connect }: PlatformUpgrade): Response {
    const { 0: client, 1: socket } = new workers.WebSocketPair();
    const { highWaterMarkBytes, maxMessageBytes } = options;
    // Accepted first: what is sent before the response has left waits in the pair.
    socket.accept();
    connect(
      new WebSocketTransport(socket, {
        protocol,
        highWaterMarkBytes,
        maxMessageBytes,
        sendsEveryCloseCode: true,
        answersClose: true,
        ...(this.#clock === undefined ? {} : { clock: this.#clock }),
      }),
    );
    return new workers.Response(null, {
      status: 101,
      webSocket: client,
      headers: [
        ...headers.map(([name, value]): [string, string] => [name, value]),
        ...(protocol === '' ? [] : [['Sec-WebSocket-Protocol', protocol] satisfies [string, string]]),
      ],
    });
  }
}

function cloudflareAddress(request: Request): string | undefined {
  return request.headers.get('CF-Connecting-IP') ?? undefined;
}
