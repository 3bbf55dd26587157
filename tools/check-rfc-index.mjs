// Checks docs/rfc-index.md: the key words of each section are all there, every row has a proof or a reason, and every
// file, test, vector and conformance case that is named exists.
// Usage: node tools/check-rfc-index.mjs [index file]. Exits with 1 when something is wrong, and when it finds no rows.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chooseCases } from '../test/conformance/cases/list.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const levels = ['MUST', 'MUST NOT', 'SHOULD', 'SHOULD NOT', 'RECOMMENDED', 'MAY', 'OPTIONAL', 'rule'];
const sides = ['client', 'server', 'both'];
const outcomes = ['held and proved', 'not used', 'not ours', 'not held'];

// How often each key word stands in each section of an RFC, counted in its text from heading 1 on, without the heads and
// feet of pages. SHALL and REQUIRED stand nowhere but in section 2. There all key words are defined: of the 14 in RFC 6455
// only the last one is a statement, of those in RFC 7692 and RFC 8441 none is.
const keywordCounts = {
  6455: {
    2: { MAY: 1 },
    2.1: { MAY: 1 },
    3: { MUST: 1, 'MUST NOT': 1, OPTIONAL: 1 },
    4.1: { MUST: 39, SHOULD: 3, MAY: 5 },
    4.2: { MAY: 1 },
    '4.2.1': { MUST: 1, 'SHOULD NOT': 1 },
    '4.2.2': { MUST: 8, 'MUST NOT': 2, MAY: 2 },
    4.3: { MUST: 1 },
    4.4: { MUST: 1 },
    5.1: { MUST: 3, 'MUST NOT': 1, MAY: 3 },
    5.2: { MUST: 10, MAY: 1 },
    5.3: { MUST: 3, 'MUST NOT': 1 },
    5.4: { MUST: 4, 'MUST NOT': 6, MAY: 2 },
    5.5: { MUST: 1, 'MUST NOT': 1 },
    '5.5.1': { MUST: 4, 'MUST NOT': 2, SHOULD: 2, MAY: 5 },
    '5.5.2': { MUST: 1, SHOULD: 1, MAY: 2 },
    '5.5.3': { MAY: 2 },
    5.6: { MUST: 1 },
    5.8: { MUST: 1 },
    6.1: { MUST: 8, MAY: 1 },
    6.2: { MUST: 5, MAY: 2 },
    '7.1.1': { SHOULD: 4, MAY: 2 },
    '7.1.2': { MUST: 1, SHOULD: 1 },
    '7.1.7': { MUST: 2, 'MUST NOT': 1, SHOULD: 2, 'SHOULD NOT': 1, MAY: 2 },
    '7.2.1': { MUST: 2, 'SHOULD NOT': 1 },
    '7.2.2': { MUST: 1 },
    '7.2.3': { SHOULD: 3, MAY: 1 },
    7.3: { 'SHOULD NOT': 1, MAY: 1 },
    7.4: { MAY: 1 },
    '7.4.1': { 'MUST NOT': 3, SHOULD: 1, MAY: 2 },
    8.1: { MUST: 1 },
    9: { MUST: 1, 'MUST NOT': 1, MAY: 2 },
    9.1: { MUST: 4, 'MUST NOT': 1, MAY: 2 },
    9.2: { MAY: 1 },
    10.2: { SHOULD: 2 },
    10.3: { MUST: 1 },
    10.4: { MUST: 1, SHOULD: 1 },
    10.6: { MUST: 1, SHOULD: 1 },
    10.7: { MUST: 1, SHOULD: 2, MAY: 1 },
    '11.1.1': { MUST: 2 },
    '11.1.2': { MUST: 2 },
    '11.3.1': { 'MUST NOT': 1 },
    '11.3.2': { 'MUST NOT': 1, MAY: 1 },
    '11.3.3': { 'MUST NOT': 1 },
    '11.3.4': { 'MUST NOT': 1, MAY: 1 },
    '11.3.5': { 'MUST NOT': 1, MAY: 1 },
  },
  7692: {
    4: { MUST: 2 },
    5: { MUST: 8, 'MUST NOT': 3, MAY: 2 },
    6.1: { MUST: 3, 'MUST NOT': 1 },
    6.2: { MUST: 2 },
    7: { MUST: 2 },
    '7.1.1.1': { RECOMMENDED: 1, MAY: 2 },
    '7.1.1.2': { MUST: 1, MAY: 2 },
    '7.1.2.1': { MUST: 2, MAY: 2 },
    '7.1.2.2': { MUST: 2, 'MUST NOT': 1, MAY: 2 },
    '7.2.1': { MUST: 3, 'MUST NOT': 4, MAY: 7 },
    '7.2.2': { MUST: 6, MAY: 4 },
    7.3: { RECOMMENDED: 1 },
  },
  8441: {
    3: { MUST: 1, 'MUST NOT': 1, MAY: 1 },
    4: { MUST: 1, 'MUST NOT': 1, MAY: 1 },
    5: { MUST: 3, 'MUST NOT': 1 },
  },
};

