// An endpoint: a path, the decision who may connect there, and what is done with the connections. It judges request
// heads and makes connections over transports that a platform brings; it touches no socket.

import { isThenable } from '../base/rejections.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { describe, FullduplexError } from '../base/errors.ts';
import type { Scheduler } from '../base/scheduler.ts';
import type { BufferMemory } from '../connection/buffer-memory.ts';
import { requireHandlers } from '../connection/callback-checks.ts';
import type { ConnectionEnvironment } from '../connection/connection-handlers.ts';
import type { ConnectionProbe } from '../connection/connection-probe.ts';
import { type ConnectionOptions, resolveConnectionOptions } from '../connection/connection-options.ts';
import type { MessageTransport } from '../connection/message-transport.ts';
import { ReceiveBuckets, type ReceiveRateLimits } from '../connection/receive-rates.ts';
import { extensionsOf } from '../protocol/extensions/extension-options.ts';
import type { DeflateCodec } from '../protocol/extensions/permessage-deflate/codec.ts';
import { type HandshakeRefusal, refuse } from '../protocol/handshake/handshake-refusal.ts';
import { type AcceptableRequest, ServerHandshake } from '../protocol/handshake/server-handshake.ts';
import type { Sha1 } from '../protocol/handshake/sha1.ts';
import type { Admission } from './admission.ts';
import { KeyedBuckets } from './keyed-buckets.ts';
import { type AllowedOrigins, originProblem, requireAllowedOrigins } from './origin.ts';
import { openingHandshakeOf } from './opening-handshake.ts';
import { receiveLimitsOf } from './receive-limits.ts';
import { PathPattern } from './path-pattern.ts';
import { type ConnectionHome, type ConnectionPeer, ServerConnection } from './server-connection.ts';
import {
  type EndpointOptions,
  requireFunctions,
  requireOptionalBoolean,
  type ServerHandlers,
} from './server-options.ts';
import type { Topics } from './topics.ts';
import {
  isResponse,
  type UpgradeAcceptance,
  type UpgradeDecision,
  type UpgradeOutcome,
} from './upgrade-decision.ts';
import {
  authorityOf,
  httpVersionOf,
  peerAddressOf,
  type IncomingUpgrade,
  type RequestedUrl,
  UpgradeRequest,
  urlOf,
} from './upgrade-request.ts';

/** What an endpoint takes from its server. */
export interface EndpointEnvironment {
  readonly sha1: Sha1;
  /** Gives what permessage-deflate compresses with. */
  readonly deflateCodec: () => DeflateCodec;
  readonly scheduler: Scheduler;
  readonly clock?: Clock;
  readonly topics: Topics;
  /** Decides who is let in before anything else. @defaultValue everybody */
  readonly admission?: Admission;
  /** Bounds the memory of all connections. @defaultValue nothing */
  readonly memory?: BufferMemory;
  /** Hears what `upgrade` or a handler threw. */
  readonly onError: (error: unknown, connection: ServerConnection<unknown> | undefined) => void;
  /** Told of every connection before its `open` handler. */
  readonly opened: (connection: ServerConnection<unknown>) => void;
  /** Told of every connection when it is gone. */
  readonly closed: (connection: ServerConnection<unknown>, code: number) => void;
  /** Who watches the connections. @defaultValue nobody */
  readonly probe?: ConnectionProbe | undefined;
}

// A request that keeps the rules, while it is decided about.
interface AskedRequest {
  readonly incoming: IncomingUpgrade;
  readonly request: UpgradeRequest;
  readonly url: RequestedUrl;
  readonly judged: AcceptableRequest;
}

const ordinaryTarget = /^\/[\w/?=&.-]*$/;

/** One path of a server with its decision, handlers and options. */
export class Endpoint {
  /** The path that it serves. */
  readonly pattern: PathPattern;
  /** How its connections behave. */
  readonly connectionOptions: ConnectionOptions;
  readonly #options: EndpointOptions<unknown>;
  readonly #handlers: ServerHandlers<unknown>;
  readonly #environment: EndpointEnvironment;
  readonly #connectionEnvironment: ConnectionEnvironment;
  readonly #handshake: ServerHandshake;
  readonly #allowedOrigins: AllowedOrigins;
  readonly #receiveLimits: ReceiveRateLimits | undefined;
  readonly #keyedBuckets: KeyedBuckets | undefined;
  #knownAuthority: string | undefined;

