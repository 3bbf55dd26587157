import { expect, test } from 'vitest';
import { realtimeDiagnostics, realtimeProbe } from '../../../src/node/realtime/realtime-diagnostics.ts';
import { DiagnosticsEar } from '../diagnostics-ear.ts';

const session = { id: 's1', user: 'ann' };

test('what happens to sessions is published under names that monitoring can subscribe to', () => {
  const ear = new DiagnosticsEar();
  for (const name of ['connect', 'disconnect', 'subscribe', 'unsubscribe', 'slow', 'error'])
    ear.hear(`fullduplex:realtime:${name}`);
  const failure = new Error('a rule failed');
  try {
    realtimeProbe.connected(session, 'poll', true);
    realtimeProbe.subscribed(session, 'chat:1');
    realtimeProbe.slow(session, 'chat:1');
    realtimeProbe.unsubscribed(session, 'chat:1');
    realtimeProbe.disconnected(session, 'SLOW_CONSUMER');
    realtimeProbe.failed(failure);
  } finally {
    ear.stop();
  }
  expect(ear.all).toEqual([
    ['fullduplex:realtime:connect', { session, link: 'poll', isResumed: true }],
    ['fullduplex:realtime:subscribe', { session, channel: 'chat:1' }],
    ['fullduplex:realtime:slow', { session, channel: 'chat:1' }],
    ['fullduplex:realtime:unsubscribe', { session, channel: 'chat:1' }],
    ['fullduplex:realtime:disconnect', { session, code: 'SLOW_CONSUMER' }],
    ['fullduplex:realtime:error', { error: failure }],
  ]);
});

test('the typed channels hear the same, and nothing when they have unsubscribed', () => {
  const links: string[] = [];
  const listener = ({ link }: { readonly link: string }): void => void links.push(link);
  realtimeDiagnostics.connect.subscribe(listener);
  realtimeProbe.connected(session, 'stream', false);
  realtimeDiagnostics.connect.unsubscribe(listener);
  realtimeProbe.connected(session, 'websocket', false);
  expect(links).toEqual(['stream']);
});