/**
 * @typedef {object} Row
 * @property {string} section
 * @property {string} id
 * @property {string} level
 * @property {string} side
 * @property {string} requirement
 * @property {string} heldBy
 * @property {string} provedBy
 */

/** The part of the index about one RFC, which begins with its heading. @param {string} index @param {string} rfc */
function partOf(index, rfc) {
  const parts = index.split(/^(?=# )/m);
  return parts.find((part) => part.startsWith(`# RFC ${rfc},`)) ?? '';
}

/** @param {string} index @param {string[]} problems @returns {Row[]} */
function parseRows(index, problems) {
  const rows = [];
  let section = '';
  for (const line of index.split('\n')) {
    section = /^## (\d+(?:\.\d+)*) /.exec(line)?.[1] ?? section;
    if (section === '' || !line.startsWith('|')) continue;
    const cells = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (cells[0] === 'id' || /^-+$/.test(cells[0])) continue;
    if (cells.length !== 6) {
      problems.push(`${cells[0]}: has ${cells.length} cells, expected 6`);
      continue;
    }
    const [id, level, side, requirement, heldBy, provedBy] = cells;
    rows.push({ section, id, level, side, requirement, heldBy, provedBy });
  }
  return rows;
}

/** Ids count on from 1 in their section, those of rules on their own. @param {Row[]} rows @param {string[]} problems */
function checkIds(rows, problems) {
  const lastNumbers = new Map();
  for (const { section, id, level } of rows) {
    const prefix = `${section}-${level === 'rule' ? 'r' : ''}`;
    const number = (lastNumbers.get(prefix) ?? 0) + 1;
    lastNumbers.set(prefix, number);
    if (id !== `${prefix}${number}`) problems.push(`${id}: stands where ${prefix}${number} is expected`);
  }
}

/** @param {Row[]} rows @param {Record<string, Record<string, number>>} expectedCounts @param {string[]} problems */
function checkCounts(rows, expectedCounts, problems) {
  const sections = new Set([...Object.keys(expectedCounts), ...rows.map(({ section }) => section)]);
  for (const section of sections) {
    for (const level of levels) {
      if (level === 'rule') continue;
      const found = rows.filter((row) => row.section === section && row.level === level).length;
      const expected = expectedCounts[section]?.[level] ?? 0;
      if (found !== expected)
        problems.push(`${section}: ${found} rows of level ${level}, expected ${expected}`);
    }
  }
}

/** The table at the top of a part: a line for each level in it. @param {Row[]} rows @param {string} index @param {string[]} problems */
function checkSummary(rows, index, problems) {
  const lineOf = (name, counted) => {
    const numbers = outcomes.map((outcome) => counted.filter((row) => outcomeOf(row) === outcome).length);
    return `| ${[name, counted.length, ...numbers].join(' | ')} |`;
  };
  const lines = levels
    .map((level) => rows.filter((row) => row.level === level))
    .filter((counted) => counted.length > 0)
    .map((counted) => lineOf(counted[0].level, counted));
  for (const line of [...lines, lineOf('all', rows)]) {
    if (!index.includes(`\n${line}\n`)) problems.push(`summary: lacks the line ${line}`);
  }
}

/** @param {Row} row */
function outcomeOf({ heldBy }) {
  return /^(not used|not ours|not held): /.exec(heldBy)?.[1] ?? outcomes[0];
}

const proofPattern = /^`(test\/[^`]+)` "([^"]+)"$/;

/** @param {Row} row @param {string} folder @param {Set<string>} caseIds @returns {string[]} */
function problemsOf({ level, side, requirement, heldBy, provedBy, ...row }, folder, caseIds) {
  const problems = [];
  if (!levels.includes(level)) problems.push(`level ${level}, expected one of ${levels.join(', ')}`);
  if (!sides.includes(side)) problems.push(`side ${side}, expected one of ${sides.join(', ')}`);
  if (requirement === '') problems.push('no requirement');

  const outcome = outcomeOf({ level, side, requirement, heldBy, provedBy, ...row });
  if (outcome !== outcomes[0]) {
    if (heldBy.length < outcome.length + 10) problems.push(`"${outcome}" without a reason`);
    if (provedBy !== '') problems.push(`"${outcome}" and a proof, expected one of them`);
    if (outcome === 'not used' && level !== 'MAY' && level !== 'OPTIONAL')
      problems.push(`"not used" for a ${level}, expected a MAY or OPTIONAL`);
    return problems;
  }

  const holders = heldBy.split(', ').map((text) => /^`(src\/[^`]+\.ts)`$/.exec(text)?.[1]);
  for (const holder of holders) {
    if (holder === undefined)
      problems.push(`held by ${heldBy || 'nothing'}, expected \`src/...ts\` or a reason`);
    else if (!isFile(join(folder, holder))) problems.push(`${holder} does not exist`);
  }
  for (const proof of provedBy.split('<br>')) problems.push(...problemsOfProof(proof, folder, caseIds));
  return problems;
}

