// What became of calls: each is applied at most once, each caller hears one answer, and that answer is true.

import type { Violation, ViolationKind } from './violation.ts';

/** What is known of one call. */
export interface CallEvents {
  calledAtMs: number;
  applied: number;
  readonly answers: { readonly outcome: string; readonly atMs: number }[];
}

/** Finds what was broken. @param doubtsMs when the outcome of what ran became uncertain */
export function judgeCalls(
  calls: ReadonlyMap<string, CallEvents>,
  doubtsMs: readonly number[],
): readonly Violation[] {
  const violations: Violation[] = [];
  for (const [call, { calledAtMs, applied, answers }] of calls) {
    const broken = (kind: ViolationKind, found: string): void => {
      violations.push({ kind, found: `call ${call} ${found}` });
    };
    if (applied > 1) broken('applied-twice', `was applied ${applied} times`);
    if (answers.length !== 1) broken('answered-not-once', `was answered ${answers.length} times`);
    for (const { outcome, atMs } of answers) {
      if (outcome === 'ok' && applied === 0) broken('answered-in-vain', 'was answered, and never applied');
      if (outcome !== 'OUTCOME_UNKNOWN') continue;
      const isDoubtful = doubtsMs.some((doubtMs) => doubtMs >= calledAtMs && doubtMs <= atMs);
      if (!isDoubtful)
        broken('unknown-without-cause', 'was answered with OUTCOME_UNKNOWN, though nothing had happened');
    }
  }
  return violations;
}
