// The ticker: a row for each symbol with its last minute, its price, and how far it has come.

import type { Quote, TickerEvent } from '../messages.ts';
import { byId, element } from './element.ts';
import { Sparkline } from './sparkline.ts';

class QuoteRow {
  readonly element: HTMLTableRowElement;
  readonly #prices: number[];
  readonly #pricesKept: number;
  readonly #sparkline: Sparkline;
  readonly #price = element('span', 'price');
  readonly #change = element('span', 'change');

  constructor({ symbol, name, prices }: Quote) {
    this.#prices = [...prices];
    this.#pricesKept = prices.length;
    this.#sparkline = new Sparkline(prices.length);
    const title = element('th', '', element('b', '', symbol), element('span', 'hint', name));
    title.scope = 'row';
    const figures = element('td', 'figures', this.#price, this.#change);
    const chart = element('td', 'chart');
    chart.append(this.#sparkline.element);
    this.element = element('tr', '', title, chart, figures);
    this.element.dataset['symbol'] = symbol;
    this.#show();
  }

  add(price: number): void {
    this.#prices.push(price);
    if (this.#prices.length > this.#pricesKept) this.#prices.shift();
    this.#show();
  }

  #show(): void {
    const last = this.#prices.at(-1) ?? 0;
    const percent = (last / this.#prices[0] - 1) * 100;
    const isUp = percent >= 0;
    this.#price.textContent = last.toFixed(2);
    this.#change.textContent = `${isUp ? '▲' : '▼'} ${Math.abs(percent).toFixed(2)} %`;
    this.element.dataset['trend'] = isUp ? 'up' : 'down';
    this.#sparkline.draw(this.#prices);
  }
}

/** Shows what `/ticker` sends. */
export class TickerPanel {
  readonly #rows = new Map<string, QuoteRow>();
  readonly #body = byId('quotes', HTMLTableSectionElement);

  receive(event: TickerEvent): void {
    if (event.type === 'history') this.#begin(event.quotes);
    else for (const [symbol, price] of Object.entries(event.prices)) this.#rows.get(symbol)?.add(price);
  }

  #begin(quotes: readonly Quote[]): void {
    this.#rows.clear();
    for (const quote of quotes) this.#rows.set(quote.symbol, new QuoteRow(quote));
    this.#body.replaceChildren(...[...this.#rows.values()].map((row) => row.element));
  }
}
