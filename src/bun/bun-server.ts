// The server on Bun's own listener. Bun has one set of WebSocket handlers for a whole server and one value for each
// socket, which here is what the upgrade agreed and, once it is open, the transport.

import { FullduplexError } from '../base/errors.ts';
import { resolveConnectionOptions } from '../connection/connection-options.ts';
import { defaultPerMessageDeflateOptions } from '../protocol/extensions/permessage-deflate/options.ts';
import type { Endpoint } from '../server/endpoint.ts';
import { hostInUrl, type ListenAddress, listenError } from '../server/listen-address.ts';
import {
  type PlatformEndpointOptions,
  platformLimitations,
  type PlatformServerOptions,
} from '../server/platform-options.ts';
import { PlatformServer, type PlatformUpgrade } from '../server/platform-server.ts';
import { isLoopbackTarget, type PlatformTls } from '../server/platform-target.ts';
import { requireFunctions, requireOptionalBoolean, type ServerHandlers } from '../server/server-options.ts';
import type { BunListener, BunRuntime, BunSocketHandlers } from './bun-runtime.ts';
import { BunTransport } from './bun-transport.ts';

/** The options of a whole server on Bun. */
export interface BunServerOptions extends PlatformServerOptions {
  /**
   * Answers requests that are no upgrade to one of the endpoints. Bun's server is the second argument.
   * @defaultValue 426 or 404
   */
  fetch?(request: Request, listener: BunListener): Response | Promise<Response>;
  /**
   * Compresses the messages of all endpoints (RFC 7692) where the client agrees: by Bun, from 1 KiB on, without taking
   * contexts over. What an attacker can put into a message beside a secret tells him the secret by the length of the
   * frame (CRIME, BREACH). @defaultValue false
   */
  readonly perMessageDeflate?: boolean;
}

/** The `data` of a WebSocket of Bun: what the upgrade agreed, and the transport once it is open. */
export interface BunSocketData {
  readonly upgrade: PlatformUpgrade;
  transport: BunTransport | undefined;
}

// Bun drops messages beyond it without a word: it has to be above any queue of ours.
const backpressureLimitBytes = 0x7fff_ffff;
// Bun's own bounds for a request that takes its time, in seconds: what it grants by itself, and at most.
const usualIdleTimeoutS = 10;
const longestIdleTimeoutS = 255;

/** A WebSocket server on Bun; `serve` of `fullduplex/bun` makes it. */
export class BunServer extends PlatformServer {
  /** What `Bun.serve` takes as `websocket`, for a server of your own (`listen: false`). */
  readonly websocket: BunSocketHandlers<BunSocketData>;
  /**
   * Answers a request of a server of your own; undefined means that Bun has upgraded it. It needs no `this`:
   * `Bun.serve({ fetch: server.fetch, websocket: server.websocket })`.
   */
  readonly fetch: (
    request: Request,
    listener: BunListener,
  ) => Response | undefined | Promise<Response | undefined>;
  readonly #maxMessageBytes: number;
  #isOnLoopback = false;

  /** @throws FullduplexError `WS_OPTION_INVALID`, `WS_UNSUPPORTED` for an option that Bun cannot keep */
  constructor(options: BunServerOptions & Partial<Pick<PlatformEndpointOptions, 'maxMessageBytes'>>) {
    // Compression is for the whole server, and Bun's.
    const { perMessageDeflate = false, maxMessageBytes, ...portable } = options;
    super(portable, platformLimitations);
    requireFunctions(options, ['fetch']);
    requireOptionalBoolean('perMessageDeflate', options.perMessageDeflate);
    const answer = options.fetch?.bind(options);
    this.fetch = (request, listener) =>
      this.receive<undefined>(
        {
          request,
          remoteAddress: listener.requestIP(request)?.address,
          isOnLoopback: this.#isOnLoopback,
        },
        {
          accept: (upgrade) => upgradeWith(listener, request, upgrade),
          answer: answer === undefined ? undefined : () => answer(request, listener),
        },
      );
    this.#maxMessageBytes = resolveConnectionOptions(
      maxMessageBytes === undefined ? {} : { maxMessageBytes },
    ).maxMessageBytes;
    this.websocket = socketHandlers(this.#maxMessageBytes, perMessageDeflate);
  }

