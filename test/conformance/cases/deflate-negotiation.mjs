// Section 14, ours, continued: what RFC 7692 7.1 and RFC 6455 9.1 say of offers and answers. A server declines the offers
// that it must not accept and refuses a header that is none; a client fails the handshake over either.

import { answered, event, text } from './vocabulary.mjs';
import { answerTo, open } from './compression.mjs';

/** @typedef {import('./vocabulary.mjs').Case} Case */
/** @typedef {import('./vocabulary.mjs').Opening} Opening */

const hello = Buffer.from('Hello, world! '.repeat(20));

/** @param {string} id @param {string} sends @param {Omit<Opening, 'outcome'>} opening @returns {Case} */
const agreed = (id, sends, opening) => ({
  ...answered(id, sends, 'an answer that fits, echoes', () => [
    { deflate: hello, kind: 'text' },
    { expect: [event('text', hello, true)] },
    { deflate: hello, kind: 'text', fragmentBytes: 5 },
    { expect: [event('text', hello, true)] },
  ]),
  opening: { testee: open, ...opening, outcome: 'agreed' },
});

/** @param {string} id @param {string} offers @param {Opening['testee']} [testee] @returns {Case} */
const declined = (id, offers, testee = open) => ({
  ...answered(id, `offer ${offers}`, 'no extension, plain echo', () => [
    { send: [text(hello)] },
    { expect: [event('text', hello, false)] },
  ]),
  opening: { testee, offers, outcome: 'declined' },
  onlyFor: 'server',
});

/** @param {string} id @param {string} offers @returns {Case} */
const refusedOffer = (id, offers) => ({
  id,
  sends: `offer ${offers}`,
  expects: 'status 400',
  opening: { testee: open, offers, outcome: 'refused' },
  onlyFor: 'server',
  script: () => [],
  ending: { code: undefined },
  isHeavy: false,
});

/** @param {string} id @param {string} sends @param {NonNullable<Opening['answer']>} answer @param {Opening['testee']} [testee] @returns {Case} */
const refusedAnswer = (id, sends, answer, testee = open) => ({
  id,
  sends: `answer ${sends}`,
  expects: 'the handshake fails',
  opening: { testee, answer, outcome: 'refused' },
  onlyFor: 'client',
  script: () => [{ send: [text(hello)] }],
  ending: { code: undefined },
  isHeavy: false,
});

/** Values of a window size that are none (RFC 7692 7.1.2). */
const wrongBits = [
  '7',
  '16',
  '0',
  '08',
  '015',
  '10.0',
  '1e1',
  '-9',
  '+9',
  '0xf',
  'ten',
  '99999999999999999999',
];

/** Parameters that neither an offer nor an answer may have. */
const wrongParameters = [
  ...['server_no_context_takeover', 'client_no_context_takeover'].flatMap((name) => [
    `${name}=1`,
    `${name}=true`,
    `${name}="false"`,
    `${name}; ${name}`,
  ]),
  'server_max_window_bits',
  ...['server_max_window_bits', 'client_max_window_bits'].flatMap((name) => [
    ...wrongBits.map((value) => `${name}=${value}`),
    `${name}="16"`,
    `${name}=12; ${name}=12`,
    `${name}=12; ${name}=13`,
  ]),
  'unknown',
  'unknown=12',
  'server_max_window_size=12',
];

/** What is no header of this kind (RFC 6455 9.1). */
const malformed = [
  'permessage-deflate;',
  'permessage-deflate; =12',
  'permessage-deflate; server_max_window_bits=',
  'permessage-deflate; server_max_window_bits=""',
  'permessage-deflate; server_max_window_bits="12',
  'permessage-deflate; server_max_window_bits="1 2"',
  'permessage-deflate; server_max_window_bits=1 2',
  'permessage-deflate; (comment)',
  'permessage-deflate=12',
  '"permessage-deflate"',
  '; server_max_window_bits=12',
];

