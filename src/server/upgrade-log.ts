// What became of the requests to upgrade at one server: counted always, told in detail to whoever watches. A request is
// decided once: accepted, refused, or given up because its client went away before there was an answer.

import type { ErrorCode } from '../base/errors.ts';
import type { RequestHead } from '../protocol/handshake/http-head.ts';
import { pathOf } from './path-pattern.ts';
import type { IncomingUpgrade } from './upgrade-request.ts';

/** A request that was decided. */
export interface DecidedUpgrade {
  readonly outcome: 'accepted' | 'refused' | 'abandoned';
  /** The status of the answer: 101 (200 over HTTP/2), or that of the refusal; undefined when there was none. */
  readonly status: number | undefined;
  /** Why it was refused; undefined when it was not, or when the application answered with a response of its own. */
  readonly code: ErrorCode | undefined;
  /** The path that was asked for, without the query, where tokens travel; undefined when no whole request arrived. */
  readonly path: string | undefined;
  /** The address of the client, behind proxies that are trusted; undefined over a unix socket, or when nobody knows it any more. */
  readonly remoteAddress: string | undefined;
  /** From the whole request to the decision, in milliseconds. */
  readonly durationMs: number;
}

/** Who wants to hear of each decision. */
export interface UpgradeWatcher {
  /** Whether anybody listens at the moment: if not, nothing is put together. */
  readonly isWatched: boolean;
  /** A request was decided. Must not throw. */
  decided(upgrade: DecidedUpgrade): void;
}

/** What is known of a request. */
export type KnownRequest = Partial<Pick<IncomingUpgrade, 'head' | 'remoteAddress'>>;

/** Gives the address of the client of a request, from that of the peer. */
export type ClientAddressOf = (head: RequestHead, peerAddress: string | undefined) => string | undefined;

/** The requests of one server. */
export class UpgradeLog {
  readonly #now: () => number;
  readonly #watcher: UpgradeWatcher | undefined;
  readonly #clientAddressOf: ClientAddressOf;
  readonly #refusedByStatus = new Map<number, number>();
  readonly #refusedByCode = new Map<string, number>();
  #accepted = 0;
  #refused = 0;
  #abandoned = 0;

  /**
   * @param now the time in milliseconds; asked only when somebody watches
   * @param clientAddressOf looks behind proxies that are trusted; asked only when somebody watches
   */
  constructor(
    now: () => number,
    watcher?: UpgradeWatcher,
    clientAddressOf: ClientAddressOf = (_head, remoteAddress) => remoteAddress,
  ) {
    this.#now = now;
    this.#watcher = watcher;
    this.#clientAddressOf = clientAddressOf;
  }

  /** How many were accepted. */
  get acceptedCount(): number {
    return this.#accepted;
  }

  /** How many were refused. */
  get refusedCount(): number {
    return this.#refused;
  }

  /** How many clients went away before there was an answer. */
  get abandonedCount(): number {
    return this.#abandoned;
  }

  /** The refused by the status that they got. */
  get refusedByStatus(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#refusedByStatus);
  }

  /** The refused by the reason; those that the application answered itself stand under `upgrade`. */
  get refusedByCode(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#refusedByCode);
  }

  /** When a decision begins; undefined when nobody watches. */
  begin(): number | undefined {
    return this.#watcher?.isWatched === true ? this.#now() : undefined;
  }

  /** The 101, or the 200 of HTTP/2, is on its way. */
  accepted(request: KnownRequest, startedAtMs: number | undefined): void {
    this.#accepted++;
    if (this.#watcher?.isWatched !== true) return;
    // RFC 8441 5: over HTTP/2 it is any 2xx, and ours is 200.
    const status = request.head?.httpVersion.startsWith('2') === true ? 200 : 101;
    this.#tell('accepted', status, undefined, request, startedAtMs);
  }

  /**
   * A refusal is on its way.
   * @param code why; undefined when it is a response of the application
   */
  refused(status: number, code: ErrorCode | undefined, request: KnownRequest, startedAtMs?: number): void {
    this.#refused++;
    addOne(this.#refusedByStatus, status);
    addOne(this.#refusedByCode, code ?? 'upgrade');
    if (this.#watcher?.isWatched === true) this.#tell('refused', status, code, request, startedAtMs);
  }

  /** The client went away first. */
  abandoned(request: KnownRequest, startedAtMs: number | undefined): void {
    this.#abandoned++;
    if (this.#watcher?.isWatched === true)
      this.#tell('abandoned', undefined, 'WS_TRANSPORT_ENDED', request, startedAtMs);
  }

  #tell(
    outcome: DecidedUpgrade['outcome'],
    status: number | undefined,
    code: ErrorCode | undefined,
    { head, remoteAddress }: KnownRequest,
    startedAtMs: number | undefined,
  ): void {
    this.#watcher?.decided({
      outcome,
      status,
      code,
      path: head === undefined ? undefined : pathOf(head.target),
      remoteAddress: head === undefined ? remoteAddress : this.#clientAddressOf(head, remoteAddress),
      durationMs: startedAtMs === undefined ? 0 : this.#now() - startedAtMs,
    });
  }
}

function addOne<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
