// One opening handshake on a socket of Node (or a stream of HTTP/2), from the matched request to the connection or the
// refusal. From the first moment the socket has an error listener; while `upgrade` decides, the client is watched and a
// deadline runs.

import { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { concat, copyOf } from '../base/bytes.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { FullduplexError } from '../base/errors.ts';
import { type HandshakeRefusal, refuse } from '../protocol/handshake/handshake-refusal.ts';
import { closeExtensions } from '../protocol/extensions/negotiation.ts';
import type { RequestHead } from '../protocol/handshake/http-head.ts';
import type { MemoryBudget } from '../protocol/memory-budget.ts';
import type { ProtocolSettings } from '../protocol/protocol-settings.ts';
import type { Endpoint } from '../server/endpoint.ts';
import { refuseHeaderCount } from '../server/refusals.ts';
import type { AcceptedUpgrade, UpgradeOutcome } from '../server/upgrade-decision.ts';
import type { EndingSockets } from './ending-sockets.ts';
import { NodeUpgrade, type RequestPeer } from './node-request.ts';
import { frameTransport, protocolSettings } from './platform.ts';
import { ownSocket, type SocketOwner } from './socket-owner.ts';
import { http1Answers, type UpgradeAnswers } from './upgrade-answers.ts';

/** What every handshake of a server shares. */
export interface UpgradeEnvironment {
  readonly clock: Clock;
  readonly handshakeTimeoutMs: number;
  readonly maxHeaderCount: number;
  readonly budget: MemoryBudget;
  /** The sockets of refused handshakes. */
  readonly ending: EndingSockets;
  /** The handshakes that wait for a decision. */
  readonly pending: Set<PendingUpgrade>;
  readonly onError: (error: unknown) => void;
}

// What a client sends before it has our answer is kept up to here, then left to flow control.
const maxEarlyBytes = 64 * 1024;

/** A request that an endpoint was found for, or that nobody wants. */
export interface UpgradeArrival {
  readonly request: RequestHead;
  readonly socket: Duplex;
  /** What Node had read behind the head: it belongs to the first frame. */
  readonly head: Uint8Array;
  /** How much of the handshake's time is left. */
  readonly remainingMs?: number;
  /** How it is answered. @defaultValue as in HTTP/1.1 */
  readonly answers?: UpgradeAnswers;
  /** Who asks, where the socket does not know. */
  readonly peer?: RequestPeer;
}

/** What the server knows of an arrival. */
export interface ArrivalState {
  /** Whether it was counted when the connection was accepted. */
  readonly isCounted: boolean;
  /** How much of the handshake's time is left; undefined when all of it is. */
  readonly remainingMs: number | undefined;
}

/** Refuses an upgrade. */
export function refuseUpgrade(
  { request, socket, answers = http1Answers, peer }: UpgradeArrival,
  refusal: HandshakeRefusal,
  ending: EndingSockets,
  startedAtMs?: number,
): void {
  ending.upgrades.refused(
    refusal.status,
    refusal.error.code,
    { head: request, remoteAddress: peer?.remoteAddress ?? addressOf(socket) },
    startedAtMs,
  );
  answers.refuse(socket, refusal, request.method, ending);
}

/** The address of the peer; undefined over a unix socket. */
export function addressOf(socket: Duplex): string | undefined {
  return socket instanceof Socket ? socket.remoteAddress : undefined;
}

/** Lets the endpoint decide about a request and does what it says. */
export function handleUpgrade(
  arrival: UpgradeArrival,
  endpoint: Endpoint,
  params: Readonly<Record<string, string>>,
  environment: UpgradeEnvironment,
  { isCounted, remainingMs }: ArrivalState,
): void {
  const { request, socket, head, peer } = arrival;
  if (request.headers.size > environment.maxHeaderCount) {
    refuseUpgrade(arrival, refuseHeaderCount(), environment.ending);
    return;
  }
  const upgrade = new NodeUpgrade(request, socket, isCounted, peer);
  const startedAtMs = environment.ending.upgrades.begin();
  const outcome = endpoint.decide(upgrade, params);
  if (outcome instanceof Promise || outcome.kind === 'answered') {
    new PendingUpgrade(arrival, upgrade, endpoint, outcome, environment, startedAtMs).start(remainingMs);
  } else if (outcome.kind === 'accepted') {
    accept(arrival, head, outcome, endpoint, environment, upgrade, startedAtMs);
  } else {
    refuseUpgrade(arrival, outcome, environment.ending, startedAtMs);
  }
}

const settingsOfEndpoints = new WeakMap<Endpoint, ProtocolSettings>();

function serverSettingsOf(endpoint: Endpoint, budget: MemoryBudget): ProtocolSettings {
  let settings = settingsOfEndpoints.get(endpoint);
  if (settings === undefined) {
    settings = protocolSettings('server', endpoint.connectionOptions, budget);
    settingsOfEndpoints.set(endpoint, settings);
  }
  return settings;
}

function accept(
  { socket, answers = http1Answers }: UpgradeArrival,
  remaining: Uint8Array,
  accepted: AcceptedUpgrade,
  endpoint: Endpoint,
  { budget, ending }: UpgradeEnvironment,
  upgrade: NodeUpgrade,
  startedAtMs: number | undefined,
): void {
  const { acceptance } = accepted;
  const transport = answers.accept(socket, acceptance, remaining);
  if (transport === undefined) {
    ending.upgrades.abandoned(upgrade, startedAtMs);
    closeExtensions(acceptance.extensions);
    return;
  }
  ending.upgrades.accepted(upgrade, startedAtMs);
  accepted.connect(
    frameTransport(transport, serverSettingsOf(endpoint, budget), {
      subprotocol: acceptance.protocol,
      extension: acceptance.extensions[0],
      extensionsHeader: acceptance.extensionsHeader,
    }),
  );
}

/** A handshake whose decision, or whose response, takes its time. */
export class PendingUpgrade implements SocketOwner {
  readonly #arrival: UpgradeArrival;
  readonly #upgrade: NodeUpgrade;
  readonly #endpoint: Endpoint;
  readonly #outcome: UpgradeOutcome | Promise<UpgradeOutcome>;
  readonly #environment: UpgradeEnvironment;
  readonly #startedAtMs: number | undefined;
  readonly #early: Uint8Array[];
  #earlyBytes = 0;
  #deadline: Timer | undefined;
  #isOver = false;

  constructor(
    arrival: UpgradeArrival,
    upgrade: NodeUpgrade,
    endpoint: Endpoint,
    outcome: UpgradeOutcome | Promise<UpgradeOutcome>,
    environment: UpgradeEnvironment,
    startedAtMs: number | undefined,
  ) {
    this.#arrival = arrival;
    this.#upgrade = upgrade;
    this.#endpoint = endpoint;
    this.#outcome = outcome;
    this.#environment = environment;
    this.#startedAtMs = startedAtMs;
    this.#early = [arrival.head];
  }

  /**
   * Waits for the outcome and does what it says, unless the client goes away or the time is over.
   * @param remainingMs how long; @defaultValue the time of a handshake
   */
  start(remainingMs: number = this.#environment.handshakeTimeoutMs): void {
    const { clock, handshakeTimeoutMs, pending } = this.#environment;
    const { socket } = this.#arrival;
    pending.add(this);
    this.#deadline = clock.setTimer(() => {
      this.refuse(`the server did not decide within ${handshakeTimeoutMs} ms`, 'WS_HANDSHAKE_TIMEOUT');
    }, remainingMs);
    // Only a socket that is read tells that its peer has left.
    ownSocket(socket, this);
    socket.resume();
    this.#settle().catch((error: unknown) => {
      this.#environment.onError(error);
      socket.destroy();
    });
  }

  /**
   * Ends the wait with 503.
   * @param retryAfterSeconds what Retry-After says; @defaultValue nothing
   */
  refuse(
    message: string,
    code: 'WS_HANDSHAKE_TIMEOUT' | 'WS_HANDSHAKE_REFUSED',
    retryAfterSeconds?: number,
  ): void {
    if (!this.#finish()) return;
    const refusal = refuse(503, message, code);
    if (retryAfterSeconds !== undefined) refusal.headers.append('Retry-After', String(retryAfterSeconds));
    refuseUpgrade(this.#arrival, refusal, this.#environment.ending, this.#startedAtMs);
    this.#upgrade.abortSource.abort(refusal.error);
  }

  async #settle(): Promise<void> {
    const { socket, request, answers = http1Answers } = this.#arrival;
    let outcome = await this.#outcome;
    let respond: Awaited<ReturnType<UpgradeAnswers['prepare']>> | undefined;
    if (outcome.kind === 'answered') {
      try {
        respond = await answers.prepare(outcome.response, request.method);
      } catch (error) {
        this.#environment.onError(error);
        outcome = refuse(500, 'the response could not be read', 'WS_HANDSHAKE_REFUSED');
      }
    }
    if (!this.#finish()) {
      if (outcome.kind === 'accepted') closeExtensions(outcome.acceptance.extensions);
      return;
    }
    if (outcome.kind === 'accepted') {
      const early = concat(this.#early);
      accept(
        this.#arrival,
        early,
        outcome,
        this.#endpoint,
        this.#environment,
        this.#upgrade,
        this.#startedAtMs,
      );
    } else if (outcome.kind === 'refused') {
      refuseUpgrade(this.#arrival, outcome, this.#environment.ending, this.#startedAtMs);
    } else if (respond !== undefined) {
      const { ending } = this.#environment;
      ending.upgrades.refused(outcome.response.status, undefined, this.#upgrade, this.#startedAtMs);
      respond(socket, ending);
    }
  }

  /** The client does not wait for the answer: what it sends is kept for the connection. */
  received(bytes: Uint8Array, byteLength: number): void {
    if (this.#isOver) return;
    this.#early.push(copyOf(bytes, 0, byteLength));
    this.#earlyBytes += byteLength;
    if (this.#earlyBytes > maxEarlyBytes) this.#arrival.socket.pause();
  }

  /** The client is gone, or will be. */
  ended(): void {
    this.closed();
  }

  /** `closed` follows. */
  failed(): void {
    this.closed();
  }

  /** The client is gone. */
  closed(): void {
    if (!this.#finish()) return;
    this.#environment.ending.upgrades.abandoned(this.#upgrade, this.#startedAtMs);
    this.#arrival.socket.destroy();
    this.#upgrade.abortSource.abort(
      new FullduplexError('WS_TRANSPORT_ENDED', 'the client went away during the handshake'),
    );
  }

  /** Ends the wait; false when it was over before. */
  #finish(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#deadline?.cancel();
    this.#environment.pending.delete(this);
    this.#arrival.socket.pause();
    return true;
  }
}

/**
 * Calls back when all responses to earlier requests on the connection are written: a client may send requests without
 * waiting for responses, and these have to come in order (RFC 9112 9.3.2).
 */
export function afterEarlierResponses(socket: Duplex, callback: () => void): void {
  // Undocumented: the response that is under way on a socket. Without it there is none, as for all but pipelining clients.
  const response: unknown = '_httpMessage' in socket ? socket._httpMessage : undefined;
  if (!(response instanceof ServerResponse)) {
    callback();
    return;
  }
  // 'close' comes when the response is finished, and also when the socket is gone.
  response.once('close', () => afterEarlierResponses(socket, callback));
}
