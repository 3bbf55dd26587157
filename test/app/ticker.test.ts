import { expect, test } from 'vitest';
import { pricesKept, Ticker } from '../../src/app/ticker.ts';

test('the ticker starts with a minute of prices and keeps a minute', () => {
  const ticker = new Ticker(() => 0.9);
  for (let step = 0; step < 10; step++) ticker.step();
  const { history } = ticker;
  if (history.type !== 'history') throw new Error('expected the history');
  for (const { prices } of history.quotes) expect(prices).toHaveLength(pricesKept);
});

test('a step gives every symbol the price that the history then ends with', () => {
  const ticker = new Ticker();
  const step = ticker.step();
  const { history } = ticker;
  if (history.type !== 'history' || step.type !== 'prices') throw new Error('expected history and prices');
  expect(Object.keys(step.prices)).toEqual(history.quotes.map(({ symbol }) => symbol));
  for (const { symbol, prices } of history.quotes) expect(prices.at(-1)).toBe(step.prices[symbol]);
});

test('prices that only fall stay above nothing', () => {
  const ticker = new Ticker(() => 0);
  for (let step = 0; step < 5_000; step++) ticker.step();
  const step = ticker.step();
  if (step.type !== 'prices') throw new Error('expected prices');
  for (const price of Object.values(step.prices)) expect(price).toBeGreaterThanOrEqual(0.5);
});