  /**
   * Adds an endpoint; as on Node. Bun has one bound for the messages of a server, so that `maxMessageBytes` may be
   * smaller than that of `serve`, and not larger.
   * @throws FullduplexError `WS_OPTION_INVALID`, `WS_UNSUPPORTED`, `WS_STATE_INVALID` when the server is closed
   */
  override endpoint<Data = undefined, const Path extends string = string>(
    path: Path,
    options: PlatformEndpointOptions<Data, Path>,
    handlers: ServerHandlers<NoInfer<Data>> = {},
  ): Endpoint {
    const { maxMessageBytes = this.#maxMessageBytes } = options;
    if (maxMessageBytes > this.#maxMessageBytes) {
      throw new FullduplexError(
        'WS_OPTION_INVALID',
        `option maxMessageBytes is ${maxMessageBytes}, expected at most that of the server: ${this.#maxMessageBytes}`,
      );
    }
    return super.endpoint(path, { ...options, maxMessageBytes }, handlers);
  }

  /**
   * Listens with a server of Bun.
   * @throws FullduplexError `WS_PORT_IN_USE`, `WS_LISTEN_FAILED`
   */
  listen(
    bun: BunRuntime,
    address: ListenAddress,
    tls: PlatformTls | undefined,
    handshakeTimeoutMs: number,
  ): void {
    this.#isOnLoopback = isLoopbackTarget(address);
    const listener = bunListener(bun, address, {
      ...(tls === undefined ? {} : { tls }),
      idleTimeout: idleTimeoutFor(handshakeTimeoutMs),
      fetch: this.fetch,
      error: (error) => {
        this.report(error, undefined);
        return new Response('the server failed to answer this request\n', { status: 500 });
      },
      websocket: this.websocket,
    });
    const { port, hostname = 'localhost' } = listener;
    const scheme = tls === undefined ? 'ws' : 'wss';
    this.listensBy({
      url:
        'socketPath' in address
          ? `${scheme}+unix:${encodeURI(address.socketPath)}`
          : `${scheme}://${hostInUrl(hostname)}:${port}`,
      address: 'socketPath' in address ? address.socketPath : hostname,
      port: 'socketPath' in address ? undefined : port,
      stopAccepting: () => void listener.stop(),
      end: () => listener.stop(true),
    });
  }
}

// Longer than a decision may take, so that its refusal still finds the connection.
function idleTimeoutFor(handshakeTimeoutMs: number): number {
  const neededS = Math.ceil(handshakeTimeoutMs / 1000) + 1;
  return Math.min(Math.max(neededS, usualIdleTimeoutS), longestIdleTimeoutS);
}

function bunListener(
  bun: BunRuntime,
  address: ListenAddress,
  options: Parameters<typeof bun.serve<BunSocketData>>[0],
): BunListener {
  try {
    if ('socketPath' in address) return bun.serve({ ...options, unix: address.socketPath });
    const { port, host } = address;
    return bun.serve({ ...options, port, ...(host === undefined ? {} : { hostname: host }) });
  } catch (error) {
    throw listenError(error instanceof Error ? error : new Error(String(error)), address);
  }
}

function upgradeWith(
  listener: BunListener,
  request: Request,
  upgrade: PlatformUpgrade,
): undefined | Response {
  const { protocol, headers } = upgrade;
  const data: BunSocketData = { upgrade, transport: undefined };
  const isUpgraded = listener.upgrade(request, {
    data,
    headers: [
      ...headers.map(([name, value]): [string, string] => [name, value]),
      ...(protocol === '' ? [] : [['Sec-WebSocket-Protocol', protocol] satisfies [string, string]]),
    ],
  });
  return isUpgraded ? undefined : new Response('Bun could not upgrade this request\n', { status: 400 });
}

function socketHandlers(
  maxMessageBytes: number,
  perMessageDeflate: boolean,
): BunSocketHandlers<BunSocketData> {
  const compressFromBytes = perMessageDeflate ? defaultPerMessageDeflateOptions.thresholdBytes : undefined;
  return {
    maxPayloadLength: Math.min(maxMessageBytes, 0x7fff_ffff),
    // Our keep-alive notices the dead, and our bounds end those who do not read.
    idleTimeout: 0,
    sendPings: false,
    backpressureLimit: backpressureLimitBytes,
    perMessageDeflate,
    open(socket) {
      const { upgrade } = socket.data;
      const { protocol, options } = upgrade;
      const transport = new BunTransport(socket, {
        protocol,
        maxMessageBytes: options.maxMessageBytes,
        compressFromBytes,
      });
      socket.data.transport = transport;
      upgrade.connect(transport);
    },
    message: (socket, message) => socket.data.transport?.message(message),
    drain: (socket) => socket.data.transport?.drain(),
    ping: (socket, payload) => socket.data.transport?.ping(payload),
    pong: (socket, payload) => socket.data.transport?.pong(payload),
    close: (socket, code, reason) => socket.data.transport?.close(code, reason),
  };
}
