import { expect, test } from 'vitest';
import { Histogram } from '../../../src/realtime/server/hub-statistics.ts';
import type { HubSnapshot } from '../../../src/realtime/server/hub-statistics.ts';
import { prometheusText } from '../../../src/realtime/server/prometheus-text.ts';

function snapshot(): HubSnapshot {
  const callMs = new Histogram();
  for (const durationMs of [1, 3, 3, 40_000]) callMs.add(durationMs);
  const none = new Histogram().snapshot();
  return {
    node: 'n"1',
    engine: 'memory',
    state: 'open',
    sessions: {
      connected: 3,
      byLink: { websocket: 2, poll: 1 },
      away: 4,
      begun: 9,
      resumed: 5,
      goodbyes: { DRAINING: 2 },
    },
    channels: { streams: 6, subscriptions: 7 },
    publications: 10,
    deliveries: 20,
    requestsRefused: 16,
    recovery: { recovered: 8, notRecovered: 1 },
    calls: { running: 1, total: 4, failed: 2, repeated: 3 },
    slowConsumers: 11,
    repairs: 12,
    badFrames: 13,
    engineFailures: 14,
    bufferedBytes: 15,
    durations: { callMs: callMs.snapshot(), publishMs: none, heartbeatMs: none },
  };
}

test('counts are written with their kind, their help and their labels', () => {
  const text = prometheusText(snapshot());
  for (const line of [
    '# TYPE fullduplex_realtime_sessions gauge',
    'fullduplex_realtime_sessions{node="n\\"1",link="websocket"} 2',
    'fullduplex_realtime_sessions{node="n\\"1",link="away"} 4',
    '# TYPE fullduplex_realtime_publications_total counter',
    'fullduplex_realtime_publications_total{node="n\\"1"} 10',
    'fullduplex_realtime_recoveries_total{node="n\\"1",outcome="not_recovered"} 1',
    'fullduplex_realtime_goodbyes_total{node="n\\"1",code="DRAINING"} 2',
    'fullduplex_realtime_buffered_bytes{node="n\\"1"} 15',
  ])
    expect(text.split('\n')).toContain(line);
});

test('a histogram counts up to each bound, in seconds', () => {
  const lines = prometheusText(snapshot(), { prefix: 'app', labels: {} }).split('\n');
  expect(lines.filter((line) => line.startsWith('app_call_duration_seconds'))).toEqual([
    'app_call_duration_seconds_bucket{le="0.001"} 1',
    'app_call_duration_seconds_bucket{le="0.002"} 1',
    ...['0.005', '0.01', '0.02', '0.05', '0.1', '0.2', '0.5', '1', '2', '5', '10', '30'].map(
      (le) => `app_call_duration_seconds_bucket{le="${le}"} 3`,
    ),
    'app_call_duration_seconds_bucket{le="+Inf"} 4',
    'app_call_duration_seconds_sum 40.007',
    'app_call_duration_seconds_count 4',
  ]);
});

test('every line is one that Prometheus reads', () => {
  const text = prometheusText(snapshot());
  expect(text.endsWith('\n')).toBe(true);
  const sample = /^[a-z_]+(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? -?\d+(?:\.\d+)?$/;
  const wrong = text
    .trimEnd()
    .split('\n')
    .filter(
      (line) =>
        !/^# (?:HELP [a-z_]+ .+|TYPE [a-z_]+ (?:counter|gauge|histogram))$/.test(line) && !sample.test(line),
    );
  expect(wrong).toEqual([]);
});
