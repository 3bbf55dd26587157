// The ticker: a row for each symbol with its last minute, its price, and how far it has come.

import type { Client } from '../../client.browser.ts';
import type { Contract, Prices } from '../contract.ts';
import { byId, element } from './element.ts';
import { Sparkline } from './sparkline.ts';

// As many as the server keeps: a minute.
const pricesKept = 60;

const names: Readonly<Record<string, string>> = {
  OTTR: 'Otter River',
  HRON: 'Heron Works',
  LYNX: 'Lynx Optical',
  TERN: 'Tern Airways',
};

class QuoteRow {
  readonly element: HTMLTableRowElement;
  readonly #prices: number[] = [];
  readonly #sparkline = new Sparkline(pricesKept);
  readonly #price = element('span', 'price');
  readonly #change = element('span', 'change');

  constructor(symbol: string) {
    const title = element('th', '', element('b', '', symbol), element('span', 'hint', names[symbol] ?? ''));
    title.scope = 'row';
    const figures = element('td', 'figures', this.#price, this.#change);
    const chart = element('td', 'chart');
    chart.append(this.#sparkline.element);
    this.element = element('tr', '', title, chart, figures);
    this.element.dataset['symbol'] = symbol;
  }

  add(price: number): void {
    this.#prices.push(price);
    if (this.#prices.length > pricesKept) this.#prices.shift();
  }

  show(): void {
    const last = this.#prices.at(-1) ?? 0;
    const percent = (last / this.#prices[0] - 1) * 100;
    const isUp = percent >= 0;
    this.#price.textContent = last.toFixed(2);
    this.#change.textContent = `${isUp ? '▲' : '▼'} ${Math.abs(percent).toFixed(2)} %`;
    this.element.dataset['trend'] = isUp ? 'up' : 'down';
    this.#sparkline.draw(this.#prices);
  }
}

/** Shows the channel `ticker`. */
export class TickerPanel {
  readonly #rows = new Map<string, QuoteRow>();
  readonly #body = byId('quotes', HTMLTableSectionElement);
  #isShowing = false;

  /** @param received is told when what arrives was published */
  constructor(client: Client<Contract>, received: (atMs: number) => void) {
    const channel = client.channel('ticker', { history: pricesKept });
    channel.on('prices', (prices, { at = 0 }) => {
      received(at);
      this.#add(prices);
    });
    // The last minute follows.
    channel.on('gap', () => {
      this.#rows.clear();
      this.#body.replaceChildren();
    });
  }

  #add(prices: Prices): void {
    for (const [symbol, price] of Object.entries(prices)) {
      let row = this.#rows.get(symbol);
      if (row === undefined) {
        row = new QuoteRow(symbol);
        this.#rows.set(symbol, row);
        this.#body.append(row.element);
      }
      row.add(price);
    }
    if (this.#isShowing) return;
    // A minute may come at once: it is drawn once.
    this.#isShowing = true;
    queueMicrotask(() => {
      this.#isShowing = false;
      for (const row of this.#rows.values()) row.show();
    });
  }
}
