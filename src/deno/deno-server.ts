// The server on Deno's own listener: requests come from Deno.serve, or from a server of the user's, and
// Deno.upgradeWebSocket gives a WebSocket of the platform for each that is accepted.

import type { ConnectionOptions } from '../connection/connection-options.ts';
import { WebSocketTransport } from '../connection/web-socket-transport.ts';
import { hostInUrl, type ListenAddress, listenError } from '../server/listen-address.ts';
import { platformLimitations, type PlatformServerOptions } from '../server/platform-options.ts';
import { PlatformServer, type PlatformUpgrade } from '../server/platform-server.ts';
import { isLoopbackTarget, type PlatformTls } from '../server/platform-target.ts';
import { requireFunctions } from '../server/server-options.ts';
import {
  currentDeno,
  type DenoListener,
  type DenoRequestInfo,
  type DenoRuntime,
  type DenoServeOptions,
} from './deno-runtime.ts';

/** The options of a whole server on Deno. */
export interface DenoServerOptions extends PlatformServerOptions {
  /**
   * Answers requests that are no upgrade to one of the endpoints.
   * @defaultValue 426 or 404
   */
  fetch?(request: Request, info: DenoRequestInfo): Response | Promise<Response>;
}

/** A WebSocket server on Deno; `serve` of `fullduplex/deno` makes it. */
export class DenoServer extends PlatformServer {
  /** Answers a request of a server of your own. It needs no `this`: `Deno.serve(server.fetch)`. */
  readonly fetch: (request: Request, info: DenoRequestInfo) => Response | Promise<Response>;
  readonly #clock: DenoServerOptions['clock'];
  #isOnLoopback = false;

  /** @throws FullduplexError `WS_OPTION_INVALID`, `WS_UNSUPPORTED` for an option that Deno cannot keep */
  constructor(options: DenoServerOptions) {
    super(options, platformLimitations);
    requireFunctions(options, ['fetch']);
    const answer = options.fetch?.bind(options);
    this.fetch = (request, info) =>
      this.receive<Response>(
        { request, remoteAddress: info.remoteAddr.hostname, isOnLoopback: this.#isOnLoopback },
        {
          accept: (upgrade) => this.#upgrade(request, upgrade),
          answer: answer === undefined ? undefined : () => answer(request, info),
        },
      );
    this.#clock = options.clock;
  }

  /**
   * Listens with a server of Deno.
   * @throws FullduplexError `WS_PORT_IN_USE`, `WS_LISTEN_FAILED`
   */
  listen(deno: DenoRuntime, address: ListenAddress, tls: PlatformTls | undefined): void {
    this.#isOnLoopback = isLoopbackTarget(address);
    const cut = new AbortController();
    const listener = denoListener(deno, address, this.fetch, {
      ...(tls === undefined ? {} : tls),
      signal: cut.signal,
      onListen: () => undefined,
      onError: (error) => {
        this.report(error, undefined);
        return new Response('the server failed to answer this request\n', { status: 500 });
      },
    });
    const { hostname = 'localhost', port, path = '' } = listener.addr;
    const scheme = tls === undefined ? 'ws' : 'wss';
    const isUnix = 'socketPath' in address;
    this.listensBy({
      url: isUnix ? `${scheme}+unix:${encodeURI(path)}` : `${scheme}://${hostInUrl(hostname)}:${port}`,
      address: isUnix ? path : hostname,
      port,
      // shutdown() would end the WebSockets in its own words; until they are closed, who comes is refused.
      stopAccepting: () => undefined,
      end: () => {
        cut.abort();
        return listener.finished;
      },
    });
  }

  #upgrade(request: Request, { protocol, headers, options, connect }: PlatformUpgrade): Response {
    const { socket, response } = currentDeno().upgradeWebSocket(request, {
      ...(protocol === '' ? {} : { protocol }),
      idleTimeout: idleTimeoutOf(options),
    });
    for (const [name, value] of headers) response.headers.append(name, value);
    socket.addEventListener('open', () => {
      const { highWaterMarkBytes, maxMessageBytes } = options;
      connect(
        new WebSocketTransport(socket, {
          protocol,
          highWaterMarkBytes,
          maxMessageBytes,
          sendsEveryCloseCode: true,
          ...(this.#clock === undefined ? {} : { clock: this.#clock }),
        }),
      );
    });
    return response;
  }
}

/**
 * Deno pings by itself, half-way into this time of silence, and ends who has not answered when it is over; in seconds.
 * So the dead are noticed as soon as elsewhere: one interval and one deadline after they have spoken.
 */
function idleTimeoutOf({ pingIntervalMs, pongTimeoutMs }: ConnectionOptions): number {
  return pingIntervalMs === 0 ? 0 : Math.ceil((pingIntervalMs + pongTimeoutMs) / 1000);
}

function denoListener(
  deno: DenoRuntime,
  address: ListenAddress,
  handler: Parameters<DenoRuntime['serve']>[1],
  options: DenoServeOptions,
): DenoListener {
  try {
    if ('socketPath' in address) return deno.serve({ ...options, path: address.socketPath }, handler);
    const { port, host } = address;
    return deno.serve({ ...options, port, ...(host === undefined ? {} : { hostname: host }) }, handler);
  } catch (error) {
    throw listenError(error instanceof Error ? error : new Error(String(error)), address);
  }
}