/** @param {string} proof @param {string} folder @param {Set<string>} caseIds @returns {string[]} */
function problemsOfProof(proof, folder, caseIds) {
  if (proof.startsWith('conformance ')) {
    const ids = proof.slice('conformance '.length).split(', ');
    return ids.filter((id) => !caseIds.has(id)).map((id) => `conformance case ${id} does not exist`);
  }
  const match = proofPattern.exec(proof);
  if (match === null)
    return [`proved by ${proof || 'nothing'}, expected \`test/...\` "name" or conformance cases`];
  const [, path, name] = match;
  if (!isFile(join(folder, path))) return [`${path} does not exist`];
  if (path.endsWith('.json')) {
    return vectorNamesOf(join(folder, path)).has(name) ? [] : [`${path} has no vector "${name}"`];
  }
  const titles = titlesOf(join(folder, path));
  // "group > name": each of them is the title of something, the last one of a test.
  const parts = name.split(' > ');
  const isThere = parts.every((part, at) =>
    titles.some(({ title, isTest }) => title === part && isTest === (at === parts.length - 1)),
  );
  return isThere ? [] : [`${path} has no test "${name}"`];
}

// Many rows name the same files: each is read once.
/** @type {Map<string, Set<string>>} */
const vectorNames = new Map();
/** @type {Map<string, { title: string, isTest: boolean }[]>} */
const testTitles = new Map();

/** @param {string} file */
function vectorNamesOf(file) {
  let names = vectorNames.get(file);
  if (names === undefined) {
    names = new Set(JSON.parse(readFileSync(file, 'utf8')).map(({ name }) => name));
    vectorNames.set(file, names);
  }
  return names;
}

/** @param {string} file */
function titlesOf(file) {
  let titles = testTitles.get(file);
  if (titles === undefined) {
    titles = titlesIn(readFileSync(file, 'utf8'));
    testTitles.set(file, titles);
  }
  return titles;
}

const titlePattern = /\(\s*(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`)\s*,/g;
const callPattern = /\b(describe|it|test)((?:\.\w+)*)$/;
const eachPattern = /\b(describe|it|test)((?:\.\w+)*)\.each\b/g;

/**
 * The titles in a test file as they are written there, with the placeholders of `each`; tests that are skipped do not
 * count.
 * @param {string} text
 */
function titlesIn(text) {
  const titles = [];
  for (const match of text.matchAll(titlePattern)) {
    const before = text.slice(0, match.index).trimEnd();
    // Behind the table of each() the title is an argument of what that gives.
    const call = before.endsWith(')') ? [...before.matchAll(eachPattern)].at(-1) : callPattern.exec(before);
    if (call === undefined || call === null || /\.(skip|todo|fails)\b/.test(call[2])) continue;
    const title = (match[1] ?? match[2] ?? match[3]).replaceAll(/\\(['"`])/g, '$1');
    titles.push({ title, isTest: call[1] !== 'describe' });
  }
  return titles;
}

/** @param {string} path */
function isFile(path) {
  return existsSync(path) && statSync(path).isFile();
}

/**
 * Everything wrong with an index, a sentence each.
 * @param {string} index the text of docs/rfc-index.md
 * @param {string} [folder] where the paths in it begin
 * @returns {{ rowCount: number, problems: string[] }}
 */
export function checkRfcIndex(index, folder = root) {
  /** @type {string[]} */
  const problems = [];
  const caseIds = new Set(chooseCases({ extent: 'short', sections: [], ids: [] }).map(({ id }) => id));
  let rowCount = 0;
  for (const [rfc, expectedCounts] of Object.entries(keywordCounts)) {
    /** @type {string[]} */
    const found = [];
    const part = partOf(index, rfc);
    const rows = parseRows(part, found);
    if (rows.length === 0) found.push('no rows found, expected the requirements');
    checkIds(rows, found);
    checkCounts(rows, expectedCounts, found);
    checkSummary(rows, part, found);
    for (const row of rows) {
      for (const problem of problemsOf(row, folder, caseIds)) found.push(`${row.id}: ${problem}`);
    }
    rowCount += rows.length;
    problems.push(...found.map((problem) => `RFC ${rfc} ${problem}`));
  }
  return { rowCount, problems };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = resolve(process.argv[2] ?? join(root, 'docs', 'rfc-index.md'));
  const { rowCount, problems } = checkRfcIndex(readFileSync(path, 'utf8'));
  for (const problem of problems) console.error(problem);
  console.log(`RFC index: ${rowCount} rows, ${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
