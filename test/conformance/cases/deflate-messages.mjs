// Section 14, ours: what RFC 7692 6 to 8 says of compressed messages and the Autobahn list does not ask. Reserved bits where
// they must not be, every form of compressed data that is right, data that is not, bombs, and every size of the window.

import {
  answered,
  binary,
  close,
  continuation,
  event,
  failed,
  fragments,
  frame,
  hex,
  more,
  ping,
  pong,
  text,
} from './vocabulary.mjs';
import { answerTo, open, ready } from './compression.mjs';
import { deflated, fixedBlock, storedBlock, withoutTail } from './deflate-data.mjs';
import { materialOf, slicesOf } from './payloads.mjs';
import { constants, deflateRawSync } from 'node:zlib';
import { rsv1 } from '../frames.mjs';
import { tail } from '../deflate-peer.mjs';

/** @typedef {import('./vocabulary.mjs').Case} Case */
/** @typedef {import('./vocabulary.mjs').Frame} Frame */
/** @typedef {import('./vocabulary.mjs').Opening} Opening */
/** @typedef {import('./vocabulary.mjs').Step} Step */
/** @typedef {import('./vocabulary.mjs').WireEvent} WireEvent */

const hello = 'Hello, world!';
const compressed = { rsv: rsv1 };

/** Messages may refer to those before them. @type {Opening} */
const keeping = {
  testee: open,
  // Without client_no_context_takeover, which servers like to take up.
  offers: 'permessage-deflate; client_max_window_bits',
  answer: (offers) => answerTo(offers),
  outcome: 'agreed',
  keepsContext: true,
};

/** Messages may not. @type {Opening} */
const forgetting = {
  testee: { ...open, serverNoContextTakeover: true, clientNoContextTakeover: true },
  offers: `${ready}; server_no_context_takeover`,
  answer: (offers) =>
    answerTo(
      offers.map((offer) => new Map([...offer, ['server_no_context_takeover', undefined]])),
      '; client_no_context_takeover',
    ),
  outcome: 'agreed',
  keepsContext: false,
};

/** Ready for compression, but without any agreement. @type {Opening} */
const unagreed = { testee: open };

/** @param {Case} testCase @param {Opening} opening @returns {Case} */
const within = (testCase, opening) => ({ ...testCase, opening });

const smallText = () => text(deflated(hello), compressed);

/** @param {string} id @param {string} sends @param {readonly Frame[]} frames @param {Opening} opening */
const refused = (id, sends, frames, opening) =>
  within(
    failed(id, sends, 1002, () => [{ send: frames }]),
    opening,
  );

/** @returns {Case[]} */
const reservedBits = () => [
  refused('14.1.1', 'ping with RSV 4', [ping('ping payload', compressed)], keeping),
  refused('14.1.2', 'pong with RSV 4', [pong('pong payload', compressed)], keeping),
  refused('14.1.3', 'Close with RSV 4', [{ ...close(1000), ...compressed }], keeping),
  refused(
    '14.1.4',
    'deflated text, RSV 4 on its continuation too',
    [
      text(deflated(hello).subarray(0, 4), { ...more, ...compressed }),
      continuation(deflated(hello).subarray(4), compressed),
    ],
    keeping,
  ),
  refused(
    '14.1.5',
    'plain text, RSV 4 on its continuation',
    [text('fragment1', more), continuation(deflated('fragment2'), compressed)],
    keeping,
  ),
  refused('14.1.6', 'deflated text with RSV 6', [text(deflated(hello), { rsv: rsv1 | 2 })], keeping),
  refused('14.1.7', 'deflated text with RSV 5', [text(deflated(hello), { rsv: rsv1 | 1 })], keeping),
  refused('14.1.8', 'deflated text, nothing agreed on', [smallText()], unagreed),
  refused('14.1.9', 'deflated binary, nothing agreed on', [binary(deflated(hello), compressed)], unagreed),
  refused('14.1.10', 'opcode 3 with RSV 4', [frame(3, deflated(hello), compressed)], keeping),
];

