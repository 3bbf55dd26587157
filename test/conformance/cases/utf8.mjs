// Section 6 of the Autobahn list: UTF-8, whole, in fragments and byte by byte, valid and not. 6.4.1 to 6.4.4 pass only
// when the failure is seen before the rest of the message has been sent: that the first impossible byte is recognised.

import { answered, continuation, event, failed, fragments, hex, more, text } from './vocabulary.mjs';

/** @typedef {import('./vocabulary.mjs').Case} Case */

const mixed = 'Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!';
/** The Greek word "kosme" with its accent as U+1F79. */
const kosme = hex('ce ba e1 bd b9 cf 83 ce bc ce b5');
const edited = Buffer.from('edited');
/** A surrogate in three bytes, impossible from its second byte on. */
const surrogate = Buffer.concat([kosme, hex('ed a0 80'), edited]);
/** U+110000, one above the last code point: impossible from its second byte on. */
const tooHigh = Buffer.concat([kosme, hex('f4 90 80 80'), edited]);
const quietMs = 150;

/** @param {string} id @param {string} sends @param {readonly import('./vocabulary.mjs').Frame[]} frames @param {Buffer} whole */
const echoed = (id, sends, frames, whole) =>
  answered(id, sends, 'echo', () => [{ send: frames }, { expect: [event('text', whole)] }]);

/**
 * Three frames of one message; the failure must come behind the second.
 * @param {string} id @param {number} firstEnd @param {number} secondEnd @returns {Case}
 */
const failsFastInFrames = (id, firstEnd, secondEnd) =>
  failed(
    id,
    `text in 3 frames, bad from byte 13 on, cut at ${firstEnd} and ${secondEnd}`,
    1007,
    () => [
      { send: [text(tooHigh.subarray(0, firstEnd), more)] },
      { quietMs },
      { send: [continuation(tooHigh.subarray(firstEnd, secondEnd), more)] },
      { failureAfter: `right after byte ${secondEnd}, before the last frame` },
      { send: [continuation(tooHigh.subarray(secondEnd))] },
    ],
    'nothing at the first cut',
  );

/** The same in one frame that is sent in three chops. @param {string} id @param {number} firstEnd @param {number} secondEnd */
const failsFastInChops = (id, firstEnd, secondEnd) =>
  failed(
    id,
    `text in 1 frame, bad from byte 13 on, chopped at ${firstEnd} and ${secondEnd}`,
    1007,
    () => {
      const whole = text(tooHigh);
      return [
        { sendPartOf: whole, fromByte: 0, toByte: firstEnd },
        { quietMs },
        { sendPartOf: whole, fromByte: firstEnd, toByte: secondEnd },
        { failureAfter: `right after byte ${secondEnd}, before the last chop` },
        { sendPartOf: whole, fromByte: secondEnd, toByte: tooHigh.length },
      ];
    },
    'nothing at the first cut',
  );

/** @param {number} from @param {number} to @param {string} [between] bytes from one to before the other, in hex */
const range = (from, to, between = '') =>
  Array.from({ length: to - from }, (_, index) => (from + index).toString(16) + between).join('');

/** @param {number} codePoint */
const utf8 = (codePoint) => Buffer.from(String.fromCodePoint(codePoint)).toString('hex');

const truncated = [
  'c0',
  'e080',
  'f08080',
  'f8808080',
  'fc80808080',
  'df',
  'efbf',
  'f7bfbf',
  'fbbfbfbf',
  'fdbfbfbfbf',
];
const planes = Array.from({ length: 17 }, (_, plane) => plane * 0x10000);

