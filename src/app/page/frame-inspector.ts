// One frame explained: every bit of its header by name (RFC 6455 5.2), the masking key, the payload as it was on the
// wire and as it was meant.

import { byId, element } from './element.ts';
import { closeOf, type FrameRecord, hex, isControl, kindOf, textOf, timeOf } from './frame-record.ts';

type Field = 'fin' | 'rsv' | 'opcode' | 'mask' | 'length' | 'extended' | 'key';

/** Shows the frame that was chosen. */
export class FrameInspector {
  readonly #element = byId('inspector', HTMLDivElement);

  /** Explains a frame. */
  show(record: FrameRecord): void {
    const { number } = record;
    const title = element('h3', 'inspector-title', titleOf(record));
    this.#element.dataset['frame'] = String(number);
    this.#element.replaceChildren(title, headerOf(record), wordsOf(record), payloadOf(record));
  }

  /** Puts the keyboard here. */
  focus(): void {
    this.#element.focus();
  }

  /** Hears Escape. */
  onLeave(left: () => void): void {
    this.#element.addEventListener('keydown', ({ key }) => {
      if (key === 'Escape') left();
    });
  }
}

function titleOf(record: FrameRecord): string {
  const arrow = record.way === 'up' ? '↑ To the server' : '↓ To this page';
  return `${arrow} · /${record.socket} · ${kindOf(record)} · ${timeOf(record)}`;
}

// The header, field by field

function headerOf(record: FrameRecord): HTMLElement {
  const { header } = record;
  const { bytes, fin, rsv, maskKey, payloadLength } = header;
  const isMasked = maskKey !== undefined;
  const shortLength = bytes[1] & 0x7f;
  const extendedLength = bytes.length - 2 - (isMasked ? 4 : 0);
  return element(
    'div',
    'fields',
    fieldOf('fin', 'FIN', bits(bytes[0] >> 7, 1), fin ? 'last frame' : 'more follow'),
    fieldOf('rsv', 'RSV1–3', bits((bytes[0] >> 4) & 7, 3), rsv === 0 ? 'no extension' : 'an extension’s'),
    fieldOf(
      'opcode',
      'Opcode',
      bits(bytes[0] & 15, 4),
      `0x${(bytes[0] & 15).toString(16)} ${kindOf(record)}`,
    ),
    fieldOf('mask', 'MASK', bits(bytes[1] >> 7, 1), isMasked ? 'masked' : 'not masked'),
    fieldOf('length', 'Length', bits(shortLength, 7), lengthOf(shortLength)),
    extendedLength === 0
      ? undefined
      : fieldOf(
          'extended',
          `Extended length, ${extendedLength * 8} bits`,
          hexes(bytes.subarray(2, 2 + extendedLength)),
          `${payloadLength.toLocaleString('en')} bytes`,
        ),
    isMasked
      ? fieldOf('key', 'Masking key', hexes(bytes.subarray(-4)), 'random, for this frame only')
      : undefined,
  );
}

function fieldOf(field: Field, name: string, cells: readonly string[], meaning: string): HTMLElement {
  const row = element('div', 'cells', ...cells.map((cell) => element('span', 'cell', cell)));
  const made = element(
    'div',
    'field',
    element('span', 'field-name', name),
    row,
    element('span', 'meaning', meaning),
  );
  made.dataset['field'] = field;
  return made;
}

function lengthOf(shortLength: number): string {
  if (shortLength === 126) return '126: 16 bits follow';
  if (shortLength === 127) return '127: 64 bits follow';
  return shortLength === 1 ? '1 byte' : `${shortLength} bytes`;
}

function bits(value: number, count: number): string[] {
  return value.toString(2).padStart(count, '0').split('');
}

function hexes(bytes: Uint8Array): string[] {
  return [...bytes].map(hex);
}

// The payload

function payloadOf(record: FrameRecord): HTMLElement {
  const { header, payload, wirePayload } = record;
  if (header.payloadLength === 0) return element('p', 'hint', 'No payload.');
  const dumps = element('div', 'dumps');
  if (header.maskKey !== undefined) {
    dumps.append(dumpOf('masked', 'On the wire: header, masked payload', wirePayload, header.bytes));
    dumps.append(dumpOf('unmasked', 'Payload, unmasked', payload));
    dumps.append(sumsOf(wirePayload, header.bytes.subarray(-4), payload));
  } else {
    dumps.append(dumpOf('unmasked', 'On the wire: header, payload', payload, header.bytes));
  }
  return dumps;
}