/**
 * Data that the testee must take: the message comes back.
 * @param {string} id @param {string} sends @param {() => readonly Frame[]} frames @param {() => readonly WireEvent[]} events
 * @param {{ chopBytes?: number }} [chopping]
 */
const taken = (id, sends, frames, events, chopping = {}) =>
  within(
    answered(id, sends, events().length === 1 ? 'echo' : `${events().length} answers in order`, () => [
      { send: frames(), ...chopping },
      { expect: events() },
    ]),
    keeping,
  );

/** @param {'text' | 'binary'} kind @param {string | Buffer} payload */
const echo = (kind, payload) => event(kind, payload);

/** Text with characters of all lengths. */
const long = textOf(4000);

/** @param {number} characters */
function textOf(characters) {
  const { bytes, characterStarts } = materialOf('html');
  return bytes.subarray(0, characterStarts?.[characters]);
}

/** Bytes that nothing compresses, the same in every run. @param {number} count */
const noise = (count) => materialOf('document').bytes.subarray(4000, 4000 + count);

/** What node:zlib makes of some text with other settings. @param {import('node:zlib').ZlibOptions} options */
const inOtherWays = (options) => [text(deflated(long, options), compressed)];

/** Two messages, the second of which refers to the first; the first ends with a final block (7.2.3.4). */
const behindFinalBlock = () => [
  text(Buffer.concat([deflateRawSync(long), hex('00')]), compressed),
  text(deflated(long, { dictionary: long }), compressed),
];

const finalThenAnother = () =>
  Buffer.concat([
    deflateRawSync(long.subarray(0, 700)),
    deflated(long.subarray(700), { dictionary: long.subarray(0, 700) }),
  ]);

