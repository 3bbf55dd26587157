// A connection as plain values at one moment, for logs, pages and alarms: JSON.stringify writes them, and reading that
// gives the same values again. What is not known is null, because JSON has no undefined.

import { FullduplexError } from '../base/errors.ts';
import { Traffic } from '../protocol/traffic.ts';
import type { ClosedInfo } from './end-reason.ts';
import type { MessageTransport } from './message-transport.ts';
import type { RateWindow, TrafficRates } from './rate-window.ts';

/** A count for each direction, seen from this side. */
export interface BothWays<Value = number> {
  readonly in: Value;
  readonly out: Value;
}

/** What was carried, of one connection or of many. */
export interface TrafficSnapshot {
  /** Whole messages. */
  readonly messages: BothWays;
  /** Their bytes as the application sees them: text in UTF-8, before compression. */
  readonly payloadBytes: BothWays;
  /**
   * All bytes behind the opening handshake, with headers and control frames, without TLS and TCP; null where the
   * platform does not show them.
   */
  readonly wireBytes: BothWays | null;
  /** How many bytes of messages one byte on the wire stood for, of the messages that were compressed; null for none. */
  readonly compressionRatio: BothWays<number | null>;
  /** How much is going on. */
  readonly rates: TrafficRates;
}

/** How a connection ended, as plain values. */
export interface ClosedSnapshot {
  readonly code: number;
  readonly reason: string;
  readonly clean: boolean;
  readonly by: ClosedInfo['by'];
  /** The stable code of the cause, when it is an error of this library, and what it says; null without a cause. */
  readonly cause: { readonly code: string | null; readonly message: string } | null;
}

/** A connection at one moment. */
export interface ConnectionSnapshot extends TrafficSnapshot {
  /** The number of the connection in this process. */
  readonly id: number;
  readonly readyState: 'open' | 'closing' | 'closed';
  /** The subprotocol that was agreed, or the empty string. */
  readonly protocol: string;
  /** The extensions that were agreed, or the empty string. */
  readonly extensions: string;
  /** When it was opened, as in `2026-01-31T12:00:00.000Z`. */
  readonly openedAt: string;
  /** How long ago that was, in milliseconds; it goes on when the connection is closed. */
  readonly ageMs: number;
  /** Bytes that were sent and that the operating system has not taken yet. */
  readonly queuedBytes: number;
  /** Bytes of messages that have arrived and wait for a consumer. */
  readonly heldBytes: number;
  /** Bytes of messages that have not arrived whole. */
  readonly retainedBytes: number;
  /** Why receiving is paused; empty while it is not. */
  readonly pausedBy: readonly PauseReason[];
  /** The last measured round trip of a keep-alive ping in milliseconds; null before the first. */
  readonly latencyMs: number | null;
  /** How it ended; null while it has not. */
  readonly closed: ClosedSnapshot | null;
}

/**
 * `user`: `pause()` was called. `queue`: nobody takes the messages. `backpressure`: the peer does not take the replies.
 * `rate`: the peer has sent more than `messageRate` or `byteRate` allow for now.
 */
export type PauseReason = 'user' | 'queue' | 'backpressure' | 'rate';

/** What a connection tells about itself. */
export interface ConnectionParts {
  readonly id: number;
  readonly readyState: 'open' | 'closing' | 'closed';
  readonly openedAtMs: number;
  readonly nowMs: number;
  readonly heldBytes: number;
  readonly pausedBy: readonly PauseReason[];
  readonly latencyMs: number | undefined;
  readonly closedInfo: ClosedInfo | undefined;
  readonly rates: RateWindow;
}

/** Writes a connection down. */
export function describeConnection(parts: ConnectionParts, transport: MessageTransport): ConnectionSnapshot {
  const { id, readyState, openedAtMs, nowMs, heldBytes, pausedBy, latencyMs, closedInfo, rates } = parts;
  const traffic = new Traffic();
  transport.addTrafficTo(traffic);
  const ageMs = Math.max(0, Math.round(nowMs - openedAtMs));
  return {
    id,
    readyState,
    protocol: transport.protocol,
    extensions: transport.extensions,
    openedAt: rates.startedAt,
    ageMs,
    ...describeTraffic(traffic, rates.look(nowMs, traffic), transport.supports.observe),
    queuedBytes: readyState === 'closed' ? 0 : transport.bufferedBytes,
    heldBytes,
    retainedBytes: transport.retainedBytes,
    pausedBy,
    latencyMs: latencyMs ?? null,
    closed: closedInfo === undefined ? null : describeEnd(closedInfo),
  };
}

/** Writes down what was carried. */
export function describeTraffic(
  traffic: Readonly<Traffic>,
  rates: TrafficRates,
  isWireSeen: boolean,
): TrafficSnapshot {
  return {
    messages: { in: traffic.messagesIn, out: traffic.messagesOut },
    payloadBytes: { in: traffic.payloadBytesIn, out: traffic.payloadBytesOut },
    wireBytes: isWireSeen ? { in: traffic.wireBytesIn, out: traffic.wireBytesOut } : null,
    compressionRatio: {
      in: ratioOf(traffic.plainBytesIn, traffic.deflatedBytesIn),
      out: ratioOf(traffic.plainBytesOut, traffic.deflatedBytesOut),
    },
    rates,
  };
}

function ratioOf(plainBytes: number, deflatedBytes: number): number | null {
  return deflatedBytes === 0 ? null : Math.round((plainBytes * 100) / deflatedBytes) / 100;
}

function describeEnd({ code, reason, clean, by, cause }: ClosedInfo): ClosedSnapshot {
  const described =
    cause === undefined
      ? null
      : { code: cause instanceof FullduplexError ? cause.code : null, message: cause.message };
  return { code, reason, clean, by, cause: described };
}