/** A hex dump; with the header in front when it is given, as the bytes lay on the wire. */
function dumpOf(kind: string, title: string, bytes: Uint8Array, header?: Uint8Array): HTMLElement {
  const table = element('div', `dump ${kind}`);
  table.tabIndex = 0;
  table.setAttribute('role', 'group');
  table.setAttribute('aria-label', title);
  const headerFields = header === undefined ? [] : fieldsOfHeader(header);
  const all = header === undefined ? bytes : Uint8Array.from([...header, ...bytes]);
  for (let offset = 0; offset < all.length; offset += bytesPerRow) {
    const row = all.subarray(offset, offset + bytesPerRow);
    const hexPart = element('span', 'dump-hex');
    const textPart = element('span', 'dump-text');
    for (const [index, byte] of row.entries()) {
      const field = headerFields[offset + index];
      hexPart.append(fieldSpan(hex(byte), field), ' ');
      textPart.append(fieldSpan(field === undefined ? visible(byte) : '·', field));
    }
    const place = element('span', 'dump-offset', offset.toString(16).padStart(4, '0'));
    table.append(element('div', 'dump-row', place, hexPart, textPart));
  }
  return element('div', 'dump-block', element('h4', '', title), table);
}

/** The first bytes of the payload, each with the byte of the key that unmasks it (RFC 6455 5.3). */
function sumsOf(wirePayload: Uint8Array, key: Uint8Array, payload: Uint8Array): HTMLElement {
  const sums = element('div', 'sums');
  for (let index = 0; index < Math.min(payload.length, sumsShown); index++) {
    const keyByte = element('span', '', hex(key[index % 4]));
    keyByte.dataset['field'] = 'key';
    const result = element('b', '', visible(payload[index]));
    const [masked, unmasked] = [hex(wirePayload[index]), hex(payload[index])];
    sums.append(element('div', '', `${masked} ⊕ `, keyByte, ` = ${unmasked} `, result));
  }
  return element('div', 'dump-block', element('h4', '', 'Unmasking: XOR the key'), sums);
}

const sumsShown = 6;
const textShown = 240;
const bytesPerRow = 8;

function fieldsOfHeader(header: Uint8Array): Field[] {
  const isMasked = header[1] >= 0x80;
  const keyAt = isMasked ? header.length - 4 : header.length;
  return Array.from(header, (_, index): Field => {
    if (index === 0) return 'opcode';
    if (index === 1) return 'length';
    return index < keyAt ? 'extended' : 'key';
  });
}

function fieldSpan(text: string, field: Field | undefined): HTMLElement {
  const span = element('span', '', text);
  if (field !== undefined) span.dataset['field'] = field;
  return span;
}

function visible(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·';
}

// In words

function wordsOf(record: FrameRecord): HTMLElement {
  const { header, payload } = record;
  const words = element('div', 'words');
  const said = closeOf(record) ?? textOf(record);
  if (said !== undefined && header.payloadLength > 0) {
    words.append(
      element(
        'p',
        '',
        isControl(record) ? 'It says: ' : 'As text: ',
        element('q', '', said.length > textShown ? `${said.slice(0, textShown)} …` : said),
      ),
    );
  }
  words.append(element('p', 'hint', meaningOf(record)));
  if (payload.length < header.payloadLength) {
    const rest = (header.payloadLength - payload.length).toLocaleString('en');
    words.append(element('p', 'hint', `The page was sent the start only; ${rest} more bytes followed.`));
  }
  return words;
}

const meanings: Readonly<Record<string, string>> = {
  continuation: 'It goes on with the message that an earlier frame began (RFC 6455 5.4).',
  text: 'The payload is UTF-8. A browser hands it to the page as a string (RFC 6455 5.6).',
  binary: 'The payload is bytes, and means what both sides agreed on (RFC 6455 5.6).',
  close: 'The first side to send it says goodbye; the other answers with the same code (RFC 6455 5.5.1).',
  ping: 'Are you there? It must be answered by a pong with the same payload (RFC 6455 5.5.2).',
  pong: 'The answer to a ping, with its payload. Browsers send it without telling the page (RFC 6455 5.5.3).',
};

function meaningOf(record: FrameRecord): string {
  const masking =
    record.way === 'up'
      ? 'Frames to a server are always masked, so that no page can make a proxy see an HTTP request in them (10.3).'
      : 'Frames from a server are never masked.';
  return `${meanings[kindOf(record)] ?? 'A reserved opcode.'} ${masking}`;
}
