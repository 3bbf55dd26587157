// Sections 12 and 13 of the Autobahn list: messages that are compressed with permessage-deflate (RFC 7692), sent and
// echoed one at a time. Section 12 varies the data and has the testee at its defaults; section 13 varies the parameters and
// has a testee that compresses everything and asks for no restriction by itself, so that those of the case are what counts.

import { answered, event } from './vocabulary.mjs';
import { materialOf, slicesOf } from './payloads.mjs';

/** @typedef {import('./vocabulary.mjs').Case} Case */
/** @typedef {import('./vocabulary.mjs').Opening} Opening */
/** @typedef {import('./payloads.mjs').Source} Source */
/** @typedef {import('../deflate-header.mjs').Parameters} Parameters */

/** Characters, or bytes of binary data, in a message, and bytes of payload in a frame where it is to be fragmented. */
const shapes = [
  ...[16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072].map((length) => ({ length })),
  ...[8192, 16_384, 32_768, 65_536, 131_072].map((length) => ({ length, fragmentBytes: 256 })),
  ...[1024, 4096, 32_768].map((fragmentBytes) => ({ length: 131_072, fragmentBytes })),
];

const MiB = 1024 * 1024;

/** @typedef {'listed' | 'bounded' | 'short'} Extent How much of a case is played: as the list has it, or not all of it. */
/** @type {Record<Extent, { messages: number, characters: number }>} */
const bounds = {
  listed: { messages: 1000, characters: Infinity },
  bounded: { messages: 1000, characters: 4 * MiB },
  short: { messages: 50, characters: 2 * MiB },
};

/** @param {Extent} extent @param {number} length */
const countOf = (extent, length) => Math.min(bounds[extent].messages, bounds[extent].characters / length);

/**
 * @param {string} section @param {Source} source @param {Opening} opening @param {number} compressedFrom the shortest length
 *   that the testee has to compress
 * @param {Extent} extent @returns {Case[]}
 */
const echoed = (section, source, opening, compressedFrom, extent) =>
  shapes.map(({ length, fragmentBytes }, index) => {
    const count = countOf(extent, length);
    const { kind, name } = materialOf(source);
    const unit = kind === 'text' ? 'characters' : 'B';
    const isCompressed = length >= compressedFrom ? true : undefined;
    return {
      ...answered(
        `${section}.${index + 1}`,
        `${name} of ${length} ${unit}, deflated${fragmentBytes === undefined ? '' : ` in frames of ${fragmentBytes} B`}, ${count} times`,
        `every echo${isCompressed === true ? ', deflated' : ''}`,
        function* script() {
          let left = count;
          for (const payload of slicesOf(materialOf(source), length)) {
            yield { deflate: payload, kind, ...(fragmentBytes === undefined ? {} : { fragmentBytes }) };
            yield { expect: [event(kind, payload, isCompressed)] };
            left -= 1;
            if (left === 0) return;
          }
        },
      ),
      opening,
    };
  });

/** What the clients of the list say of themselves in every offer. */
export const ready = 'permessage-deflate; client_no_context_takeover; client_max_window_bits';

/** Answers with what the first offer of a client demands. @param {readonly Parameters[]} offers @param {string} [more] */
export function answerTo(offers, more = '') {
  const [offer] = offers;
  if (offer === undefined) throw new Error('the client does not offer permessage-deflate');
  const bits = offer.get('server_max_window_bits');
  return [
    'permessage-deflate',
    ...(offer.has('server_no_context_takeover') ? ['; server_no_context_takeover'] : []),
    ...(bits === undefined ? [] : [`; server_max_window_bits=${bits}`]),
    more,
  ].join('');
}

/** A server that demands a smaller window of a client that has offered one. @param {number} bits @param {string} [more] */
const narrowing =
  (bits, more = '') =>
  (/** @type {readonly Parameters[]} */ offers) => {
    if (!offers.some((offer) => offer.has('client_max_window_bits')))
      throw new Error('the client does not offer client_max_window_bits');
    return answerTo(
      offers.filter((offer) => offer.has('client_max_window_bits')),
      `; client_max_window_bits=${bits}${more}`,
    );
  };

const fresh = '; client_no_context_takeover';

/** @type {readonly Pick<Opening, 'offers' | 'answer'>[]} */
const parameterSets = [
  { offers: ready, answer: (offers) => answerTo(offers) },
  { offers: `${ready}; server_no_context_takeover`, answer: (offers) => answerTo(offers, fresh) },
  { offers: `${ready}; server_max_window_bits=9`, answer: narrowing(9) },
  { offers: `${ready}; server_max_window_bits=15`, answer: narrowing(15) },
  { offers: `${ready}; server_no_context_takeover; server_max_window_bits=9`, answer: narrowing(9, fresh) },
  { offers: `${ready}; server_no_context_takeover; server_max_window_bits=15`, answer: narrowing(15, fresh) },
  {
    offers: `${ready}; server_no_context_takeover; server_max_window_bits=9, ${ready}; server_no_context_takeover, ${ready}`,
    answer: (offers) =>
      offers.some((offer) => offer.has('client_max_window_bits'))
        ? narrowing(9, fresh)(offers)
        : answerTo(offers, fresh),
  },
];

/** Everything compressed, nothing restricted but by the case. */
export const open = Object.freeze({
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  thresholdBytes: 0,
});

/** The length from which testees compress at their defaults. */
const defaultThreshold = 1024;

/** @type {readonly Source[]} */
const sources = ['json', 'picture', 'prose', 'html', 'document'];

/** @param {Extent} extent @returns {Case[]} */
export const compressionCases = (extent) => [
  ...sources.flatMap((source, index) =>
    echoed(
      `12.${index + 1}`,
      source,
      { testee: true, offers: ready, answer: (offers) => answerTo(offers), outcome: 'agreed' },
      defaultThreshold,
      extent,
    ),
  ),
  ...parameterSets.flatMap((set, index) =>
    echoed(`13.${index + 1}`, 'json', { testee: open, ...set, outcome: 'agreed' }, 0, extent),
  ),
];
