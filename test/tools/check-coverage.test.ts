import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const file = 'src/protocol/opcode.ts';
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fullduplex-coverage-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** A report with one `if` on the first line of a file: how often its two ways were taken. */
function report(path: string, counts: readonly [number, number]): string {
  const loc = { start: { line: 1, column: 0 }, end: { line: 1, column: 9 } };
  return JSON.stringify({
    [join(root, path)]: {
      branchMap: { 0: { type: 'if', loc, locations: [loc, { start: {}, end: {} }] } },
      b: { 0: counts },
      s: { 0: 1, 1: counts[0], 2: counts[1] },
    },
  });
}

function check(json: string, rows: readonly string[]): { status: number | null; output: string } {
  const jsonFile = join(folder, 'coverage.json');
  const page = join(folder, 'coverage.md');
  writeFileSync(jsonFile, json);
  writeFileSync(page, `# Coverage\n\n| file | code | why |\n|---|---|---|\n${rows.join('\n')}\n`);
  const run = spawnSync(process.execPath, [join(root, 'tools/check-coverage.mjs'), jsonFile, page], {
    encoding: 'utf8',
  });
  return { status: run.status, output: run.stdout + run.stderr };
}

const explained = `| \`${file}\` | \`//\` | because a test cannot reach it |`;

test('branches that are taken, or explained, are fine', () => {
  const all = check(report(file, [1, 2]), []);
  expect(all.output.split('\n')).toEqual([
    'folder        statements    branches',
    'protocol         100.0 %     100.0 %',
    'src/protocol/: 2 of 2 branches taken, 0 problems',
    '',
  ]);
  expect(all.status).toBe(0);
  const some = check(report(file, [1, 0]), [explained]);
  expect(some.output).toContain('protocol          66.7 %      50.0 %\n');
  expect(some.output).toContain('src/protocol/: 1 of 2 branches taken, 0 problems\n');
  expect(some.status).toBe(0);
});

test.each([
  ['a branch that is neither', report(file, [1, 0]), [], `${file}:1: no test takes this branch`],
  ['an explanation of what is taken', report(file, [1, 2]), [explained], 'explained, but taken or gone: //'],
  [
    'an explanation of another line',
    report(file, [0, 1]),
    [explained.replace('//', 'if (a \\| b)')],
    'taken or gone: if (a | b)',
  ],
  [
    'an explanation of another file',
    report(file, [0, 1]),
    [explained.replace('opcode', 'mask')],
    'no test takes this branch',
  ],
  [
    'an explanation of two words',
    report(file, [0, 1]),
    [explained.replace('because a test cannot', '')],
    'explained in too few words',
  ],
  ['no branch of the protocol', report('src/base/bytes.ts', [0, 0]), [], 'has no branches of src/protocol/'],
] satisfies [string, string, string[], string][])('%s is a problem', (_, json, rows, message) => {
  const { status, output } = check(json, rows);
  expect(output).toContain(message);
  expect(status).toBe(1);
});
