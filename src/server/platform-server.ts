// A server on a platform that hands in requests of the Fetch standard and speaks the protocol by itself: the endpoints,
// decisions, topics, deadlines and the orderly end of a server on Node, without sockets. Bun, Deno and Workers stand on it.

import { systemClock, type Clock } from '../base/clock.ts';
import { FullduplexError } from '../base/errors.ts';
import { isThenable, onRejection } from '../base/rejections.ts';
import { portableScheduler } from '../base/scheduler.ts';
import { portableTextCodec } from '../base/text-codec.ts';
import type { SendData, SendOptions } from '../connection/connection-handlers.ts';
import type { ConnectionOptions } from '../connection/connection-options.ts';
import type { MessageTransport } from '../connection/message-transport.ts';
import { type Limitation, refuseUnsupported } from '../connection/unsupported-options.ts';
import { type HandshakeRefusal, refuse } from '../protocol/handshake/handshake-refusal.ts';
import { listHasUpgradeProtocol } from '../protocol/handshake/header-grammar.ts';
import { Admission } from './admission.ts';
import { type DrainOptions, drain, requireDrainOptions } from './drain.ts';
import { Endpoint } from './endpoint.ts';
import { EndpointTable } from './endpoint-table.ts';
import { notListening } from './listen-address.ts';
import { pathOf } from './path-pattern.ts';
import type { PlatformEndpointOptions, PlatformServerOptions } from './platform-options.ts';
import { type PlatformArrival, PlatformUpgradeRequest, requestHeadOf } from './platform-request.ts';
import { refuseBecauseClosing, refuseHeaderCount, refuseUnknownPath } from './refusals.ts';
import type { ServerConnection } from './server-connection.ts';
import {
  requireFunctions,
  resolveServerLimits,
  type ServerHandlers,
  type ServerLimits,
} from './server-options.ts';
import { Topics } from './topics.ts';
import type { AcceptedUpgrade, UpgradeOutcome } from './upgrade-decision.ts';

/** What listens for a server, once it does. */
export interface PlatformListener {
  /** Where clients connect: `ws://127.0.0.1:8080`. */
  readonly url: string;
  /** The address, or the path of a unix socket. */
  readonly address: string;
  /** The port; undefined on a unix socket. */
  readonly port: number | undefined;
  /** Accepts nothing more; what is open goes on. */
  stopAccepting(): void;
  /** Ends what is left, and is settled when nothing listens any more. */
  end(): Promise<void>;
}

/** An upgrade that the platform is to do. */
export interface PlatformUpgrade {
  /** The subprotocol that was agreed; '' for none. */
  readonly protocol: string;
  /** The headers that the 101 shall have beside those of the handshake, the subprotocol left out. */
  readonly headers: readonly (readonly [string, string])[];
  /** How the connection behaves. */
  readonly options: ConnectionOptions;
  /** Makes the connection over the platform's socket and calls its `open` handler. */
  readonly connect: (transport: MessageTransport) => ServerConnection<unknown>;
}

/** What a platform does with what comes of a request. */
export interface PlatformActions<Upgraded> {
  /** Does the upgrade. */
  accept(upgrade: PlatformUpgrade): Upgraded | Response;
  /** Answers what is no upgrade to an endpoint; undefined: nobody does. */
  readonly answer: (() => Response | Promise<Response>) | undefined;
}

/** A WebSocket server on a platform's own listener, or on none. */
export class PlatformServer implements AsyncDisposable {
  readonly #limitations: ReadonlyMap<string, Limitation>;
  readonly #limits: ServerLimits;
  readonly #clock: Clock;
  readonly #admission: Admission;
  readonly #onError: PlatformServerOptions['onError'];
  readonly #topics = new Topics(portableTextCodec);
  readonly #connections = new Set<ServerConnection<unknown>>();
  readonly #endpoints = new EndpointTable<Endpoint>();
  // How to refuse the handshakes that wait for a decision.
  readonly #pending = new Set<(refusal: HandshakeRefusal) => void>();
  #listener: PlatformListener | undefined;
  #isClosing = false;
  #closing: Promise<void> | undefined;

