// What sections 12 and 13 send: five kinds of data as large as the files of the Autobahn list and about as compressible,
// made here from a fixed seed. A message is a slice that starts where the one before it ended and wraps around.

/** @typedef {'json' | 'picture' | 'prose' | 'html' | 'document'} Source */
/**
 * @typedef {object} Material
 * @property {'text' | 'binary'} kind of the messages
 * @property {string} name
 * @property {Buffer} bytes
 * @property {Uint32Array | undefined} characterStarts where each character begins, unless each is one byte
 */

/** Numbers in 0 .. 2^32-1 that are the same in every run (xorshift). @param {number} seed */
function numbersFrom(seed) {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** @param {number} byteLength @param {string} filler ASCII @param {() => string} piece */
function writeText(byteLength, filler, piece) {
  let output = '';
  let written = 0;
  for (;;) {
    const next = piece();
    written += Buffer.byteLength(next);
    if (written > byteLength) break;
    output += next;
  }
  return Buffer.concat([Buffer.from(output), Buffer.alloc(byteLength, filler)], byteLength);
}

/** Records that differ in a few numbers: deflated to about a twentieth. */
function jsonBytes() {
  const next = numbersFrom(0x12_0001);
  let id = 0;
  return writeText(194_056, ' ', () => {
    id += 1;
    return `  {"id": ${id}, "type": "measurement", "station": {"name": "station-${next() % 8}", "unit": "kilowatt"}, "isActive": ${next() % 9 > 0}, "value": ${next() % 1000}, "history": [], "comment": null, "revision": 1},\n`;
  });
}

/** Grey values that rise slowly, with noise in the low bits: hardly compressible. */
function pictureBytes() {
  const next = numbersFrom(0x12_0002);
  const bytes = Buffer.alloc(263_222);
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = 96 + ((index & 511) >> 3) + (index >> 12) + (next() % 40);
  }
  return bytes;
}

const syllables =
  'der ein ich wie mit aus nicht Geist Welt ver ent über schön Herz ge lich keit groß tief Macht'.split(' ');

/** Words without repetition beyond their syllables. */
function proseBytes() {
  const next = numbersFrom(0x12_0003);
  return writeText(222_218, '.', () => {
    const word = Array.from({ length: 1 + (next() % 3) }, () => syllables[next() % syllables.length]).join(
      '',
    );
    const letter = String.fromCharCode(97 + (next() % 26));
    return `${word}${letter}${['', '', ',', '.', '\r\n'][next() % 5]} `;
  });
}

const scripts = ['größer', 'Ελλάδα', 'привет', '日本語', 'עולם', '🌍🌎', '€ 12'];

/** Tables with characters of one to four bytes. */
function htmlBytes() {
  const next = numbersFrom(0x12_0004);
  return writeText(
    263_647,
    '\n',
    () =>
      `<tr class="row ${next() % 2 === 0 ? 'even' : 'odd'}"><td class="name">${scripts[next() % scripts.length]}</td><td class="number">${next() % 100}</td><td class="link"><a href="/entries/list.html">${scripts[next() % scripts.length]}</a></td></tr>\n`,
  );
}

/** Incompressible streams with a little structure between them. */
function documentBytes() {
  const next = numbersFrom(0x12_0005);
  const bytes = Buffer.alloc(1_042_328);
  for (let at = 0; at < bytes.length; ) {
    const heading = `\nendstream\nendobj\n${next() % 5000} 0 obj\n<< /Type /Page /Parent 1 0 R /Resources << /Font << /F1 7 0 R >> >> /Contents 12 0 R >>\nstream\n`;
    for (let count = 0; count < 10; count += 1) at += bytes.write(heading, at, 'latin1');
    const end = Math.min(at + 5000, bytes.length);
    for (; at < end; at += 1) bytes[at] = next() >>> 24;
  }
  return bytes;
}

/** @param {Buffer} bytes */
function characterStartsOf(bytes) {
  const starts = [];
  for (let index = 0; index < bytes.length; index += 1)
    if ((bytes[index] & 0xc0) !== 0x80) starts.push(index);
  return Uint32Array.from(starts);
}

/** @type {Record<Source, () => Material>} */
const makers = {
  json: () => ({ kind: 'text', name: 'JSON', bytes: jsonBytes(), characterStarts: undefined }),
  picture: () => ({ kind: 'binary', name: 'picture', bytes: pictureBytes(), characterStarts: undefined }),
  prose: () => ({ kind: 'binary', name: 'prose', bytes: proseBytes(), characterStarts: undefined }),
  html: () => {
    const bytes = htmlBytes();
    return { kind: 'text', name: 'HTML', bytes, characterStarts: characterStartsOf(bytes) };
  },
  document: () => ({ kind: 'binary', name: 'document', bytes: documentBytes(), characterStarts: undefined }),
};

/** @type {Map<Source, Material>} */
const made = new Map();

/** @param {Source} source */
export function materialOf(source) {
  const material = made.get(source) ?? makers[source]();
  made.set(source, material);
  return material;
}

/**
 * Endless messages of so many characters (of text), or bytes (of binary data).
 * @param {Material} material @param {number} length @returns {Generator<Buffer, never, void>}
 */
export function* slicesOf({ bytes, characterStarts }, length) {
  const total = characterStarts?.length ?? bytes.length;
  const byteAt = (/** @type {number} */ position) => characterStarts?.[position] ?? position;
  for (let from = 0; ; ) {
    const to = (from + length) % total;
    yield from < to
      ? bytes.subarray(byteAt(from), byteAt(to))
      : Buffer.concat([bytes.subarray(byteAt(from)), bytes.subarray(0, byteAt(to))]);
    from = to;
  }
}
