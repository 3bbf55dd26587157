// An endpoint: a path, the decision who may connect there, and what is done with the connections. It judges request
// heads and makes connections over transports that a platform brings; it touches no socket.

import { isThenable } from '../base/rejections.ts';
import type { Clock } from '../base/clock.ts';
import { describe, FullduplexError } from '../base/errors.ts';
import type { Scheduler } from '../base/scheduler.ts';
import { requireHandlers } from '../connection/callback-checks.ts';
import type { ConnectionEnvironment } from '../connection/connection-handlers.ts';
import { type ConnectionOptions, resolveConnectionOptions } from '../connection/connection-options.ts';
import type { MessageTransport } from '../connection/message-transport.ts';
import { extensionsOf } from '../protocol/extensions/extension-options.ts';
import type { DeflateCodec } from '../protocol/extensions/permessage-deflate/codec.ts';
import { refuse } from '../protocol/handshake/handshake-refusal.ts';
import { type AcceptableRequest, ServerHandshake } from '../protocol/handshake/server-handshake.ts';
import type { Sha1 } from '../protocol/handshake/sha1.ts';
import { type AllowedOrigins, originProblem, requireAllowedOrigins } from './origin.ts';
import { openingHandshakeOf } from './opening-handshake.ts';
import { PathPattern } from './path-pattern.ts';
import { type ConnectionPeer, ServerConnection } from './server-connection.ts';
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
  /** Hears what `upgrade` or a handler threw. */
  readonly onError: (error: unknown, connection: ServerConnection<unknown> | undefined) => void;
  /** Told of every connection before its `open` handler. */
  readonly opened: (connection: ServerConnection<unknown>) => void;
  /** Told of every connection when it is gone. */
  readonly closed: (connection: ServerConnection<unknown>) => void;
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
    requireFunctions(options, ['upgrade']);
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
    const { clock, scheduler } = environment;
    this.#connectionEnvironment = { scheduler, ...(clock === undefined ? {} : { clock }) };
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
    incoming: IncomingUpgrade,
    params: Readonly<Record<string, string>>,
  ): UpgradeOutcome | Promise<UpgradeOutcome> {
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
      if (!isThenable(decision)) return this.#outcome(incoming, url, judged, decision);
      return Promise.resolve(decision).then(
        (settled) => this.#outcome(incoming, url, judged, settled),
        (error: unknown) => this.#failed(error),
      );
    } catch (error) {
      return this.#failed(error);
    }
  }

  // What was a URL before is one again, as long as nothing has changed but an ordinary path. All connections then share
  // one text of the authority.
  #requestedUrl({ head, isSecure }: IncomingUpgrade): RequestedUrl | undefined {
    const authority = authorityOf(head);
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
    return originProblem({ origin, authority: authorityOf(incoming.head), isSecure, isOnLoopback }, allowed);
  }

  #outcome(
    incoming: IncomingUpgrade,
    url: RequestedUrl,
    judged: AcceptableRequest,
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
        url,
        httpVersion: httpVersionOf(incoming.head),
        handshake:
          this.#options.keepHandshake === true ? openingHandshakeOf(incoming.head, acceptance) : undefined,
      };
      return {
        kind: 'accepted',
        acceptance,
        connect: (transport) => this.#connect(transport, data, peer),
      };
    } catch (error) {
      return this.#failed(error);
    }
  }

  #failed(error: unknown): UpgradeOutcome {
    this.#environment.onError(error, undefined);
    return refuse(500, 'the server failed to decide about this request', 'WS_HANDSHAKE_REFUSED');
  }

  #connect(transport: MessageTransport, data: unknown, peer: ConnectionPeer): ServerConnection<unknown> {
    const environment = this.#environment;
    const connection = new ServerConnection<unknown>(
      transport,
      data,
      this.connectionOptions,
      this.#connectionEnvironment,
      peer,
      environment,
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
