// The list of frames: live, bounded, filtered, paused when asked. One listbox: Tab goes to it, arrows choose a frame,
// Enter goes on to its explanation.

import { byId, element } from './element.ts';
import { type FrameRecord, hex, isControl, kindOf, previewOf, timeOf } from './frame-record.ts';

/** How many frames are kept. */
const framesKept = 500;

type Filter = 'all' | 'realtime' | 'lab' | 'control';

// How far from the end still counts as the end, in pixels.
const nearEnd = 30;
const pageOfRows = 8;

/** What the owner of the list hears. */
export interface FrameListEvents {
  /** A frame was chosen. */
  chosen(record: FrameRecord): void;
  /** The person wants to go on to the explanation. */
  entered(): void;
}

interface Row {
  readonly record: FrameRecord;
  readonly element: HTMLLIElement;
}

/** The list of frames with its filter, its pause button and its way back to the newest frame. */
export class FrameList {
  readonly #events: FrameListEvents;
  readonly #list = byId('frame-list', HTMLOListElement);
  readonly #pause = byId('pause', HTMLButtonElement);
  readonly #newest = byId('newest', HTMLButtonElement);
  #rows: Row[] = [];
  // What arrived while the list was paused.
  #waiting: FrameRecord[] = [];
  #isPaused = false;
  #isFollowing = true;
  #unseen = 0;
  #filter: Filter = 'all';
  #chosen: Row | undefined;

  constructor(events: FrameListEvents) {
    this.#events = events;
    this.#list.tabIndex = 0;
    this.#list.addEventListener('keydown', (event) => this.#keyPressed(event));
    this.#list.addEventListener('click', (event) => this.#clicked(event));
    this.#list.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.#newest.addEventListener('click', () => this.#follow());
    this.#pause.addEventListener('click', () => this.#togglePause());
    for (const input of document.querySelectorAll<HTMLInputElement>('input[name="filter"]')) {
      input.addEventListener('change', () => this.#setFilter(input.value));
    }
  }

  /** Whether a frame is chosen. */
  get hasChosen(): boolean {
    return this.#chosen !== undefined;
  }

  /** Adds a frame at the end. */
  add(record: FrameRecord): void {
    if (this.#isPaused) {
      this.#waiting.push(record);
      if (this.#waiting.length > framesKept) this.#waiting.shift();
      this.#showPause();
      return;
    }
    const row: Row = { record, element: rowOf(record) };
    this.#rows.push(row);
    this.#list.append(row.element);
    while (this.#rows.length > framesKept) this.#removeOldest();
    if (!this.#matches(record)) row.element.hidden = true;
    else if (this.#isFollowing) this.#list.scrollTop = this.#list.scrollHeight;
    else this.#unseen++;
    this.#showNewest();
  }

  /** Notes between the frames that a connection began or ended. */
  note(text: string): void {
    if (this.#isPaused) return;
    const line = element('li', 'note', text);
    line.setAttribute('role', 'presentation');
    this.#list.append(line);
    if (this.#isFollowing) this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** Chooses a frame for somebody who has chosen none yet, and goes on following. */
  suggest(record: FrameRecord): void {
    const row = this.#rows.find((one) => one.record === record);
    if (row !== undefined) this.#choose(row);
  }

  /** Puts the keyboard back on the list. */
  focus(): void {
    this.#list.focus();
  }

  #removeOldest(): void {
    const oldest = this.#rows.shift();
    while (this.#list.firstElementChild !== null && this.#list.firstElementChild !== oldest?.element) {
      this.#list.firstElementChild.remove();
    }
    oldest?.element.remove();
    if (oldest !== undefined && oldest === this.#chosen) {
      this.#chosen = undefined;
      this.#list.removeAttribute('aria-activedescendant');
    }
  }

  #matches(record: FrameRecord): boolean {
    if (this.#filter === 'all') return true;
    return this.#filter === 'control' ? isControl(record) : record.socket === this.#filter;
  }

  #setFilter(value: string): void {
    this.#filter = value === 'realtime' || value === 'lab' || value === 'control' ? value : 'all';
    for (const { record, element: line } of this.#rows) line.hidden = !this.#matches(record);
    this.#list.classList.toggle('is-filtered', this.#filter !== 'all');
    this.#follow();
  }

  #choose(row: Row): void {
    this.#chosen?.element.setAttribute('aria-selected', 'false');
    this.#chosen = row;
    row.element.setAttribute('aria-selected', 'true');
    this.#list.setAttribute('aria-activedescendant', row.element.id);
    this.#events.chosen(row.record);
  }

  #chooseByPerson(row: Row): void {
    this.#isFollowing = false;
    this.#choose(row);
    row.element.scrollIntoView({ block: 'nearest' });
    this.#showNewest();
  }

  #clicked({ target }: MouseEvent): void {
    const line = target instanceof Element ? target.closest('li') : null;
    const row = this.#rows.find((one) => one.element === line);
    if (row !== undefined) this.#chooseByPerson(row);
  }

  #keyPressed(event: KeyboardEvent): void {
    const rows = this.#rows.filter(({ record }) => this.#matches(record));
    const last = rows.length - 1;
    const at = this.#chosen === undefined ? -1 : rows.indexOf(this.#chosen);
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at === -1 ? last : at - 1,
      PageDown: at + pageOfRows,
      PageUp: at - pageOfRows,
      Home: 0,
      End: last,
    };
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      if (at === -1 && last >= 0) this.#chooseByPerson(rows[last]);
      if (event.key === 'Enter' && last >= 0) this.#events.entered();
      return;
    }
    if (!(event.key in moves) || last < 0) return;
    event.preventDefault();
    this.#chooseByPerson(rows[Math.max(0, Math.min(last, moves[event.key]))]);
  }

  #scrolled(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.#list;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < nearEnd;
    if (isAtEnd === this.#isFollowing) return;
    this.#isFollowing = isAtEnd;
    if (isAtEnd) this.#unseen = 0;
    this.#showNewest();
  }

  #follow(): void {
    this.#isFollowing = true;
    this.#unseen = 0;
    this.#list.scrollTop = this.#list.scrollHeight;
    this.#showNewest();
  }