  /** @throws FullduplexError `WS_OPTION_INVALID` */
  constructor(
    path: string,
    options: EndpointOptions<unknown>,
    handlers: ServerHandlers<unknown>,
    environment: EndpointEnvironment,
  ) {
    this.pattern = new PathPattern(path);
    this.connectionOptions = resolveConnectionOptions(options);
    this.#allowedOrigins = requireAllowedOrigins(options.allowedOrigins ?? 'same-origin');
    requireFunctions(options, ['upgrade', 'rateKey']);
    requireOptionalBoolean('keepHandshake', options.keepHandshake);
    requireHandlers(handlers);
    this.#handshake = new ServerHandshake({
      protocols: options.protocols ?? [],
      extensions: extensionsOf(options, environment.deflateCodec),
      sha1: environment.sha1,
    });
    this.#options = options;
    this.#handlers = handlers;
    this.#environment = environment;
    const { clock, scheduler, memory, probe } = environment;
    this.#connectionEnvironment = {
      scheduler,
      probe,
      ...(clock === undefined ? {} : { clock }),
      ...(memory === undefined ? {} : { memory }),
    };
    this.#receiveLimits = receiveLimitsOf(options);
    if (this.#receiveLimits !== undefined && options.rateKey !== undefined) {
      this.#keyedBuckets = new KeyedBuckets(this.#receiveLimits, clock ?? systemClock);
    }
  }

  /** The path as it was written. */
  get path(): string {
    return this.pattern.source;
  }

  /**
   * Judges a request whose path has matched. Never throws or rejects.
   * @returns what becomes of it, at once unless `upgrade` takes its time
   */
  decide(
    received: IncomingUpgrade,
    params: Readonly<Record<string, string>>,
  ): UpgradeOutcome | Promise<UpgradeOutcome> {
    const { admission } = this.#environment;
    const incoming = admission?.trustedProxies?.resolve(received) ?? received;
    const turnedAway = admission?.judge(incoming);
    if (turnedAway !== undefined) return turnedAway;
    const judged = this.#handshake.receive(incoming.head);
    if (judged.kind === 'refused') return judged;
    const url = this.#requestedUrl(incoming);
    if (url === undefined) {
      return refuse(400, 'Host and request target make no URL, expected a host and a path (RFC 6455 3)');
    }

    const request = new UpgradeRequest(incoming, params, judged.protocols);
    try {
      const problem = this.#originProblem(incoming, request);
      if (problem !== undefined) return refuse(403, problem, 'WS_HANDSHAKE_REFUSED');
      const decision = this.#options.upgrade?.(request);
      const asked: AskedRequest = { incoming, request, url, judged };
      if (!isThenable(decision)) return this.#outcome(asked, decision);
      return Promise.resolve(decision).then(
        (settled) => this.#holdPlace(incoming, settled) ?? this.#outcome(asked, settled),
        (error: unknown) => this.#failed(error),
      );
    } catch (error) {
      return this.#failed(error);
    }
  }

  // What was a URL before is one again, as long as nothing has changed but an ordinary path. All connections then share
  // one text of the authority.
  #requestedUrl(incoming: IncomingUpgrade): RequestedUrl | undefined {
    const authority = authorityOf(incoming);
    const { isSecure, head } = incoming;
    const { target } = head;
    const known = this.#knownAuthority;
    if (authority === known && ordinaryTarget.test(target)) return { isSecure, authority: known, target };
    const url = { isSecure, authority, target };
    if (!URL.canParse(urlOf(url))) return undefined;
    this.#knownAuthority = authority;
    return url;
  }

  #originProblem(incoming: IncomingUpgrade, request: UpgradeRequest): string | undefined {
    const allowed = this.#allowedOrigins;
    if (allowed === 'any') return undefined;
    const origin = incoming.head.headers.joined('Origin');
    if (typeof allowed === 'function') {
      const isAllowed: unknown = allowed(origin, request);
      if (isAllowed === true) return undefined;
      // A promise would be truthy: an asynchronous check must not let everybody in.
      if (isAllowed === false) return `Origin ${describe(origin)} is not allowed (RFC 6455 10.2)`;
      throw new FullduplexError(
        'WS_OPTION_INVALID',
        `option allowedOrigins returned ${describe(isAllowed)}, expected true or false (what takes time belongs into upgrade)`,
      );
    }
    const { isSecure, isOnLoopback } = incoming;
    return originProblem({ origin, authority: authorityOf(incoming), isSecure, isOnLoopback }, allowed);
  }

  // A decision that took its time: meanwhile others may have come. Its connection comes about in this turn; until then
  // its place is held, so that many decisions which are made at the same moment do not go beyond a cap together.
  #holdPlace(
    { remoteAddress }: IncomingUpgrade,
    decision: UpgradeDecision<unknown>,
  ): HandshakeRefusal | undefined {
    const { admission, scheduler } = this.#environment;
    if (admission === undefined || isResponse(decision)) return undefined;
    const turnedAway = admission.refuseWhenFull(remoteAddress);
    if (turnedAway !== undefined) return turnedAway;
    admission.opened(remoteAddress);
    scheduler.queueTask(() => admission.closed(remoteAddress));
    return undefined;
  }

  #outcome(
    { incoming, request, url, judged }: AskedRequest,
    decision: UpgradeDecision<unknown>,
  ): UpgradeOutcome {
    if (isResponse(decision)) return { kind: 'answered', response: decision };
    try {
      const { data, headers, protocol } = requireAcceptance(decision);
      const acceptance = judged.accept({
        ...(headers === undefined ? {} : { headers }),
        ...(protocol === undefined ? {} : { protocol }),
      });
      const peer: ConnectionPeer = {
        remoteAddress: incoming.remoteAddress,
        peerAddress: peerAddressOf(incoming),
        url,
        httpVersion: httpVersionOf(incoming.head),
        handshake:
          this.#options.keepHandshake === true ? openingHandshakeOf(incoming.head, acceptance) : undefined,
      };
      const rateKey = this.#keyedBuckets === undefined ? undefined : this.#rateKeyOf(request);
      return {
        kind: 'accepted',
        acceptance,
        connect: (transport) => this.#connect(transport, data, peer, rateKey),
      };
    } catch (error) {
      return this.#failed(error);
    }
  }

  #failed(error: unknown): UpgradeOutcome {
    this.#environment.onError(error, undefined);
    return refuse(500, 'the server failed to decide about this request', 'WS_HANDSHAKE_REFUSED');
  }

  #rateKeyOf(request: UpgradeRequest): string | undefined {
    const key: unknown = this.#options.rateKey?.(request);
    if (key === undefined || typeof key === 'string') return key;
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `option rateKey returned ${describe(key)}, expected a string or undefined`,
    );
  }

  // What a connection with rates has beside what all of them share.
  #ratedEnvironment(
    limits: ReceiveRateLimits,
    rateKey: string | undefined,
  ): [ConnectionEnvironment, ConnectionHome] {
    const environment = this.#environment;
    const keyed = rateKey === undefined ? undefined : this.#keyedBuckets;
    if (rateKey === undefined || keyed === undefined) {
      const receiveBuckets = new ReceiveBuckets(limits, (environment.clock ?? systemClock).now());
      return [{ ...this.#connectionEnvironment, receiveBuckets }, environment];
    }
    const closed = (connection: ServerConnection<unknown>, code: number): void => {
      keyed.leave(rateKey);
      environment.closed(connection, code);
    };
    return [
      { ...this.#connectionEnvironment, receiveBuckets: keyed.join(rateKey) },
      { ...environment, closed },
    ];
  }

  #connect(
    transport: MessageTransport,
    data: unknown,
    peer: ConnectionPeer,
    rateKey: string | undefined,
  ): ServerConnection<unknown> {
    const environment = this.#environment;
    const limits = this.#receiveLimits;
    const [connectionEnvironment, home] =
      limits === undefined
        ? [this.#connectionEnvironment, environment]
        : this.#ratedEnvironment(limits, rateKey);
    const connection = new ServerConnection<unknown>(
      transport,
      data,
      this.connectionOptions,
      connectionEnvironment,
      peer,
      home,
    );
    environment.opened(connection);
    connection.attach(this.#handlers);
    return connection;
  }
}

function requireAcceptance(
  decision: Exclude<UpgradeDecision<unknown>, Response>,
): UpgradeAcceptance<unknown> {
  if (decision === undefined) return { data: undefined };
  // `false` would be a refusal to its author and must not become an acceptance.
  if (typeof decision === 'object' && decision !== null && !Array.isArray(decision)) {
    return { ...decision, data: decision.data };
  }
  throw new FullduplexError(
    'WS_OPTION_INVALID',
    `upgrade returned ${describe(decision)}, expected a Response, an object such as { data } or undefined`,
  );
}
