// What may happen to a subscriber that stops reading: the policies of the channels of `server.mjs`, as data.

/**
 * @typedef {object} SlowPolicy
 * @property {string} name
 * @property {string} channel
 * @property {number} [rate] how many publications a second the one that stops asks for
 */

/** @type {readonly SlowPolicy[]} */
export const slowPolicies = [
  { name: 'log recover', channel: 'recover' },
  { name: 'log conflate', channel: 'conflate' },
  { name: 'log drop', channel: 'drop' },
  { name: 'log close', channel: 'close' },
  { name: 'latest conflate', channel: 'latest' },
  { name: 'volatile drop', channel: 'volatile' },
  { name: 'log rate', channel: 'recover', rate: 1000 },
];