  #showNewest(): void {
    this.#newest.hidden = this.#isFollowing || this.#unseen === 0;
    this.#newest.textContent = `↓ ${this.#unseen} newer`;
  }

  #togglePause(): void {
    this.#isPaused = !this.#isPaused;
    this.#pause.setAttribute('aria-pressed', String(this.#isPaused));
    const waiting = this.#waiting;
    this.#waiting = [];
    if (!this.#isPaused) for (const record of waiting) this.add(record);
    this.#showPause();
  }

  #showPause(): void {
    const count = this.#waiting.length;
    const waiting = count === 0 ? '' : ` · ${count} new`;
    this.#pause.textContent = this.#isPaused ? `Go on${waiting}` : 'Pause';
  }
}

function rowOf(record: FrameRecord): HTMLLIElement {
  const { header, number, socket, way } = record;
  const kind = kindOf(record);
  const key = header.maskKey === undefined ? '–' : [...header.bytes.subarray(-4)].map(hex).join('');
  const badge = element('span', 'opcode', kind);
  badge.dataset['kind'] = kind;
  const line = element(
    'li',
    'frame',
    element('span', 'time', timeOf(record)),
    element('span', `way ${way}`, `${way === 'up' ? '↑' : '↓'} ${socket}`),
    badge,
    element('span', 'fin', header.fin ? '1' : '0'),
    element('span', 'rsv', header.rsv === 0 ? '–' : (header.rsv >> 4).toString(2).padStart(3, '0')),
    element('span', 'length', header.payloadLength.toLocaleString('en')),
    element('span', 'mask', key),
    element('span', 'preview', previewOf(record)),
  );
  line.id = `frame-${number}`;
  line.dataset['socket'] = socket;
  line.dataset['way'] = way;
  line.setAttribute('role', 'option');
  line.setAttribute('aria-selected', 'false');
  const direction = way === 'up' ? 'to the server' : 'to this page';
  const parts = [
    `${kind} frame ${direction} on ${socket}`,
    `${header.payloadLength} bytes`,
    header.fin ? undefined : 'more fragments follow',
    header.maskKey === undefined ? 'not masked' : 'masked',
    previewOf(record),
  ];
  line.setAttribute('aria-label', parts.filter((part) => part !== undefined).join(', '));
  return line;
}
