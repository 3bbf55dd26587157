// Who watches a hub from outside of the application: a platform puts its diagnostics here. Nothing is called for a publication or a
// call; what is called comes rarely in the life of a session.

import type { LinkKind } from '../link/link.ts';
import type { RealtimeErrorCode } from '../wire/error-codes.ts';

/** A session as those who watch know it. */
export interface WatchedSession {
  readonly id: string;
  readonly user: string | undefined;
}

/** Hears about the life of sessions. What it throws would be thrown into the hub: it must not. */
export interface HubProbe {
  /** A session has a link: a new session, or one that came back. */
  connected(session: WatchedSession, link: LinkKind, isResumed: boolean): void;
  /** The link of a session is gone; with a code when the server ended it. */
  disconnected(session: WatchedSession, code: RealtimeErrorCode | undefined): void;
  /** A session follows a channel, or no longer does. */
  subscribed(session: WatchedSession, channel: string): void;
  unsubscribed(session: WatchedSession, channel: string): void;
  /** A session is too slow for a channel. */
  slow(session: WatchedSession, channel: string): void;
  /** A rule or a handler threw. */
  failed(error: unknown): void;
}
