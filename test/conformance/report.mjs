// The table that the runner prints: one line per case with what is sent, what is expected and a verdict per role, then
// the findings, and last the line that scripts read.

/** @typedef {import('./cases/vocabulary.mjs').Case} Case */
/** @typedef {Map<string, Map<string, import('./runner.mjs').Outcome>>} Outcomes per role in each form, per case id */

/**
 * @param {readonly Case[]} cases @param {Outcomes} outcomes @param {boolean} showsWire @returns {{ lines: string[], passed: number, failed: number }}
 */
export function reportOf(cases, outcomes, showsWire) {
  const columns = [...outcomes.keys()];
  let passed = 0;
  let failed = 0;
  const findings = /** @type {string[]} */ ([]);
  const rows = cases.map((testCase) => {
    const verdicts = columns.map((column) => {
      if (testCase.onlyFor !== undefined && !column.startsWith(testCase.onlyFor)) return '-';
      const outcome = outcomes.get(column)?.get(testCase.id);
      if (outcome !== undefined && outcome.finding === undefined) {
        passed += 1;
        return 'passed';
      }
      failed += 1;
      findings.push(`${testCase.id} ${column}: ${testCase.sends}: ${outcome?.finding ?? 'not played'}`);
      if (showsWire) findings.push(...(outcome?.log ?? []).map((line) => `    ${line}`));
      return 'FAILED';
    });
    return [testCase.id, testCase.sends, testCase.expects, ...verdicts];
  });
  const table = [['case', 'the runner sends', 'expected of the testee', ...columns], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '));
  if (findings.length > 0) lines.push('', 'Findings:', ...findings);
  lines.push('', `${passed} passed, ${failed} failed`);
  return { lines, passed, failed };
}
