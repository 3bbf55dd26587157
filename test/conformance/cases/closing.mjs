// Section 7 of the Autobahn list: the closing handshake as the runner starts it. Stricter than the list, which takes 1000
// or an empty Close in many places: a valid code comes back as it was sent (RFC 6455 5.5.1), an invalid one is answered
// with 1002, a reason that is not UTF-8 with 1007, and what the list calls informational has one right outcome too.

import { close, closed, closing, continuation, event, frame, hex, more, ping, text } from './vocabulary.mjs';

/** @typedef {import('./vocabulary.mjs').Case} Case */

const hello = 'Hello World!';
const emptyClose = () => frame(8);
const badReason = hex('ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65 64 69 74 65 64');
const validCodes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
const invalidCodes = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];
/** After a failure either side may end TCP first. */
const isServerFirst = false;

/** 256 KiB of a repeated word. */
const large = () => Buffer.alloc(256 * 1024, 'BAsd7&jh23');

/** @type {readonly Case[]} */
export const closingCases = [
  {
    id: '7.1.1',
    sends: 'text, then Close 1000',
    expects: closing(1000, true, 'echo'),
    script: () => [{ send: [text(hello)] }, { expect: [event('text', hello)] }, { send: [close(1000)] }],
    ending: { code: 1000, isServerFirst: true },
    isHeavy: false,
  },
  closed('7.1.2', 'two Closes', 1000, [close(1000), emptyClose()], { before: 'nothing' }),
  closed('7.1.3', 'Close 1000, then ping', 1000, [close(1000), ping()], { before: 'no pong' }),
  closed('7.1.4', 'Close 1000, then text', 1000, [close(1000), text(hello)], { before: 'no echo' }),
  closed(
    '7.1.5',
    'text fragment, Close 1000, last fragment',
    1000,
    [text('fragment1', more), close(1000), continuation('fragment2')],
    {
      before: 'no echo',
    },
  ),
  {
    id: '7.1.6',
    sends: 'text of 256 KiB, text, Close 1000, ping, in one go',
    expects: closing(1000, true, 'both echoes, no pong'),
    script: () => [
      { send: [text(large()), text(hello), close(1000), ping()] },
      { expect: [event('text', large()), event('text', hello)] },
    ],
    ending: { code: 1000, isServerFirst: true },
    isHeavy: false,
  },

  closed('7.3.1', 'Close without a body', undefined, [emptyClose()]),
  closed('7.3.2', 'Close with a body of 1 B', 1002, [frame(8, 'a')], { isServerFirst }),
  closed('7.3.3', 'Close 1000', 1000, [close(1000)]),
  closed('7.3.4', 'Close 1000 with a reason', 1000, [close(1000, hello)]),
  closed('7.3.5', 'Close 1000 with a reason of 123 B', 1000, [close(1000, '*'.repeat(123))]),
  closed('7.3.6', 'Close 1000 with a reason of 124 B', 1002, [close(1000, '*'.repeat(124))], {
    isServerFirst,
  }),

  closed('7.5.1', 'Close 1000 with a reason that is not UTF-8', 1007, [close(1000, badReason)], {
    isServerFirst,
  }),

  ...validCodes.map((code, index) => closed(`7.7.${index + 1}`, `Close ${code}`, code, [close(code)])),
  ...invalidCodes.map((code, index) =>
    closed(`7.9.${index + 1}`, `Close ${code}`, 1002, [close(code)], { isServerFirst }),
  ),

  closed('7.13.1', 'Close 5000', 1002, [close(5000)], { isServerFirst }),
  closed('7.13.2', 'Close 65535', 1002, [close(65_535)], { isServerFirst }),
];
