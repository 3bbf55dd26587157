// What happens in hubs, published on node:diagnostics_channel for monitoring that knows nothing of the application. Nothing is
// published for a publication or a call: the counts of `hub.snapshot()` are for those.

import type { LinkKind } from '../../realtime/link/link.ts';
import type { HubProbe, WatchedSession } from '../../realtime/server/hub-probe.ts';
import type { RealtimeErrorCode } from '../../realtime/wire/error-codes.ts';
import { DiagnosticsChannel } from '../diagnostics.ts';

/** `fullduplex:realtime:connect`: a session has a link. */
export interface RealtimeConnectMessage {
  readonly session: WatchedSession;
  readonly link: LinkKind;
  /** Whether it is one that came back. */
  readonly isResumed: boolean;
}

/** `fullduplex:realtime:disconnect`: the link of a session is gone. */
export interface RealtimeDisconnectMessage {
  readonly session: WatchedSession;
  /** Why, when the server ended it. */
  readonly code: RealtimeErrorCode | undefined;
}

/** `fullduplex:realtime:subscribe` and `fullduplex:realtime:unsubscribe`: a session follows a channel, or no longer does. */
export interface RealtimeSubscriptionMessage {
  readonly session: WatchedSession;
  readonly channel: string;
}

/** `fullduplex:realtime:slow`: a session reads a channel more slowly than it is written. */
export type RealtimeSlowMessage = RealtimeSubscriptionMessage;

/** `fullduplex:realtime:error`: a rule or a handler threw; `onError` hears it too. */
export interface RealtimeErrorMessage {
  readonly error: unknown;
}

/** All channels. `subscribe('fullduplex:realtime:connect', ...)` of node:diagnostics_channel hears the same. */
export interface RealtimeDiagnostics {
  readonly connect: DiagnosticsChannel<RealtimeConnectMessage>;
  readonly disconnect: DiagnosticsChannel<RealtimeDisconnectMessage>;
  readonly subscribe: DiagnosticsChannel<RealtimeSubscriptionMessage>;
  readonly unsubscribe: DiagnosticsChannel<RealtimeSubscriptionMessage>;
  readonly slow: DiagnosticsChannel<RealtimeSlowMessage>;
  readonly error: DiagnosticsChannel<RealtimeErrorMessage>;
}

/** The channels, typed: `realtimeDiagnostics.connect.subscribe(({ session, link }) => ...)`. */
export const realtimeDiagnostics: RealtimeDiagnostics = Object.freeze({
  connect: new DiagnosticsChannel<RealtimeConnectMessage>('fullduplex:realtime:connect'),
  disconnect: new DiagnosticsChannel<RealtimeDisconnectMessage>('fullduplex:realtime:disconnect'),
  subscribe: new DiagnosticsChannel<RealtimeSubscriptionMessage>('fullduplex:realtime:subscribe'),
  unsubscribe: new DiagnosticsChannel<RealtimeSubscriptionMessage>('fullduplex:realtime:unsubscribe'),
  slow: new DiagnosticsChannel<RealtimeSlowMessage>('fullduplex:realtime:slow'),
  error: new DiagnosticsChannel<RealtimeErrorMessage>('fullduplex:realtime:error'),
});

const { connect, disconnect, subscribe, unsubscribe, slow, error: errors } = realtimeDiagnostics;

/** Publishes what happens in the hubs of this process. */
export const realtimeProbe: HubProbe = Object.freeze({
  connected(session: WatchedSession, link: LinkKind, isResumed: boolean): void {
    if (connect.hasSubscribers) connect.publish({ session, link, isResumed });
  },
  disconnected(session: WatchedSession, code: RealtimeErrorCode | undefined): void {
    if (disconnect.hasSubscribers) disconnect.publish({ session, code });
  },
  subscribed(session: WatchedSession, channel: string): void {
    if (subscribe.hasSubscribers) subscribe.publish({ session, channel });
  },
  unsubscribed(session: WatchedSession, channel: string): void {
    if (unsubscribe.hasSubscribers) unsubscribe.publish({ session, channel });
  },
  slow(session: WatchedSession, channel: string): void {
    if (slow.hasSubscribers) slow.publish({ session, channel });
  },
  failed(error: unknown): void {
    if (errors.hasSubscribers) errors.publish({ error });
  },
});