  /** @throws FullduplexError `WS_OPTION_INVALID`, `WS_UNSUPPORTED` for an option that the platform cannot keep */
  constructor(options: PlatformServerOptions, limitations: ReadonlyMap<string, Limitation>) {
    refuseUnsupported(options, limitations);
    requireFunctions(options, ['onError']);
    this.#limitations = limitations;
    this.#limits = resolveServerLimits(options);
    this.#clock = options.clock ?? systemClock;
    this.#admission = new Admission(options, this.#clock);
    this.#onError = options.onError?.bind(options);
  }

  /**
   * Where clients connect, without a path: `ws://127.0.0.1:8080`.
   * @throws FullduplexError `WS_STATE_INVALID` when the server does not listen
   */
  get url(): string {
    return this.#listening.url;
  }

  /**
   * The address that the server listens on, or the path of its unix socket.
   * @throws FullduplexError `WS_STATE_INVALID` when the server does not listen
   */
  get address(): string {
    return this.#listening.address;
  }

  /**
   * The port that the server listens on.
   * @throws FullduplexError `WS_STATE_INVALID` when the server does not listen on a port
   */
  get port(): number {
    const { port } = this.#listening;
    if (port === undefined) throw notListening();
    return port;
  }

  /** The connections that are open or closing. */
  get connections(): ReadonlySet<ServerConnection<unknown>> {
    return this.#connections;
  }

