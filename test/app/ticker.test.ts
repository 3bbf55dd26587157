import { expect, test } from 'vitest';
import { Ticker } from '../../src/app/ticker.ts';

test('a step moves every price by less than a hundredth, and the next goes on from there', () => {
  const ticker = new Ticker();
  const first = ticker.step();
  const second = ticker.step();
  expect(Object.keys(first)).toEqual(['OTTR', 'HRON', 'LYNX', 'TERN']);
  for (const [symbol, price] of Object.entries(second))
    expect(Math.abs(price / first[symbol] - 1)).toBeLessThan(0.01);
});

test('prices that were given out do not change any more', () => {
  const ticker = new Ticker(() => 1);
  const first = ticker.step();
  const { OTTR } = first;
  ticker.step();
  expect(first.OTTR).toBe(OTTR);
});

test('prices that only fall stay above nothing', () => {
  const ticker = new Ticker(() => 0);
  for (let step = 0; step < 5_000; step++) ticker.step();
  for (const price of Object.values(ticker.step())) expect(price).toBeGreaterThanOrEqual(0.5);
});
