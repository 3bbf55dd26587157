// Sections 1 to 5 of the Autobahn list, and 10: messages of every length form, pings and pongs, reserved bits, reserved
// opcodes, fragmentation. Where the list leaves a mild verdict, for example when an echo that was due before a failure is
// missing, the strict outcome is the only one here.

import {
  answered,
  binary,
  close,
  closed,
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

/** @typedef {import('./vocabulary.mjs').Case} Case */
/** @typedef {import('./vocabulary.mjs').Frame} Frame */
/** @typedef {{ chopBytes?: number, isPerFrame?: boolean }} Chopping */

const hello = 'Hello, world!';
const notUtf8 = hex('00 ff fe fd fc fb 00 ff');
const byteWise = { chopBytes: 1 };
const frameWise = { isPerFrame: true };

/** @param {Chopping} chopping */
const inChops = ({ chopBytes, isPerFrame }) =>
  chopBytes === undefined ? (isPerFrame === true ? ', frame by frame' : '') : `, in chops of ${chopBytes} B`;

/** @param {string} kind @param {number} section @param {number} fill @returns {Case[]} */
const lengths = (kind, section, fill) =>
  [
    { bytes: 0 },
    { bytes: 125 },
    { bytes: 126 },
    { bytes: 127 },
    { bytes: 128 },
    { bytes: 65_535 },
    { bytes: 65_536 },
    { bytes: 65_536, chopBytes: 997 },
  ].map(({ bytes, ...chopping }, index) =>
    answered(`1.${section}.${index + 1}`, `${kind} of ${bytes} B${inChops(chopping)}`, 'echo', () => {
      const payload = Buffer.alloc(bytes, fill);
      return [
        { send: [kind === 'text' ? text(payload) : binary(payload)], ...chopping },
        { expect: [event(kind === 'text' ? 'text' : 'binary', payload)] },
      ];
    }),
  );

/** @param {string} id @param {string} sends @param {string | Buffer} payload @param {Chopping} [chopping] */
const pinged = (id, sends, payload, chopping = {}) =>
  answered(id, sends + inChops(chopping), 'pong with the same bytes', () => [
    { send: [ping(payload)], ...chopping },
    { expect: [event('pong', payload)] },
  ]);

/** @param {string} id @param {Chopping} [chopping] */
const tenPings = (id, chopping = {}) =>
  answered(id, `10 pings${inChops(chopping)}`, '10 pongs in order', () => {
    const payloads = Array.from({ length: 10 }, (_, index) => `payload-${index}`);
    return [
      { send: payloads.map((payload) => ping(payload)), ...chopping },
      { expect: payloads.map((payload) => event('pong', payload)) },
    ];
  });

/** @param {string} id @param {string} sends @param {readonly Frame[]} frames @param {Chopping} [chopping] */
const refused = (id, sends, frames, chopping = {}) =>
  failed(id, sends + inChops(chopping), 1002, () => [{ send: frames, ...chopping }]);

/**
 * A good text, one bad frame, a ping: the text comes back, then the connection fails, and no pong comes.
 * @param {string} id @param {string} what @param {Frame} bad @param {Chopping} [chopping]
 */
const refusedAfterText = (id, what, bad, chopping = {}) =>
  failed(
    id,
    `text, ${what}, ping${inChops(chopping)}`,
    1002,
    () => [{ send: [text(hello), bad, ping()], ...chopping }, { expect: [event('text', hello)] }],
    'echo of the text',
  );

const halves = () => [text('fragment1', more), continuation('fragment2')];
const stray = 'non-continuation payload';

/** @param {string} id @param {string} sends @param {readonly Frame[]} frames @param {readonly import('./vocabulary.mjs').WireEvent[]} expect @param {Chopping} [chopping] */
const assembled = (id, sends, frames, expect, chopping = {}) =>
  answered(id, sends + inChops(chopping), expect.length === 1 ? 'echo' : 'pong, then echo', () => [
    { send: frames, ...chopping },
    { expect },
  ]);

/** @param {string} id @param {Chopping} [chopping] */
const pingInside = (id, chopping) =>
  assembled(
    id,
    'text in 2 fragments, a ping between',
    [text('fragment1', more), ping('ping payload'), continuation('fragment2')],
    [event('pong', 'ping payload'), event('text', 'fragment1fragment2')],
    chopping,
  );

/** @param {string} id @param {Chopping} [chopping] */
const twoPingsInside = (id, chopping = {}) =>
  answered(
    id,
    `text in 5 fragments, pings after the 2nd and 4th${inChops(chopping)}`,
    'first pong before the rest is sent, pong, echo',
    () => [
      { send: [text('fragment1', more), continuation('fragment2', more), ping('pongme 1!')], ...chopping },
      { expect: [event('pong', 'pongme 1!')] },
      { quietMs: 50 },
      {
        send: [
          continuation('fragment3', more),
          continuation('fragment4', more),
          ping('pongme 2!'),
          continuation('fragment5'),
        ],
        ...chopping,
      },
      {
        expect: [event('pong', 'pongme 2!'), event('text', 'fragment1fragment2fragment3fragment4fragment5')],
      },
    ],
  );

/** @param {boolean} fin */
const strayThenText = (fin) => [continuation(stray, { fin }), text(hello)];
/** @param {boolean} fin */
const strayTwice = (fin) => {
  const once = [continuation('fragment1', { fin }), text('fragment2', more), continuation('fragment3')];
  return [...once, ...once];
};

/** @type {readonly Case[]} */
export const framingCases = [
  ...lengths('text', 1, 0x2a),
  ...lengths('binary', 2, 0xfe),

  pinged('2.1', 'empty ping', ''),
  pinged('2.2', 'ping with text', hello),
  pinged('2.3', 'ping with bytes that are not UTF-8', notUtf8),
  pinged('2.4', 'ping of 125 B', Buffer.alloc(125, 0xfe)),
  refused('2.5', 'ping of 126 B', [ping(Buffer.alloc(126, 0xfe))]),
  pinged('2.6', 'ping of 125 B', Buffer.alloc(125, 0xfe), byteWise),
  closed('2.7', 'unasked empty pong, Close 1000', 1000, [pong(), close(1000)], {
    before: 'nothing',
    isServerFirst: false,
  }),
  closed('2.8', 'unasked pong, Close 1000', 1000, [pong('unsolicited pong payload'), close(1000)], {
    before: 'nothing',
    isServerFirst: false,
  }),
  answered('2.9', 'unasked pong, then ping', 'pong for the ping only', () => [
    { send: [pong('unsolicited pong payload'), ping('ping payload')] },
    { expect: [event('pong', 'ping payload')] },
  ]),
  tenPings('2.10'),
  tenPings('2.11', byteWise),

  refused('3.1', 'text with RSV 1', [text(hello, { rsv: 1 })]),
  refusedAfterText('3.2', 'text with RSV 2', text(hello, { rsv: 2 })),
  refusedAfterText('3.3', 'text with RSV 3', text(hello, { rsv: 3 }), frameWise),
  refusedAfterText('3.4', 'text with RSV 4', text(hello, { rsv: 4 }), byteWise),
  refused('3.5', 'binary with RSV 5', [binary(notUtf8, { rsv: 5 })]),
  refused('3.6', 'binary with RSV 6', [binary(hello, { rsv: 6 })]),
  refused('3.7', 'Close with RSV 7', [frame(8, '', { rsv: 7 })]),

  refused('4.1.1', 'opcode 3', [frame(3)]),
  refused('4.1.2', 'opcode 4 with payload', [frame(4, 'reserved opcode payload')]),
  refusedAfterText('4.1.3', 'opcode 5', frame(5)),
  refusedAfterText('4.1.4', 'opcode 6 with payload', frame(6, hello)),
  refusedAfterText('4.1.5', 'opcode 7 with payload', frame(7, hello), byteWise),
  refused('4.2.1', 'opcode 11', [frame(11)]),
  refused('4.2.2', 'opcode 12 with payload', [frame(12, 'reserved opcode payload')]),
  refusedAfterText('4.2.3', 'opcode 13', frame(13)),
  refusedAfterText('4.2.4', 'opcode 14 with payload', frame(14, hello)),
  refusedAfterText('4.2.5', 'opcode 15 with payload', frame(15, hello), byteWise),

  refused('5.1', 'ping in 2 fragments', [ping('fragment1', more), continuation('fragment2')]),
  refused('5.2', 'pong in 2 fragments', [pong('fragment1', more), continuation('fragment2')]),
  assembled('5.3', 'text in 2 fragments', halves(), [event('text', 'fragment1fragment2')]),
  assembled('5.4', 'text in 2 fragments', halves(), [event('text', 'fragment1fragment2')], frameWise),
  assembled('5.5', 'text in 2 fragments', halves(), [event('text', 'fragment1fragment2')], byteWise),
  pingInside('5.6'),
  pingInside('5.7', frameWise),
  pingInside('5.8', byteWise),
  refused('5.9', 'stray final continuation, text', strayThenText(true)),
  refused('5.10', 'stray final continuation, text', strayThenText(true), frameWise),
  refused('5.11', 'stray final continuation, text', strayThenText(true), byteWise),
  refused('5.12', 'stray unfinished continuation, text', strayThenText(false)),
  refused('5.13', 'stray unfinished continuation, text', strayThenText(false), frameWise),
  refused('5.14', 'stray unfinished continuation, text', strayThenText(false), byteWise),
  failed(
    '5.15',
    'text in 2 fragments, stray unfinished continuation, text',
    1002,
    () => [
      { send: [...halves(), continuation('fragment3', more), text('fragment4')] },
      { expect: [event('text', 'fragment1fragment2')] },
    ],
    'echo of the first text',
  ),
  refused('5.16', 'twice: stray unfinished continuation, text in 2 fragments', strayTwice(false)),
  refused('5.17', 'twice: stray final continuation, text in 2 fragments', strayTwice(true)),
  refused('5.18', 'text in 2 fragments, both with opcode 1', [text('fragment1', more), text('fragment2')]),
  twoPingsInside('5.19'),
  twoPingsInside('5.20', frameWise),

  answered('10.1.1', 'text of 65536 B in fragments of 1300 B', 'echo', () => {
    const payload = Buffer.alloc(65_536, 0x2a);
    return [{ send: fragments('text', payload, 1300) }, { expect: [event('text', payload)] }];
  }),
];