/** @returns {Case[]} */
const soundMessages = () => [
  taken(
    '14.2.1',
    '"Hello" as in RFC 7692 7.2.3.1',
    () => [text(hex('f248cdc9c90700'), compressed)],
    () => [echo('text', 'Hello')],
  ),
  taken(
    '14.2.2',
    '"Hello" in 2 frames as in 7.2.3.1',
    () => [text(hex('f248cd'), { ...more, ...compressed }), continuation(hex('c9c90700'))],
    () => [echo('text', 'Hello')],
  ),
  taken(
    '14.2.3',
    '"Hello" twice, the second refers to the first, as in 7.2.3.2',
    () => [text(hex('f248cdc9c90700'), compressed), text(hex('f200110000'), compressed)],
    () => [echo('text', 'Hello'), echo('text', 'Hello')],
  ),
  taken(
    '14.2.4',
    '"Hello" in a stored block as in 7.2.3.3',
    () => [text(hex('000500faff48656c6c6f00'), compressed)],
    () => [echo('text', 'Hello')],
  ),
  taken(
    '14.2.5',
    '"Hello" in a final block as in 7.2.3.4',
    () => [text(hex('f348cdc9c9070000'), compressed)],
    () => [echo('text', 'Hello')],
  ),
  taken(
    '14.2.6',
    '"Hello" in 2 blocks as in 7.2.3.5',
    () => [text(hex('f24805 000000ffff cac9c90700'), compressed)],
    () => [echo('text', 'Hello')],
  ),
  taken(
    '14.2.7',
    'empty message as in 7.2.3.6, text and binary',
    () => [text(hex('00'), compressed), binary(hex('00'), compressed)],
    () => [echo('text', ''), echo('binary', '')],
  ),
  taken(
    '14.2.8',
    'empty message as zlib makes it',
    () => [text(hex('0200'), compressed)],
    () => [echo('text', '')],
  ),
  taken(
    '14.2.9',
    'empty message, not compressed',
    () => [text('')],
    () => [echo('text', '')],
  ),
  taken(
    '14.2.10',
    'text that is not compressed',
    () => [text(long)],
    () => [echo('text', long)],
  ),
  taken(
    '14.2.11',
    'compressed and plain messages in turn',
    () => [smallText(), text(hello), binary(deflated(long), compressed), binary(long), smallText()],
    () => [
      echo('text', hello),
      echo('text', hello),
      echo('binary', long),
      echo('binary', long),
      echo('text', hello),
    ],
  ),
  taken(
    '14.2.12',
    'text at level 0',
    () => inOtherWays({ level: 0 }),
    () => [echo('text', long)],
  ),
  taken(
    '14.2.13',
    'text at level 9',
    () => inOtherWays({ level: 9 }),
    () => [echo('text', long)],
  ),
  taken(
    '14.2.14',
    'text in fixed codes',
    () => inOtherWays({ strategy: constants.Z_FIXED }),
    () => [echo('text', long)],
  ),
  taken(
    '14.2.15',
    'text without references',
    () => inOtherWays({ strategy: constants.Z_HUFFMAN_ONLY }),
    () => [echo('text', long)],
  ),
  taken(
    '14.2.16',
    'text with its tail left on',
    () => [text(Buffer.concat([deflated(long), tail, hex('00')]), compressed)],
    () => [echo('text', long)],
  ),
  taken(
    '14.2.17',
    'text in 2 blocks, the first of them final',
    () => [text(finalThenAnother(), compressed)],
    () => [echo('text', long)],
  ),
  taken('14.2.18', 'text in a final block, then one that refers to it', behindFinalBlock, () => [
    echo('text', long),
    echo('text', long),
  ]),
  taken(
    '14.2.19',
    'text in fragments of 1 B',
    () => fragments('text', deflated(long), 1, rsv1),
    () => [echo('text', long)],
  ),
  taken(
    '14.2.20',
    'text in chops of 1 B',
    () => [text(deflated(long), compressed)],
    () => [echo('text', long)],
    { chopBytes: 1 },
  ),
  taken(
    '14.2.21',
    'text with empty fragments before, between and behind',
    () => {
      const bytes = deflated(long);
      return [
        text('', { ...more, ...compressed }),
        continuation(bytes.subarray(0, 50), more),
        continuation('', more),
        continuation(bytes.subarray(50), more),
        continuation(''),
      ];
    },
    () => [echo('text', long)],
  ),
  taken(
    '14.2.22',
    'text in fragments of 20 B, a ping behind each but the last',
    () => {
      const all = fragments('text', deflated(long), 20, rsv1);
      return all.flatMap((each, index) => (index < all.length - 1 ? [each, ping(`ping ${index}`)] : [each]));
    },
    () => {
      const count = fragments('text', deflated(long), 20, rsv1).length - 1;
      return [
        ...Array.from({ length: count }, (_, index) => event('pong', `ping ${index}`)),
        echo('text', long),
      ];
    },
  ),
  taken(
    '14.2.23',
    'text with the largest distance of RFC 1951',
    () => [
      binary(storedBlockOnly(noise(32_768)), compressed),
      binary(fixedBlock([{ length: 258, distance: 32_768 }]), compressed),
    ],
    () => [echo('binary', noise(32_768)), echo('binary', noise(258))],
  ),
  taken(
    '14.2.24',
    '200 messages of 1 KiB in one write, each refers to the one before it',
    () =>
      Array.from({ length: 200 }, (_, index) =>
        binary(
          index === 0 ? deflated(noise(1024)) : deflated(noise(1024), { dictionary: noise(1024) }),
          compressed,
        ),
      ),
    () => Array.from({ length: 200 }, () => echo('binary', noise(1024))),
  ),
  taken(
    '14.2.25',
    'plain text between two messages that refer to each other',
    () => [
      binary(deflated(noise(1024)), compressed),
      text(hello),
      ping('ping payload'),
      binary(deflated(noise(1024), { dictionary: noise(1024) }), compressed),
    ],
    () => [
      echo('binary', noise(1024)),
      echo('text', hello),
      event('pong', 'ping payload'),
      echo('binary', noise(1024)),
    ],
  ),
];

