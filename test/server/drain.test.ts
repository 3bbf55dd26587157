import { expect, test } from 'vitest';
import { defaultDrainOptions, drain, requireDrainOptions } from '../../src/server/drain.ts';
import { FakeClock, settle } from '../../src/testing.ts';
import { newTopics, serverPair } from './server-pair.ts';

test('closes everyone at once and waits until all are gone', async () => {
  const clock = new FakeClock();
  const pairs = [serverPair(newTopics()), serverPair(newTopics())];
  await drain(
    new Set(pairs.map(({ server }) => server)),
    { code: 1012, reason: 'restart', timeoutMs: 10 },
    clock,
  );
  for (const { client } of pairs)
    expect(await client.closed).toMatchObject({ code: 1012, reason: 'restart', clean: true });
  expect(clock.pendingTimers).toBe(0);
});

test('cuts those that do not answer when the time is over', async () => {
  const clock = new FakeClock();
  const { server, clientTransport } = serverPair(newTopics());
  clientTransport.stall();
  let isDone = false;
  const done = drain(new Set([server]), defaultDrainOptions, clock).then(() => {
    isDone = true;
  });
  await clock.advanceAsync(4_999);
  expect(isDone).toBe(false);
  await clock.advanceAsync(1);
  await done;
  expect(await server.closed).toMatchObject({ code: 1006, by: 'local', cause: { code: 'WS_TERMINATED' } });
});

test('is done at once when nobody is there', async () => {
  const clock = new FakeClock();
  await drain(new Set(), defaultDrainOptions, clock);
  expect(clock.pendingTimers).toBe(0);
  await settle();
});

test('the goodbye has defaults and is checked', () => {
  expect(requireDrainOptions({})).toEqual({ code: 1001, reason: '', timeoutMs: 5_000 });
  expect(() => requireDrainOptions({ code: 1006 })).toThrow('close code 1006');
  expect(() => requireDrainOptions({ reason: 'x'.repeat(124) })).toThrow('124 bytes');
  expect(() => requireDrainOptions({ timeoutMs: Number.NaN })).toThrow('option timeoutMs is NaN');
});
