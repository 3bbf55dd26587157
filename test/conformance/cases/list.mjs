// The whole list in the order of its numbers, and the choice of cases by section, by id and by length.

import { closingCases } from './closing.mjs';
import { compressionCases } from './compression.mjs';
import { deflateMessageCases } from './deflate-messages.mjs';
import { deflateNegotiationCases } from './deflate-negotiation.mjs';
import { framingCases } from './framing.mjs';
import { utf8Cases } from './utf8.mjs';
import { volumeCases } from './volume.mjs';

/** @typedef {import('./vocabulary.mjs').Case} Case */
/** @typedef {import('./compression.mjs').Extent} Extent */

/** @param {Case} one @param {Case} other */
function byNumber(one, other) {
  const left = one.id.split('.').map(Number);
  const right = other.id.split('.').map(Number);
  const at = left.findIndex((part, index) => part !== right[index]);
  return at < 0 ? 0 : left[at] - (right[at] ?? 0);
}

/**
 * @param {{ extent: Extent, sections: readonly string[], ids: readonly string[] }} choice sections like "6" or "6.4"; with
 *   neither sections nor ids, the whole list
 * @returns {Case[]}
 */
export function chooseCases({ extent, sections, ids }) {
  const all = [
    ...framingCases,
    ...utf8Cases,
    ...closingCases,
    ...volumeCases(extent === 'short'),
    ...compressionCases(extent),
    ...deflateMessageCases,
    ...deflateNegotiationCases,
  ].sort(byNumber);
  if (sections.length === 0 && ids.length === 0) return all;
  return all.filter(({ id }) => ids.includes(id) || sections.some((section) => id.startsWith(`${section}.`)));
}