  /**
   * Adds an endpoint: connections to its path go there. Of several patterns that match the most specific one counts.
   * @throws FullduplexError `WS_OPTION_INVALID`, `WS_UNSUPPORTED` for an option that the platform cannot keep,
   * `WS_STATE_INVALID` when the server is closed
   */
  endpoint<Data = undefined, const Path extends string = string>(
    path: Path,
    options: PlatformEndpointOptions<Data, Path>,
    handlers: ServerHandlers<NoInfer<Data>> = {},
  ): Endpoint {
    if (this.#isClosing) throw new FullduplexError('WS_STATE_INVALID', 'the server is closed');
    refuseUnsupported(options, this.#limitations);
    const endpoint = new Endpoint(path, options, handlers, {
      sha1: platformsSha1,
      deflateCodec: platformsCodec,
      scheduler: portableScheduler,
      clock: this.#clock,
      topics: this.#topics,
      onError: (error, connection) => this.report(error, connection),
      admission: this.#admission,
      opened: (connection) => {
        this.#connections.add(connection);
        this.#admission.opened(connection.remoteAddress);
      },
      closed: (connection) => {
        this.#connections.delete(connection);
        this.#admission.closed(connection.remoteAddress);
      },
    });
    this.#endpoints.add(endpoint);
    return endpoint;
  }

  /**
   * Sends a message to all subscribers of a topic; it is encoded once.
   * @returns how many get it
   * @throws FullduplexError `WS_ARGUMENT_INVALID`
   */
  publish(topic: string, data: SendData, options?: SendOptions): number {
    return this.#topics.publish(topic, data, options);
  }

  /**
   * Ends the server: no connection is accepted any more, handshakes under way are answered with 503, every connection
   * gets a close frame, and those that are still there after `timeoutMs` are cut, where the platform can do that. A
   * second call waits for the same end.
   * @throws FullduplexError `WS_ARGUMENT_INVALID` for a code or reason that may not be sent
   */
  async close(options: DrainOptions = {}): Promise<void> {
    const complete = requireDrainOptions(options);
    if (!this.#isClosing) {
      this.#isClosing = true;
      // Set before anything happens, because a handler that is told of its close may call close() again.
      this.#closing = Promise.resolve().then(() => this.#end(complete));
    }
    await this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Names what listens for the server. */
  protected listensBy(listener: PlatformListener): void {
    this.#listener = listener;
  }

  /** Judges a request and does what comes of it. Never throws, and rejects only as `answer` does. */
  protected receive<Upgraded>(
    arrival: PlatformArrival,
    actions: PlatformActions<Upgraded>,
  ): Upgraded | Response | Promise<Upgraded | Response> {
    const head = requestHeadOf(arrival);
    const isOurs = listHasUpgradeProtocol(head.headers.joined('Upgrade') ?? '', 'websocket');
    const match = this.#endpoints.find(pathOf(head.target));
    if ((!isOurs || match === undefined) && actions.answer !== undefined) return actions.answer();
    if (this.#isClosing) return responseOf(refuseBecauseClosing());
    if (match === undefined) return responseOf(refuseUnknownPath());
    if (head.headers.size > this.#limits.maxHeaderCount) return responseOf(refuseHeaderCount());
    const upgrade = new PlatformUpgradeRequest(head, arrival);
    const outcome = match.entry.decide(upgrade, match.params);
    const settle = (settled: UpgradeOutcome): Upgraded | Response => {
      if (settled.kind === 'accepted') return this.#accept(settled, match.entry, actions);
      return settled.kind === 'answered' ? settled.response : responseOf(settled);
    };
    return isThenable(outcome) ? this.#inTime(outcome, upgrade).then(settle) : settle(outcome);
  }

  /** Passes on what `upgrade`, a handler or the listener threw. */
  protected report(error: unknown, connection: ServerConnection<unknown> | undefined): void {
    try {
      if (this.#onError === undefined) console.error(error);
      else onRejection(this.#onError(error, connection), (reportError) => console.error(reportError));
    } catch (reportError) {
      // An error option that throws itself must not harm the server; the console is the last resort.
      console.error(reportError);
    }
  }

  #accept<Upgraded>(
    accepted: AcceptedUpgrade,
    endpoint: Endpoint,
    actions: PlatformActions<Upgraded>,
  ): Upgraded | Response {
    try {
      return actions.accept(platformUpgrade(accepted, endpoint));
    } catch (error) {
      // The platform has rules of its own for a handshake.
      this.report(error, undefined);
      return responseOf(refuse(500, 'the platform could not upgrade this request', 'WS_HANDSHAKE_REFUSED'));
    }
  }

  // The decision, or a refusal when it takes too long or the server closes meanwhile.
  #inTime(
    outcome: PromiseLike<UpgradeOutcome>,
    { abortSource }: PlatformUpgradeRequest,
  ): Promise<UpgradeOutcome> {
    return new Promise((resolve) => {
      const finish = (settled: UpgradeOutcome): void => {
        deadline.cancel();
        this.#pending.delete(cut);
        resolve(settled);
      };
      const cut = (refusal: HandshakeRefusal): void => {
        finish(refusal);
        abortSource.abort(refusal.error);
      };
      const { handshakeTimeoutMs } = this.#limits;
      const deadline = this.#clock.setTimer(() => {
        const message = `the server did not decide within ${handshakeTimeoutMs} ms`;
        cut(refuse(503, message, 'WS_HANDSHAKE_TIMEOUT'));
      }, handshakeTimeoutMs);
      this.#pending.add(cut);
      // An endpoint's decision never rejects.
      void outcome.then(finish);
    });
  }

  async #end(options: Required<DrainOptions>): Promise<void> {
    this.#listener?.stopAccepting();
    for (const cut of this.#pending) cut(refuseBecauseClosing());
    await drain(this.#connections, options, this.#clock);
    await this.#listener?.end();
  }

  get #listening(): PlatformListener {
    if (this.#listener === undefined) throw notListening();
    return this.#listener;
  }
}

function platformUpgrade(accepted: AcceptedUpgrade, { connectionOptions }: Endpoint): PlatformUpgrade {
  const { protocol, extraHeaders } = accepted.acceptance;
  return {
    protocol,
    headers: extraHeaders === undefined ? [] : [...extraHeaders],
    options: connectionOptions,
    connect: (transport) => accepted.connect(transport),
  };
}

/** The response to a request that is refused. */
export function responseOf({ status, headers, body }: HandshakeRefusal): Response {
  const response = new Response(body, { status, headers: { 'Content-Type': 'text/plain; charset=utf-8' } });
  // The connection is the platform's to end.
  for (const [name, value] of headers) if (name !== 'Connection') response.headers.append(name, value);
  return response;
}

// The platform answers the key by itself.
function platformsSha1(): string {
  return '';
}

function platformsCodec(): never {
  throw new FullduplexError('WS_UNSUPPORTED', 'the platform compresses by itself');
}
