// The frames of the connection that is watched: the newest at the end, bounded.

import { byId, element } from '../../app/page/element.ts';
import type { WatchedFrame } from '../messages.ts';
import { count, counted } from './numbers.ts';

const framesKept = 500;
// How far from the end still counts as the end, in pixels.
const nearEnd = 40;

/** The panel. */
export class FramesPanel {
  readonly #section = byId('frames-section', HTMLElement);
  readonly #title = byId('frames-title', HTMLHeadingElement);
  readonly #note = byId('frames-note', HTMLParagraphElement);
  readonly #body = element('tbody');
  readonly #scroll: Element | null;
  #connection: number | undefined;
  #seen = 0;
  #dropped = 0;
  #passed = 0;

  /** @param stopped hears that nobody wants to watch any more */
  constructor(stopped: () => void) {
    const table = byId('frames', HTMLTableElement);
    this.#scroll = table.parentElement;
    const titles = ['Time', 'Way', 'Frame', 'Bytes', 'Payload'].map((title) => {
      const cell = element('th', title === 'Bytes' ? 'number' : '', title);
      cell.scope = 'col';
      return cell;
    });
    table.replaceChildren(element('thead', '', element('tr', '', ...titles)), this.#body);
    byId('frames-clear', HTMLButtonElement).addEventListener('click', () => this.#clear());
    byId('frames-stop', HTMLButtonElement).addEventListener('click', () => {
      this.#connection = undefined;
      this.#section.hidden = true;
      stopped();
    });
  }

  /** The connection that is watched. */
  get connection(): number | undefined {
    return this.#connection;
  }

  /** Begins with a connection. */
  watch(connection: number, name: string): void {
    this.#connection = connection;
    this.#title.textContent = `Frames of connection ${connection} · ${name}`;
    this.#section.hidden = false;
    this.#clear();
    this.#section.scrollIntoView({ block: 'nearest' });
  }

  /** Adds frames. */
  add(connection: number, frames: readonly WatchedFrame[], dropped: number): void {
    if (connection !== this.#connection) return;
    const scroll = this.#scroll;
    const isAtEnd = scroll !== null && scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < nearEnd;
    this.#body.append(...frames.map((frame) => lineOf(frame)));
    while (this.#body.childElementCount > framesKept) this.#body.firstElementChild?.remove();
    this.#seen += frames.length;
    this.#dropped += dropped;
    this.#showNote();
    if (isAtEnd) scroll.scrollTop = scroll.scrollHeight;
  }

  /** Counts frames that came while nobody wanted to see any. */
  pass(connection: number, frames: number): void {
    if (connection !== this.#connection) return;
    this.#passed += frames;
    this.#showNote();
  }

  /** The connection is gone. */
  gone(connection: number): void {
    if (connection === this.#connection) this.#showNote('The connection is gone.');
  }

  #clear(): void {
    this.#body.replaceChildren();
    this.#seen = 0;
    this.#dropped = 0;
    this.#passed = 0;
    this.#showNote();
  }

  #showNote(end = ''): void {
    const left = this.#dropped === 0 ? '' : `, ${count(this.#dropped)} more were too many to show`;
    const passed = this.#passed === 0 ? '' : `, ${count(this.#passed)} passed while this page paused`;
    const seen = this.#seen === 0 ? 'No frame yet' : `${counted(this.#seen, 'frame')} seen`;
    this.#note.textContent = `${seen}${left}${passed}. ${end}`;
  }
}

function lineOf(frame: WatchedFrame): HTMLTableRowElement {
  const { atMs, direction, opcode, fin, rsv, payloadLength, text, hex = '', isCut } = frame;
  const marks = [opcode, ...(fin ? [] : ['not final']), ...rsv];
  const payload = (text ?? hex) + (isCut ? ' …' : '');
  return element(
    'tr',
    '',
    element('td', '', `${(atMs / 1000).toFixed(3)} s`),
    element('td', direction, direction === 'in' ? '→ server' : '← server'),
    element('td', '', marks.join(', ')),
    element('td', 'number', count(payloadLength)),
    element('td', 'text', payload),
  );
}