/** A stored block as the payload of a message: the empty one behind it loses its tail. @param {Buffer} bytes */
function storedBlockOnly(bytes) {
  return Buffer.concat([storedBlock(bytes), hex('00')]);
}

/** @param {string} id @param {string} sends @param {() => readonly Frame[]} frames @param {Opening} [opening] */
const corrupt = (id, sends, frames, opening = keeping) =>
  within(
    failed(
      id,
      `text, ${sends}, ping`,
      1007,
      () => [{ send: [smallText(), ...frames(), ping()] }, { expect: [event('text', hello)] }],
      'echo of the text',
    ),
    opening,
  );

/** @param {Buffer} bytes */
const asText = (bytes) => [text(bytes, compressed)];
const letter = 0x61;

/** @returns {Case[]} */
const corruptMessages = () => [
  corrupt('14.3.1', 'block of the reserved type', () => asText(hex('06'))),
  corrupt('14.3.2', 'stored block with a wrong length', () => asText(hex('0005000000 68656c6c6f 00'))),
  corrupt('14.3.3', 'block with impossible codes', () => asText(Buffer.from('fc'.padEnd(64, 'f'), 'hex'))),
  corrupt('14.3.4', 'length symbol 286', () => asText(fixedBlock([letter, { symbol: 286 }]))),
  corrupt('14.3.5', 'distance symbol 30', () =>
    asText(fixedBlock([letter, { length: 3, distanceSymbol: 30 }])),
  ),
  corrupt('14.3.6', 'random bytes', () => asText(noise(500))),
  corrupt('14.3.7', 'deflated text, altered in the middle', () => {
    const bytes = Buffer.from(deflated(long));
    bytes.fill(0xff, 60, 80);
    return asText(bytes);
  }),
  corrupt('14.3.8', 'the same in fragments of 7 B', () => {
    const bytes = Buffer.from(deflated(long));
    bytes.fill(0xff, 60, 80);
    return fragments('text', bytes, 7, rsv1);
  }),
  corrupt('14.3.9', 'deflated binary without its second half', () => [
    binary(deflated(long).subarray(0, 400), compressed),
  ]),
  corrupt('14.3.10', 'deflated binary without its last byte', () => [
    // What is missing begins with zeros, as the tail does that the testee puts behind it: this inflates to "Hello".
    binary(hex('f248cdc9c907'), compressed),
  ]),
  corrupt('14.3.11', 'stored block of 100 B, of which 10 come', () => [
    binary(storedBlock(noise(100)).subarray(0, 15), compressed),
  ]),
  corrupt('14.3.12', 'final block, then random bytes', () =>
    asText(Buffer.concat([deflateRawSync(hello), noise(50)])),
  ),
  within(
    failed('14.3.13', 'text that refers to what was before the connection', 1007, () => [
      { send: [...asText(fixedBlock([letter, { length: 258, distance: 2 }])), ping()] },
    ]),
    keeping,
  ),
  within(
    failed('14.3.14', 'the same on a connection without takeover', 1007, () => [
      { send: [...asText(fixedBlock([letter, { length: 258, distance: 2 }])), ping()] },
    ]),
    forgetting,
  ),
  corrupt(
    '14.3.15',
    'text that refers to the one before it, without takeover',
    () => asText(fixedBlock([letter, { length: 10, distance: 11 }])),
    forgetting,
  ),
  corrupt('14.3.16', 'deflated text that is not UTF-8', () =>
    asText(deflated(Buffer.concat([long, hex('c0 af')]))),
  ),
  corrupt('14.3.17', 'deflated text that ends inside a character', () => asText(deflated(hex('61 c3')))),
  corrupt('14.3.18', 'deflated text that is not UTF-8, in fragments of 3 B', () =>
    fragments('text', deflated(Buffer.concat([hex('ed a0 80'), long])), 3, rsv1),
  ),
];

const MiB = 1024 * 1024;

/** @type {Buffer | undefined} */
let bombMade;

