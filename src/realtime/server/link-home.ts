// What a link of a session is told to, and what it shares with those who end it.

import type { CallId } from '../engine/engine.ts';
import type { RealtimeErrorCode } from '../wire/error-codes.ts';
import type { ClientFrame } from '../wire/frames.ts';
import type { HubSettings } from './hub-options.ts';
import type { HubStatistics } from './hub-statistics.ts';
import type { LinkPeer } from './link-acceptor.ts';
import type { Session } from './session.ts';
import type { SessionLink } from './session-link.ts';

/** What a link is told to. */
export interface LinkHome {
  readonly settings: HubSettings;
  readonly statistics: HubStatistics;
  /** A first frame that is a hello arrived. */
  greet(link: SessionLink, hello: ClientFrame & readonly [1, unknown], peer: LinkPeer): void;
  /** A frame arrived on a link that has a session. */
  frame(link: SessionLink, session: Session, frame: ClientFrame): void;
  /** The name of the channel that has an alias on this node. */
  nameOf(alias: number): string | undefined;
  /** A heartbeat was sent. */
  beaten(session: Session): void;
  /** The session has heard the answers to calls. */
  callsHeard(session: Session, ids: readonly CallId[]): void;
  /** The link is gone; with a code when the server ended it. */
  ended(link: SessionLink, code: RealtimeErrorCode | undefined): void;
}

/** A channel whose rules are being asked. */
export interface AskedChannel {
  /** Whether something has changed since: the answer counts for nothing, and they are asked again. */
  isDoubtful: boolean;
}

/** How a link is ended by the server. */
export interface GoodbyeOptions {
  readonly retryable?: boolean;
  /** When to come back, in milliseconds. */
  readonly afterMs?: number;
}
