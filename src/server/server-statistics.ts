// A whole server as plain values at one moment, and the counts that this needs beyond what its parts know: how many
// connections there have been, how they ended, and what those that are gone have carried.

import type { Clock } from '../base/clock.ts';
import type { BufferMemory } from '../connection/buffer-memory.ts';
import { describeTraffic, type TrafficSnapshot } from '../connection/connection-snapshot.ts';
import { RateWindow } from '../connection/rate-window.ts';
import type { MemoryBudget } from '../protocol/memory-budget.ts';
import { Traffic } from '../protocol/traffic.ts';
import type { ServerConnection } from './server-connection.ts';
import type { Topics } from './topics.ts';
import type { UpgradeLog } from './upgrade-log.ts';

/** What holds memory, and the most that it may hold; both in bytes. */
export interface MemorySnapshot {
  readonly bytes: number;
  readonly maxBytes: number;
}

/** What `bufferMemory` counts. */
export interface BufferedSnapshot {
  readonly bytes: number;
  /** The bound; null for none. */
  readonly maxBytes: number | null;
  /** How many connections were ended because of it. */
  readonly shedConnections: number;
}

/** A server at one moment. What was carried, and its rates, are of all connections since the start, with those that are gone. */
export interface ServerSnapshot extends TrafficSnapshot {
  /** `draining` and `closing`: no connection is accepted any more. */
  readonly state: ServerState;
  /** When it was made, as in `2026-01-31T12:00:00.000Z`. */
  readonly startedAt: string;
  /** How long ago that was, in milliseconds. */
  readonly ageMs: number;
  readonly connections: {
    readonly open: number;
    readonly closing: number;
    /** Those whose receiving is paused, whatever the reason. */
    readonly paused: number;
    /** Since the start, with those that are gone. */
    readonly total: number;
    /** Those that are gone, by close code. */
    readonly closedByCode: Readonly<Record<string, number>>;
  };
  /** Requests to upgrade since the start. */
  readonly handshakes: {
    readonly accepted: number;
    readonly refused: number;
    readonly refusedByStatus: Readonly<Record<string, number>>;
    /** By the code of the error; responses of `upgrade` stand under `upgrade`. */
    readonly refusedByCode: Readonly<Record<string, number>>;
    /** Clients that went away before there was an answer. */
    readonly abandoned: number;
    /** Those that wait for `upgrade` to decide. */
    readonly pending: number;
  };
  /** Bytes that were sent on all connections and that the operating system has not taken yet. */
  readonly queuedBytes: number;
  /** Bytes of messages that wait for a consumer, on all connections. */
  readonly heldBytes: number;
  readonly topics: {
    /** How many topics have subscribers, and how many subscriptions there are. */
    readonly count: number;
    readonly subscriptions: number;
    /** The ten topics with the most subscribers. */
    readonly largest: readonly { readonly topic: string; readonly subscribers: number }[];
  };
  readonly memory: {
    /** Unfinished input of all connections, and `maxRetainedBytesTotal`. */
    readonly retained: MemorySnapshot;
    /** What connections of all servers of this process hold for peers that do not keep up; null where the platform does not tell. */
    readonly buffered: BufferedSnapshot | null;
    /** What compression holds in this process, with other servers and clients; null where the platform does not tell. */
    readonly compression: MemorySnapshot | null;
  };
}

/** `open`: it accepts connections. */
export type ServerState = 'open' | 'draining' | 'closing' | 'closed';

/** What the parts of a server know. */
export interface ServerParts {
  readonly state: ServerState;
  readonly connections: ReadonlySet<ServerConnection<unknown>>;
  readonly upgrades: UpgradeLog;
  readonly pendingUpgrades: number;
  readonly topics: Topics;
  readonly budget: MemoryBudget;
  readonly buffers: BufferMemory | undefined;
  readonly compression: MemorySnapshot | null;
}

const largestTopics = 10;

/** Counts connections and what they carry. */
export class ServerStatistics {
  readonly #clock: Clock;
  readonly #startedAtMs: number;
  readonly #rates: RateWindow;
  readonly #carried = new Traffic();
  readonly #closedByCode = new Map<number, number>();
  #opened = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAtMs = clock.now();
    this.#rates = new RateWindow(this.#startedAtMs, this.#startedAtMs);
  }

  /** A connection was opened. */
  opened(): void {
    this.#opened++;
  }

  /** A connection is gone. */
  closed(connection: ServerConnection<unknown>, code: number): void {
    connection.addTrafficTo(this.#carried);
    this.#closedByCode.set(code, (this.#closedByCode.get(code) ?? 0) + 1);
  }

  /** Writes the server down. Looks at every connection once. */
  snapshot(parts: ServerParts): ServerSnapshot {
    const { state, connections, upgrades, pendingUpgrades, topics, budget, buffers, compression } = parts;
    const nowMs = this.#clock.now();
    const ageMs = Math.max(0, Math.round(nowMs - this.#startedAtMs));
    const traffic = new Traffic();
    traffic.add(this.#carried);
    let [open, paused, queuedBytes, heldBytes] = [0, 0, 0, 0];
    for (const connection of connections) {
      if (connection.readyState === 'open') open++;
      if (connection.isReceivingPaused) paused++;
      queuedBytes += connection.bufferedAmount;
      heldBytes += connection.heldBytes;
      connection.addTrafficTo(traffic);
    }
    return {
      state,
      startedAt: this.#rates.startedAt,
      ageMs,
      connections: {
        open,
        closing: connections.size - open,
        paused,
        total: this.#opened,
        closedByCode: Object.fromEntries(this.#closedByCode),
      },
      handshakes: {
        accepted: upgrades.acceptedCount,
        refused: upgrades.refusedCount,
        refusedByStatus: upgrades.refusedByStatus,
        refusedByCode: upgrades.refusedByCode,
        abandoned: upgrades.abandonedCount,
        pending: pendingUpgrades,
      },
      ...describeTraffic(traffic, this.#rates.look(nowMs, traffic), true),
      queuedBytes,
      heldBytes,
      topics: describeTopics(topics),
      memory: {
        retained: { bytes: budget.retainedBytes, maxBytes: budget.limitBytes },
        buffered: buffers === undefined ? null : describeBuffers(buffers),
        compression,
      },
    };
  }
}

// JSON has no Infinity.
function describeBuffers({
  heldBytes,
  maxBytes,
  shedConnections,
}: BufferMemory): ServerSnapshot['memory']['buffered'] {
  return { bytes: heldBytes, maxBytes: Number.isFinite(maxBytes) ? maxBytes : null, shedConnections };
}

function describeTopics(topics: Topics): ServerSnapshot['topics'] {
  let [count, subscriptions] = [0, 0];
  // Kept sorted and short: there may be a hundred thousand topics.
  const largest: { topic: string; subscribers: number }[] = [];
  for (const topic of topics.names) {
    const subscribers = topics.countOf(topic);
    count++;
    subscriptions += subscribers;
    const last = largest.at(-1);
    if (largest.length === largestTopics && last !== undefined && subscribers <= last.subscribers) continue;
    const place = largest.findIndex((other) => other.subscribers < subscribers);
    largest.splice(place === -1 ? largest.length : place, 0, { topic, subscribers });
    if (largest.length > largestTopics) largest.pop();
  }
  return { count, subscriptions, largest };
}