const offered = [
  'permessage-deflate',
  'permessage-deflate; client_max_window_bits',
  'permessage-deflate; client_no_context_takeover',
  'permessage-deflate; server_no_context_takeover',
  'permessage-deflate; server_max_window_bits=12',
  'permessage-deflate; server_max_window_bits="12"; client_max_window_bits="11"',
  'permessage-deflate ;\tclient_max_window_bits = 12 ;server_max_window_bits= 10',
  'permessage-deflate; client_max_window_bits=8; server_max_window_bits=8; client_no_context_takeover; server_no_context_takeover',
  'permessage-deflate; server_no_context_takeover, permessage-deflate',
  'permessage-deflate, permessage-deflate; server_no_context_takeover; server_max_window_bits=10',
  'permessage-deflate; unknown, permessage-deflate',
  'permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=9',
  'permessage-deflate; client_max_window_bits; client_max_window_bits, permessage-deflate; client_max_window_bits',
  'x-unknown; server_max_window_bits=7; a="b", permessage-deflate',
  'x-unknown, permessage-deflate; client_max_window_bits, x-other; a',
];

/** What a server may add to what the offer demands. */
const added = [
  '',
  '; server_no_context_takeover',
  '; client_no_context_takeover',
  '; server_no_context_takeover; client_no_context_takeover',
  '; server_max_window_bits=8',
  '; server_max_window_bits="12"',
  ' ;\tserver_max_window_bits = 12 ;client_no_context_takeover',
];

/** @typedef {import('../deflate-header.mjs').Parameters} Parameters */

/** Answers with this. @param {string} parameter */
const adding = (parameter) => (/** @type {readonly Parameters[]} */ offers) => answerTo(offers, parameter);

/** @type {readonly (readonly [string, NonNullable<Opening['answer']>])[]} */
const wrongAnswers = [
  ...wrongParameters.map(
    (parameter) => /** @type {const} */ ([`..; ${parameter}`, adding(`; ${parameter}`)]),
  ),
  ['..; client_max_window_bits without a value', adding('; client_max_window_bits')],
  ['permessage-deflate twice', (offers) => `${answerTo(offers)}, ${answerTo(offers)}`],
  ['an extension more', (offers) => `${answerTo(offers)}, x-unknown`],
  ...['x-unknown', 'permessage-bzip2', 'x-webkit-deflate-frame', 'permessage-deflate2'].map(
    (name) => /** @type {const} */ ([name, () => name]),
  ),
  ...malformed.map((header) => /** @type {const} */ ([header, () => header])),
];

/** Parameters as the table can show them. @param {string} parameters */
const shown = (parameters) => parameters.replaceAll('\t', '\\t');

/** @param {string} group @param {number} index */
const numbered = (group, index) => `14.${group}.${index + 1}`;

/** @type {readonly Case[]} */
export const deflateNegotiationCases = [
  ...offered.map((offers, index) => ({
    ...agreed(numbered('7', index), `offer ${shown(offers)}`, { offers }),
    onlyFor: /** @type {const} */ ('server'),
  })),
  ...wrongParameters.map((parameter, index) =>
    declined(numbered('8', index), `permessage-deflate; ${parameter}`),
  ),
  declined(numbered('8', wrongParameters.length), 'permessage-deflate', false),
  declined(numbered('8', wrongParameters.length + 1), 'x-webkit-deflate-frame, permessage-bzip2'),
  declined(
    numbered('8', wrongParameters.length + 2),
    'permessage-deflate; unknown, permessage-deflate; server_max_window_bits=16',
  ),
  ...malformed.map((offers, index) => refusedOffer(numbered('9', index), offers)),
  ...added.map((parameters, index) => ({
    ...agreed(numbered('10', index), `answer ..${shown(parameters)}`, { answer: adding(parameters) }),
    onlyFor: /** @type {const} */ ('client'),
  })),
  ...wrongAnswers.map(([sends, answer], index) => refusedAnswer(numbered('11', index), sends, answer)),
];
