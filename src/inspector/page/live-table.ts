// A table whose rows have keys: a look changes the cells that changed, and what somebody has chosen, focused or selected stays.

import { element } from '../../app/page/element.ts';

/** A column. */
export interface Column<Item> {
  readonly title: string;
  readonly isNumber?: boolean;
  text(item: Item): string;
}

/** What a table shows, and how. */
export interface TableOptions<Item> {
  readonly columns: readonly Column<Item>[];
  /** What stands there while there is nothing. */
  readonly empty: string;
  key(item: Item): string;
  /** The class of a row. */
  mark?(item: Item): string;
  /** With it each row ends in a button. */
  readonly action?: { readonly title: string; name(item: Item): string; run(item: Item): void };
}

interface Row<Item> {
  readonly line: HTMLTableRowElement;
  readonly cells: readonly HTMLTableCellElement[];
  item: Item;
}

/** The table. */
export class LiveTable<Item> {
  readonly #body = element('tbody');
  readonly #empty: HTMLTableRowElement;
  readonly #options: TableOptions<Item>;
  #rows = new Map<string, Row<Item>>();

  constructor(table: HTMLTableElement, options: TableOptions<Item>) {
    this.#options = options;
    const titles = options.columns.map(({ title, isNumber }) => head(title, isNumber));
    if (options.action !== undefined)
      titles.push(element('th', 'action', element('span', 'visually-hidden', options.action.title)));
    const nothing = element('td', 'empty', options.empty);
    nothing.colSpan = titles.length;
    this.#empty = element('tr', '', nothing);
    table.replaceChildren(element('thead', '', element('tr', '', ...titles)), this.#body);
  }

  /** Shows these items in this order, and no others. */
  show(items: readonly Item[]): void {
    const rows = new Map<string, Row<Item>>();
    for (const item of items) {
      const key = this.#options.key(item);
      const row = this.#rows.get(key) ?? this.#newRow(item);
      row.item = item;
      this.#fill(row);
      rows.set(key, row);
    }
    for (const [key, { line }] of this.#rows) if (!rows.has(key)) line.remove();
    if (rows.size > 0) this.#empty.remove();
    else this.#body.replaceChildren(this.#empty);
    // Only what stands in another place is moved: moving takes the focus away.
    let place = this.#body.firstElementChild;
    for (const { line } of rows.values()) {
      if (line === place) place = place.nextElementSibling;
      else this.#body.insertBefore(line, place);
    }
    this.#rows = rows;
  }

  #newRow(item: Item): Row<Item> {
    const { columns, action } = this.#options;
    const cells = columns.map(({ isNumber }) => element('td', isNumber === true ? 'number' : ''));
    const row: Row<Item> = { line: element('tr', '', ...cells), cells, item };
    if (action !== undefined) {
      const button = element('button', '', action.title);
      button.type = 'button';
      button.setAttribute('aria-label', action.name(item));
      button.addEventListener('click', () => action.run(row.item));
      row.line.append(element('td', 'action', button));
    }
    return row;
  }

  #fill({ line, cells, item }: Row<Item>): void {
    for (const [index, column] of this.#options.columns.entries()) {
      const shown = column.text(item);
      if (cells[index].textContent !== shown) cells[index].textContent = shown;
    }
    const className = this.#options.mark?.(item) ?? '';
    if (line.className !== className) line.className = className;
  }
}

function head(title: string, isNumber = false): HTMLTableCellElement {
  const cell = element('th', isNumber ? 'number' : '', title);
  cell.scope = 'col';
  return cell;
}
