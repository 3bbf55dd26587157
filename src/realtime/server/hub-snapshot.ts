// A hub as plain values at one moment.

import type { HubCore } from './hub-core.ts';
import type { HubSnapshot } from './hub-statistics.ts';

/** Writes a hub down. Looks at every session once. */
export function snapshotOf(hub: HubCore): HubSnapshot {
  const { statistics, registry, streams, calls, settings, node, state } = hub;
  const byLink: Record<string, number> = {};
  let [connected, subscriptions, bufferedBytes] = [0, 0, 0];
  for (const { current } of registry) {
    if (current === undefined) continue;
    connected++;
    byLink[current.kind] = (byLink[current.kind] ?? 0) + 1;
    subscriptions += current.subscriptions.size;
    bufferedBytes += current.link.bufferedBytes;
    for (const { heldBytes } of current.subscriptions.values()) bufferedBytes += heldBytes;
  }
  return {
    node,
    engine: settings.engine.name,
    state,
    sessions: {
      connected,
      byLink,
      away: registry.size - connected,
      begun: statistics.sessionsBegun,
      resumed: statistics.sessionsResumed,
      goodbyes: Object.fromEntries(statistics.goodbyes),
    },
    channels: { streams: streams.size, subscriptions },
    publications: statistics.publications,
    deliveries: statistics.deliveries,
    requestsRefused: statistics.requestsRefused,
    recovery: { recovered: statistics.recovered, notRecovered: statistics.notRecovered },
    calls: {
      running: calls.runningCount,
      total: statistics.calls,
      failed: statistics.callsFailed,
      repeated: statistics.callsRepeated,
    },
    slowConsumers: statistics.slowConsumers,
    repairs: statistics.repairs,
    badFrames: statistics.badFrames,
    engineFailures: statistics.engineFailures,
    bufferedBytes,
    durations: {
      callMs: statistics.callMs.snapshot(),
      publishMs: statistics.publishMs.snapshot(),
      heartbeatMs: statistics.heartbeatMs.snapshot(),
    },
  };
}
