import { expect, test } from 'vitest';
import { scripted } from './scripted-links.ts';

test('requests wait for the connection, as many as may wait; those beyond fail with QUEUE_FULL and are never sent', async () => {
  const { client, link } = scripted({ maxQueuedRequests: 2 });
  const room = client.channel('chat:42');
  const first = room.publish('message', 1);
  const second = client.call('add', { a: 1 });
  await expect(room.publish('message', 3)).rejects.toMatchObject({ code: 'QUEUE_FULL' });
  link.opens();
  const requests = link.sent.filter((frame) => Array.isArray(frame)).filter(([type]) => type === 4);
  expect(requests.map((frame) => frame.slice(2, 5))).toEqual([
    ['chat:42', 'message', 1],
    [0, 'add', { a: 1 }],
  ]);
  for (const frame of requests) link.says([5, frame[1], { offset: 1 }]);
  await expect(Promise.all([first, second])).resolves.toHaveLength(2);
});
