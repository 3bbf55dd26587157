import { expect, test } from 'vitest';
import { RateWindow } from '../../src/connection/rate-window.ts';
import { Traffic } from '../../src/protocol/traffic.ts';

function counted(messagesIn: number, payloadBytesOut = 0): Traffic {
  return Object.assign(new Traffic(), { messagesIn, payloadBytesOut });
}

test('at first it looks back to the beginning', () => {
  const window = new RateWindow(1_000, 1_000);
  expect(window.look(6_000, counted(50, 1_000))).toEqual({
    overMs: 5_000,
    messagesPerSecond: { in: 10, out: 0 },
    payloadBytesPerSecond: { in: 0, out: 200 },
  });
});

test('in the very moment of the beginning nothing is known', () => {
  expect(new RateWindow(5, 5).look(5, counted(3)).messagesPerSecond).toEqual({ in: 0, out: 0 });
});

test('later it covers 10 to 20 seconds, so that the past does not count for ever', () => {
  const window = new RateWindow(0, 0);
  // A burst in the first second, then one message a second.
  for (let second = 1; second <= 60; second++) {
    const { overMs, messagesPerSecond } = window.look(second * 1_000, counted(1_000 + second));
    expect(overMs).toBeLessThanOrEqual(20_000);
    if (second > 10) expect(overMs).toBeGreaterThanOrEqual(10_000);
    if (second > 21) expect(messagesPerSecond.in).toBe(1);
  }
});

test('several who look do not disturb each other', () => {
  const [alone, shared] = [new RateWindow(0, 0), new RateWindow(0, 0)];
  for (let tick = 1; tick <= 400; tick++) {
    const counts = counted(tick * 10);
    const [first] = [shared.look(tick * 100, counts), shared.look(tick * 100, counts)];
    const second = shared.look(tick * 100, counts);
    expect(second).toEqual(first);
    if (tick % 50 === 0) expect(alone.look(tick * 100, counts).messagesPerSecond.in).toBe(100);
    expect(first.messagesPerSecond.in).toBe(100);
  }
});

test('who looks once a minute gets the rate of that minute', () => {
  const window = new RateWindow(0, 0);
  window.look(60_000, counted(60_000));
  expect(window.look(120_000, counted(60_600))).toMatchObject({
    overMs: 60_000,
    messagesPerSecond: { in: 10, out: 0 },
  });
});

test('the beginning is told as a date that does not move', () => {
  const window = new RateWindow(1_000, 61_000);
  expect(Math.abs(Date.now() - 60_000 - Date.parse(window.startedAt))).toBeLessThan(5_000);
});
