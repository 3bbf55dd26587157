// A session: one client of one user, for as long as it comes back in time. It outlives its links; what belongs to one link, the
// subscriptions and what waits to be sent, is at the link (session-link.ts).

import type { TokenBucket } from '../../base/token-bucket.ts';
import { SharedTimer } from '../../base/shared-timers.ts';
import type { LinkKind } from '../link/link.ts';
import type { SessionRecord } from '../engine/engine.ts';
import type { RequestQueue } from './request-queue.ts';
import type { RunningRequest } from './requests.ts';
import type { SessionLink } from './session-link.ts';

/** A session as rules and handlers see it. */
export interface SessionView<Data = unknown> {
  /** Its public name. */
  readonly id: string;
  readonly user: string | undefined;
  /** What `authenticate` said of it. */
  readonly data: Data;
  /** What carries it now; undefined while it is away. */
  readonly link: LinkKind | undefined;
}

/** What `authenticate` found. */
export interface Identity {
  readonly user: string | undefined;
  readonly expiresAtMs: number | undefined;
  readonly data: unknown;
}

/** A session on this node. While it is away it waits, and is forgotten when the time is up. */
export class Session extends SharedTimer implements SessionView {
  readonly id: string;
  readonly user: string | undefined;
  readonly secretHash: string;
  data: unknown;
  expiresAtMs: number | undefined;
  /** How many links it has had, on all nodes, as far as is known here. */
  generation = 0;
  /** The link that carries it. */
  current: SessionLink | undefined;
  /** Whether it has had no link here, only requests beside one that another node has. */
  isBeside = false;
  /** When the engine was last told to keep it. */
  keptAtMs = 0;
  /** How many answers it has given to what this node had not asked. */
  strayAnswers = 0;
  /** How many requests it may still make; made with the first. */
  requestTokens: TokenBucket | undefined;
  /** How many of its requests run, and have no answer yet. */
  pendingRequests = 0;
  /** Those that wait for their turn; made with the first. */
  waiting: RequestQueue | undefined;
  /** Calls that run, by their id. */
  running: Map<number | string, RunningRequest> | undefined;
  /** What has to be done before the next publication, so that they keep their order. */
  publishing: Promise<unknown> | undefined;
  readonly #forget: (session: Session) => void;

  constructor(id: string, secretHash: string, identity: Identity, forget: (session: Session) => void) {
    super();
    this.id = id;
    this.secretHash = secretHash;
    this.user = identity.user;
    this.data = identity.data;
    this.expiresAtMs = identity.expiresAtMs;
    this.#forget = forget;
  }

  get link(): LinkKind | undefined {
    return this.current?.kind;
  }

  /** The session as the engine keeps it. */
  record(): SessionRecord {
    const { user, secretHash, expiresAtMs, data, generation } = this;
    return {
      user,
      secretHash,
      generation,
      ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
      ...(data === undefined ? {} : { data: JSON.stringify(data) }),
    };
  }

  override timeUp(): void {
    this.#forget(this);
  }
}
