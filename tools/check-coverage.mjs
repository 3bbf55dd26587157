// Says how much of each folder of src/ the tests run, and checks that every branch of src/protocol/ that they do not take is
// explained in docs/coverage.md, and that what is explained there is still so.
// Usage: node tools/check-coverage.mjs [coverage-final.json] [coverage page]. Exits with 1 when a branch is neither taken nor
// explained, when an explanation fits nothing, and when there are no branches to look at.

import { readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const report = process.argv[2] ?? join(root, 'coverage/coverage-final.json');
const page = process.argv[3] ?? join(root, 'docs/coverage.md');
const guarded = 'src/protocol/';

/** The ways of each branch: where it stands, what its line says, whether a test takes it. */
function waysOf(file, { branchMap, b }) {
  const lines = readFileSync(join(root, file), 'utf8').split('\n');
  return Object.entries(branchMap).flatMap(([id, { loc, locations }]) =>
    b[id].map((count, index) => {
      // The way that an `if` without `else` goes has no place of its own.
      const line = locations[index]?.start?.line ?? loc.start.line;
      const texts = new Set([lines[loc.start.line - 1].trim(), lines[line - 1].trim()]);
      return { file, line, texts: [...texts], isTaken: count > 0 };
    }),
  );
}

/** The rows of the page: file, a part of the line, why no test takes it. */
function explanationsOf(markdown) {
  const rows = markdown.matchAll(/^\| `(src\/[^`]+)` \| `((?:[^`|]|\\\|)+)` \| (.+) \|$/gm);
  return [...rows].map(([, file, code, why]) => ({ file, code: code.replaceAll('\\|', '|'), why }));
}

/** One line for each folder: the share of its statements and branches that were run. */
function tableOf(files) {
  const folders = new Map();
  for (const [file, { s, b }] of files) {
    const [, folder = 'entries'] = /^src\/([^/]+)\//.exec(file) ?? [];
    const sums = folders.get(folder) ?? { statements: [], branches: [] };
    sums.statements.push(...Object.values(s));
    sums.branches.push(...Object.values(b).flat());
    folders.set(folder, sums);
  }
  const share = (counts) =>
    counts.length === 0
      ? '-'
      : `${((counts.filter((count) => count > 0).length / counts.length) * 100).toFixed(1)} %`;
  const row = (name, statements, branches) =>
    `${name.padEnd(12)}${statements.padStart(12)}${branches.padStart(12)}`;
  return [
    row('folder', 'statements', 'branches'),
    ...[...folders]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { statements, branches }]) => row(name, share(statements), share(branches))),
  ].join('\n');
}

const problems = [];
const files = Object.entries(JSON.parse(readFileSync(report, 'utf8')))
  .map(([path, data]) => [relative(root, path).split(sep).join('/'), data])
  .filter(([file]) => file.startsWith('src/'));
const ways = files.filter(([file]) => file.startsWith(guarded)).flatMap(([file, data]) => waysOf(file, data));
const missed = ways.filter(({ isTaken }) => !isTaken);
const explanations = explanationsOf(readFileSync(page, 'utf8'));
const fits = ({ file, code }, way) => way.file === file && way.texts.some((text) => text.includes(code));

if (ways.length === 0) problems.push(`${report} has no branches of ${guarded}`);
for (const way of missed) {
  if (explanations.some((explanation) => fits(explanation, way))) continue;
  problems.push(
    `${way.file}:${way.line}: no test takes this branch, and no row explains it: ${way.texts.at(-1)}`,
  );
}
for (const explanation of explanations) {
  const { file, code, why } = explanation;
  if (!missed.some((way) => fits(explanation, way)))
    problems.push(`${file}: explained, but taken or gone: ${code}`);
  if (why.trim().split(/\s+/).length < 4) problems.push(`${file}: explained in too few words: ${code}`);
}

console.log(tableOf(files));
for (const problem of problems) console.error(problem);
const taken = ways.length - missed.length;
console.log(`${guarded}: ${taken} of ${ways.length} branches taken, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
