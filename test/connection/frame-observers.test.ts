import { expect, test } from 'vitest';
import { FrameCollector, type FrameObserver } from '../../src/protocol/frame-observer.ts';
import { connectionPair, settle } from '../../src/testing.ts';

const silent: FrameObserver = { header: () => undefined, payload: () => undefined };

test('several observers see the same frames, each with bytes of its own', async () => {
  const { client, server } = connectionPair();
  server.attach({ message: (connection, message) => void connection.send(message) });
  const spoiled: FrameObserver = {
    header: (_direction, header) => void header.bytes.fill(0),
    payload: (_direction, bytes) => void bytes.fill(0),
  };
  const seen: string[][] = [[], []];
  server.observe(spoiled);
  for (const list of seen)
    server.observe(
      new FrameCollector(100, ({ direction, header, payload }) => {
        list.push(`${direction} ${header.bytes[0]} ${payload.length}`);
        if (direction === 'out') list.push(new TextDecoder().decode(payload));
      }),
    );
  client.send('hello');
  await settle();
  expect(seen[0]).toEqual(['in 129 5', 'out 129 5', 'hello']);
  expect(seen[1]).toEqual(seen[0]);
});

test('one that detaches leaves the others attached, and the last one detaches the connection', async () => {
  const { client, server } = connectionPair();
  let frames = 0;
  const detachCounting = server.observe({ ...silent, header: () => frames++ });
  const detachSilent = server.observe(silent);
  detachSilent();
  detachSilent();
  client.send('seen');
  await settle();
  expect(frames).toBe(1);
  detachCounting();
  client.send('unseen');
  await settle();
  expect(frames).toBe(1);
});

test('the same observer twice is a mistake', () => {
  const { server } = connectionPair();
  server.observe(silent);
  expect(() => server.observe(silent)).toThrow(expect.objectContaining({ code: 'WS_CONSUMER_EXISTS' }));
});

test('one that throws is let go and reported; messages and the other observers go on', async () => {
  const errors: unknown[] = [];
  const { client, server } = connectionPair({ onError: (error) => errors.push(error) });
  const messages: unknown[] = [];
  server.attach({ message: (_connection, message) => messages.push(message) });
  let frames = 0;
  const failure = new Error('broken observer');
  server.observe({
    ...silent,
    payload: () => {
      throw failure;
    },
  });
  server.observe({ ...silent, payload: () => frames++ });
  client.send('one');
  client.send('two');
  await settle();
  expect(errors).toEqual([failure]);
  expect(messages).toEqual(['one', 'two']);
  expect(frames).toBe(2);
  expect(server.readyState).toBe('open');
});

test('an observer may attach another one, and detach itself, while it is told', async () => {
  const { client, server } = connectionPair();
  const seen: string[] = [];
  const detach = server.observe({
    header: () => {
      seen.push('first');
      detach();
      server.observe({ ...silent, header: () => seen.push('second') });
    },
    payload: () => seen.push('payload of the first'),
  });
  client.send('a');
  await settle();
  client.send('b');
  await settle();
  expect(seen).toEqual(['first', 'second']);
});
