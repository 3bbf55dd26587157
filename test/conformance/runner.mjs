// Plays many cases against one testee: the small ones several at a time, the heavy ones alone, so that they neither share
// a limit of the testee's process nor disturb each other's deadlines.

import { playCase } from './player.mjs';
import { WirePeer } from './wire-peer.mjs';

/** @typedef {import('./cases/vocabulary.mjs').Case} Case */
/** @typedef {import('./wire-peer.mjs').Role} Role */
/** @typedef {{ finding: string | undefined, log: readonly string[] }} Outcome A finding of undefined means: passed. */
/**
 * @typedef {object} Testee
 * @property {() => Promise<void>} start
 * @property {(opening: import('./opening.mjs').Opening, deadlineMs: number) => Promise<import('./opening.mjs').Opened | undefined>} open
 * @property {() => Promise<void>} stop
 */

const atOnce = 8;
/** A heavy case may take this many times the deadline of a small one for each of its steps. */
const heavyFactor = 5;
/** After so many cases without any reaction the rest is not played: it would only take its time. */
const mostSilences = 24;

/**
 * @param {readonly Case[]} cases @param {Testee} testee @param {Role} role @param {number} deadlineMs
 * @returns {Promise<Map<string, Outcome>>} per case id
 */
export async function playAll(cases, testee, role, deadlineMs) {
  /** @type {Map<string, Outcome>} */
  const outcomes = new Map();
  let silences = 0;
  /** @param {Case} testCase */
  const play = async (testCase) => {
    if (silences >= mostSilences) {
      outcomes.set(testCase.id, { finding: `not played, ${silences} cases had no reaction`, log: [] });
      return;
    }
    const stepDeadlineMs = testCase.isHeavy ? deadlineMs * heavyFactor : deadlineMs;
    try {
      const opened = await testee.open(testCase.opening ?? {}, deadlineMs);
      if (opened === undefined) {
        outcomes.set(testCase.id, { finding: undefined, log: [] });
        return;
      }
      const peer = new WirePeer(opened, role);
      const { finding, isSilent } = await playCase(testCase, peer, role, stepDeadlineMs);
      if (isSilent) silences += 1;
      outcomes.set(testCase.id, { finding, log: peer.log });
    } catch (error) {
      outcomes.set(testCase.id, { finding: error instanceof Error ? error.message : String(error), log: [] });
    }
  };
  const played = cases.filter(({ onlyFor = role }) => onlyFor === role);
  const light = played.filter(({ isHeavy }) => !isHeavy).values();
  const worker = async () => {
    for (const testCase of light) await play(testCase);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  for (const testCase of played.filter(({ isHeavy }) => isHeavy)) await play(testCase);
  return outcomes;
}
