// A channel of a tab, fed by leaders that begin wherever they begin.

import { expect, test } from 'vitest';
import { TabChannel } from '../../../src/realtime/tabs/tab-channel.ts';
import type { RelayedFrame, RelayStart } from '../../../src/realtime/tabs/tab-messages.ts';

const start = (offset: number, epoch = 'e'): RelayStart => ({
  delivery: 'log',
  events: ['message'],
  position: [epoch, offset, `id ${offset}`],
  recovered: true,
});
const frame = (offset: number): RelayedFrame => [2, 0, 1, 0, offset, `id ${offset}`];

function channelOf(): { readonly channel: TabChannel; readonly heard: unknown[] } {
  const channel = new TabChannel(
    'chat:42',
    {},
    {
      readerLimit: 8,
      failed: (error) => expect.fail(String(error)),
      request: () => expect.fail('nothing is asked'),
      history: () => Promise.resolve([]),
      follow: () => undefined,
      leave: () => undefined,
    },
  );
  const heard: unknown[] = [];
  channel.on('message', (data) => heard.push(data));
  channel.on('gap', (gap) => heard.push(gap));
  return { channel, heard };
}

test('what a tab has is not delivered again, however often leaders begin before it', () => {
  const { channel, heard } = channelOf();
  channel.start(start(10), true);
  for (const offset of [11, 12, 13, 14]) channel.take(frame(offset));
  channel.leaderLost();
  channel.start(start(10), true);
  channel.take(frame(11));
  channel.start(start(11), false);
  for (const offset of [12, 13, 14, 15]) channel.take(frame(offset));
  expect(heard).toEqual([11, 12, 13, 14, 15]);
  expect(channel.follow.position).toEqual(['e', 15, 'id 15']);
});

test('a history that begins anew, or no longer reaches back, is told as a gap', async () => {
  const { channel, heard } = channelOf();
  channel.start(start(10), true);
  channel.start(start(3, 'other'), true);
  channel.take(frame(4));
  channel.start(start(9, 'other'), true);
  channel.take(frame(10));
  await new Promise(setImmediate);
  expect(heard).toEqual([{ reason: 'epoch' }, 4, { reason: 'expired' }, 10]);
});

test('what comes before a leader has said where it begins is none of the tab', () => {
  const { channel, heard } = channelOf();
  channel.take(frame(1));
  channel.start(start(1), true);
  channel.take(frame(2));
  channel.leaderLost();
  channel.take(frame(3));
  expect(heard).toEqual([2]);
});
