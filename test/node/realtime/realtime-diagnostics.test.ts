import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect, test } from 'vitest';
import { realtimeDiagnostics, realtimeProbe } from '../../../src/node/realtime/realtime-diagnostics.ts';

const session = { id: 's1', user: 'ann' };

test('what happens to sessions is published under names that monitoring can subscribe to', () => {
  const heard: unknown[] = [];
  const names = ['connect', 'disconnect', 'subscribe', 'unsubscribe', 'slow', 'error'];
  const listeners = names.map(
    (name) => [`fullduplex:realtime:${name}`, (message: unknown) => heard.push([name, message])] as const,
  );
  for (const [name, listener] of listeners) subscribe(name, listener);
  const failure = new Error('a rule failed');
  try {
    realtimeProbe.connected(session, 'poll', true);
    realtimeProbe.subscribed(session, 'chat:1');
    realtimeProbe.slow(session, 'chat:1');
    realtimeProbe.unsubscribed(session, 'chat:1');
    realtimeProbe.disconnected(session, 'SLOW_CONSUMER');
    realtimeProbe.failed(failure);
  } finally {
    for (const [name, listener] of listeners) unsubscribe(name, listener);
  }
  expect(heard).toEqual([
    ['connect', { session, link: 'poll', isResumed: true }],
    ['subscribe', { session, channel: 'chat:1' }],
    ['slow', { session, channel: 'chat:1' }],
    ['unsubscribe', { session, channel: 'chat:1' }],
    ['disconnect', { session, code: 'SLOW_CONSUMER' }],
    ['error', { error: failure }],
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