/** The groups 6.5 to 6.23; a string is valid UTF-8 in hex, one behind "!" is not. @type {readonly (readonly string[])[]} */
const groups = [
  [
    '68656c6c6f24776f726c64',
    '68656c6c6fc2a2776f726c64',
    '68656c6c6fe282ac776f726c64',
    '68656c6c6ff0a4ada2776f726c64',
    kosme.toString('hex'),
  ],
  Array.from(
    kosme,
    (_, index) => ([2, 5, 7, 9, 11].includes(index + 1) ? '' : '!') + kosme.toString('hex', 0, index + 1),
  ),
  ['00', 'c280', 'e0a080', 'f0908080'],
  ['!f888808080', '!fc8480808080'],
  ['7f', 'dfbf', 'efbfbf', 'f48fbfbf'],
  ['!f7bfbfbf', '!fbbfbfbfbf', '!fdbfbfbfbfbf'],
  ['ed9fbf', 'ee8080', 'efbfbd', 'f48fbfbf', '!f4908080'],
  ['!80', '!bf', '!80bf', '!80bf80', '!80bf80bf', '!80bf80bf80', '!80bf80bf80bf', `!${range(0x80, 0xbf)}`],
  [
    [0xc0, 0xdf],
    [0xe0, 0xef],
    [0xf0, 0xf7],
    [0xf8, 0xfb],
    [0xfc, 0xfd],
  ].map(([from, to]) => `!${range(from, to, '20')}`),
  truncated.map((each) => `!${each}`),
  [`!${truncated.join('')}`],
  ['!fe', '!ff', '!fefeffff'],
  ['!c0af', '!e080af', '!f08080af', '!f8808080af', '!fc80808080af'],
  ['!c1bf', '!e09fbf', '!f08fbfbf', '!f887bfbfbf', '!fc83bfbfbfbf'],
  ['!c080', '!e08080', '!f0808080', '!f880808080', '!fc8080808080'],
  ['!eda080', '!edadbf', '!edae80', '!edafbf', '!edb080', '!edbe80', '!edbfbf'],
  ['eda080', 'edadbf', 'edae80', 'edafbf'].flatMap((high) => [`!${high}edb080`, `!${high}edbfbf`]),
  planes.flatMap((plane) => [utf8(plane + 0xfffe), utf8(plane + 0xffff)]),
  [0xfff9, 0xfffa, 0xfffb, 0xfffc, 0xfffd, 0xfffe, 0xffff].map(utf8),
];

/** @param {string} id @param {string} sequence @returns {Case} */
function sequenceCase(id, sequence) {
  const isValid = !sequence.startsWith('!');
  const payload = hex(sequence.replace('!', ''));
  const digits = payload.length > 16 ? `${payload.toString('hex', 0, 16)}..` : payload.toString('hex');
  if (isValid) return echoed(id, `text, valid: ${digits}`, [text(payload)], payload);
  return failed(id, `text, not UTF-8: ${digits}`, 1007, () => [{ send: [text(payload)] }]);
}

/** @type {readonly Case[]} */
export const utf8Cases = [
  echoed('6.1.1', 'empty text', [text('')], Buffer.alloc(0)),
  echoed(
    '6.1.2',
    'text in 3 empty fragments',
    [text('', more), continuation('', more), continuation('')],
    Buffer.alloc(0),
  ),
  echoed(
    '6.1.3',
    'text in 3 fragments, only the middle one not empty',
    [text('', more), continuation('middle frame payload', more), continuation('')],
    Buffer.from('middle frame payload'),
  ),
  echoed('6.2.1', 'text with 2-byte characters', [text(mixed)], Buffer.from(mixed)),
  echoed(
    '6.2.2',
    'the same, cut between characters',
    [text(mixed.slice(0, 11), more), continuation(mixed.slice(11))],
    Buffer.from(mixed),
  ),
  echoed(
    '6.2.3',
    'the same in fragments of 1 B',
    fragments('text', Buffer.from(mixed), 1),
    Buffer.from(mixed),
  ),
  echoed('6.2.4', 'text with 3-byte characters in fragments of 1 B', fragments('text', kosme, 1), kosme),
  failed('6.3.1', 'text with a surrogate', 1007, () => [{ send: [text(surrogate)] }]),
  failed('6.3.2', 'the same in fragments of 1 B', 1007, () => [{ send: fragments('text', surrogate, 1) }]),
  failsFastInFrames('6.4.1', 11, 15),
  failsFastInFrames('6.4.2', 12, 13),
  failsFastInChops('6.4.3', 11, 15),
  failsFastInChops('6.4.4', 12, 13),
  ...groups.flatMap((group, groupIndex) =>
    group.map((sequence, index) => sequenceCase(`6.${groupIndex + 5}.${index + 1}`, sequence)),
  ),
];