/** 128 MiB of zeros in 132 KB: a mebibyte, written down again and again. */
function bomb() {
  const mebibyte = deflateRawSync(Buffer.alloc(MiB), { finishFlush: constants.Z_SYNC_FLUSH });
  bombMade ??= withoutTail(Buffer.concat(Array.from({ length: 128 }, () => mebibyte)));
  return bombMade;
}

/** @param {string} id @param {string} sends @param {() => readonly Frame[]} frames @param {Opening} opening @returns {Case} */
const tooLarge = (id, sends, frames, opening) => ({
  ...failed(
    id,
    `text, ${sends}`,
    1009,
    () => [{ send: [smallText(), ...frames()] }, { expect: [event('text', hello)] }],
    'echo of the text',
  ),
  opening,
  isHeavy: true,
});

/** @returns {Case[]} */
const bombs = () => [
  tooLarge('14.4.1', 'binary that inflates to 128 MiB', () => [binary(bomb(), compressed)], keeping),
  tooLarge('14.4.2', 'text that inflates to 128 MiB', () => [text(bomb(), compressed)], forgetting),
  tooLarge('14.4.3', 'the same in fragments of 512 B', () => fragments('binary', bomb(), 512, rsv1), keeping),
];

/**
 * Noise that comes again just where a window of so many bits no longer reaches, then just where it does.
 * @param {number} bits
 */
function justOutOfReach(bits) {
  const windowBytes = 1 << bits;
  const far = noise(windowBytes + 1);
  const near = noise(Math.max(16, windowBytes - 300));
  return [far, Buffer.concat([far, far]), Buffer.concat([near, near, near])];
}

/** @param {number} bits @param {number} index @returns {Case} */
const windowed = (bits, index) =>
  within(
    answered(
      `14.5.${index + 1}`,
      `windows of ${bits} bits, used to their last byte`,
      'echoes that obey them',
      (sentBits = bits) => {
        const window = noise(1 << sentBits);
        const reaching = Buffer.alloc(window.length + 258, window);
        return [
          ...justOutOfReach(bits).flatMap((payload) => [
            { deflate: payload, kind: /** @type {const} */ ('binary') },
            { expect: [event('binary', payload, true)] },
          ]),
          {
            send: [
              binary(
                Buffer.concat([storedBlock(window), fixedBlock([{ length: 258, distance: window.length }])]),
                compressed,
              ),
            ],
          },
          { expect: [event('binary', reaching, true)] },
        ];
      },
    ),
    {
      testee: open,
      offers: `permessage-deflate; server_max_window_bits=${bits}; client_max_window_bits=${bits}`,
      answer: (offers) =>
        offers.some((offer) => offer.has('client_max_window_bits'))
          ? `permessage-deflate; server_max_window_bits=${bits}; client_max_window_bits=${bits}`
          : `permessage-deflate; server_max_window_bits=${bits}`,
      outcome: 'agreed',
    },
  );

/** @param {import('./payloads.mjs').Source} source @param {number} index @returns {Case} */
function session(source, index) {
  const { kind, name } = materialOf(source);
  return within(
    answered(
      `14.6.${index + 1}`,
      `100 messages of ${name}, of all lengths, half of them in frames of 100 B, with takeover`,
      'every echo',
      function* script() {
        for (let count = 1; count <= 100; count += 1) {
          const [payload] = slicesOf(materialOf(source), (count * 7919) % 10_007);
          yield { deflate: payload, kind, ...(count % 2 === 0 ? {} : { fragmentBytes: 100 }) };
          yield { expect: [event(kind, payload, true)] };
        }
      },
    ),
    keeping,
  );
}

export const deflateMessageCases = [
  ...reservedBits(),
  ...soundMessages(),
  ...corruptMessages(),
  ...bombs(),
  ...[8, 9, 10, 11, 12, 13, 14, 15].map(windowed),
  .../** @type {const} */ (['json', 'picture', 'prose', 'html', 'document']).map(session),
];
