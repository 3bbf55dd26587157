// Contestants take turns: one that fails keeps its reason and sits out the rest, and the others go on.

/**
 * @template {{ entry: { failure?: string } }} Contestant
 * @param {readonly Contestant[]} contestants
 * @param {(contestant: Contestant) => Promise<void>} step
 */
export async function inTurns(contestants, step) {
  for (const contestant of contestants) {
    if (contestant.entry.failure) continue;
    await step(contestant).catch((/** @type {Error} */ error) => {
      contestant.entry.failure = error.message;
    });
  }
}
