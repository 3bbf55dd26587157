import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const index = readFileSync(join(root, 'docs/rfc-index.md'), 'utf8');
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

interface RfcIndexModule {
  checkRfcIndex: (index: string) => { problems: string[] };
}

/** What is wrong with an index, without a process for each. */
async function problemsOf(text: string): Promise<string> {
  const url = new URL('../../tools/check-rfc-index.mjs', import.meta.url).href;
  const { checkRfcIndex }: RfcIndexModule = await import(url);
  return checkRfcIndex(text).problems.join('\n');
}

/** The check as a command. */
function check(text?: string): { status: number | null; output: string } {
  const args = [join(root, 'tools/check-rfc-index.mjs')];
  if (text !== undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'rfc-index-'));
    folders.push(folder);
    args.push(join(folder, 'index.md'));
    writeFileSync(join(folder, 'index.md'), text);
  }
  const run = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { status: run.status, output: run.stdout + run.stderr };
}

const proof = '`test/protocol/frame-encoder.test.ts` "uses a key for each frame"';
const grouped = '"a URL says where to dial and what to request > %s"';

test('every requirement of RFC 6455, RFC 7692 and RFC 8441 is there, with a proof that exists or a reason', () => {
  const { status, output } = check();
  expect(output).toMatch(/^RFC index: [0-9]{3} rows, 0 problems\n$/);
  expect(status).toBe(0);
});

test.each([
  [
    'a source file that does not exist',
    '`src/protocol/mask.ts`',
    '`src/protocol/maks.ts`',
    'maks.ts does not',
  ],
  ['a folder for a source file', '`src/protocol/mask.ts`', '`src/protocol`', 'held by `src/protocol`'],
  ['no source file', '`src/protocol/mask.ts`', '', 'held by'],
  ['a test file that does not exist', 'frame-encoder.test.ts', 'frame-encoders.test.ts', 'does not exist'],
  ['another name of a test', '"uses a key for each frame"', '"uses a key"', 'has no test "uses a key"'],
  ['a group for a test', '"uses a key for each frame"', '"FrameEncoder"', 'has no test "FrameEncoder"'],
  ['a word of a test file for a test', '"uses a key for each frame"', '"./wire.ts"', 'has no test'],
  ['a test in a group that is not there', grouped, '"a URL says > %s"', 'has no test "a URL says > %s"'],
  ['a vector that is not there', '"reserved opcode 15"', '"reserved opcode 16"', 'has no vector'],
  [
    'a conformance case that is not there',
    'conformance 5.18',
    'conformance 5.21',
    'case 5.21 does not exist',
  ],
  ['neither proof nor reason', proof, '', 'proved by nothing'],
  ['a proof in other words', proof, 'see the tests', 'proved by see the tests'],
  ['no reason', /not ours: a rule for intermediaries.*? \|/, 'not ours: |', 'held by not ours:'],
  ['a reason of a word', /not ours: a rule for intermediaries.*? \|/, 'not ours: no |', 'without a reason'],
  [
    'a reason and a proof',
    /(not ours: a rule for intermediaries.*?) \| \|/,
    `$1 | ${proof} |`,
    'and a proof',
  ],
  [
    'a MUST that is not used',
    /not ours: a rule for intermediaries/,
    'not used: a rule for',
    '"not used" for a MUST',
  ],
  ['another level', '| 5.6-1 | MUST |', '| 5.6-1 | SHOULD |', '5.6: 0 rows of level MUST, expected 1'],
  ['an unknown level', '| 5.6-1 | MUST |', '| 5.6-1 | OUGHT |', 'level OUGHT'],
  ['an unknown side', '| 5.6-1 | MUST | both |', '| 5.6-1 | MUST | all |', 'side all'],
  ['an id twice', '| 5.4-2 |', '| 5.4-1 |', '5.4-1: stands where 5.4-2 is expected'],
  ['a row that is missing', /\| 5\.4-12 .*\n/, '', '5.4: 3 rows of level MUST, expected 4'],
  ['a row that is missing at the end', /\| 11\.3\.5-2 .*\n/, '', '11.3.5: 0 rows of level MUST NOT'],
  ['a section that is missing', /## 8\.1 [^#]*(?=## 9 )/, '', '8.1: 0 rows of level MUST, expected 1'],
  ['a cell too many', '| 5.6-1 | MUST | both |', '| 5.6-1 | MUST | both | |', 'has 7 cells'],
  [
    'another level in its second part',
    '| 7.2.1-14 | MUST NOT |',
    '| 7.2.1-14 | MUST |',
    'RFC 7692 7.2.1: 3 rows of level MUST NOT, expected 4',
  ],
  [
    'a row that is missing in its second part',
    /\| 7\.1\.2\.2-5 .*\n/,
    '',
    'RFC 7692 7.1.2.2: 0 rows of level MUST NOT, expected 1',
  ],
  [
    'a wrong number in its second summary',
    '| RECOMMENDED | 2 |',
    '| RECOMMENDED | 3 |',
    'RFC 7692 summary: lacks the line | RECOMMENDED | 2 |',
  ],
  ['no second part', /\n# RFC 7692[^]*/, '', 'RFC 7692 no rows found'],
  ['a wrong number in the summary', '| MUST NOT | 25 |', '| MUST NOT | 26 |', 'summary: lacks the line'],
] satisfies [string, string | RegExp, string, string][])(
  'an index with %s is refused',
  async (_, found, planted, message) => {
    const wrong = index.replace(found, planted);
    expect(wrong).not.toBe(index);
    expect(await problemsOf(wrong)).toContain(message);
  },
);

test('an index without rows is refused', () => {
  const { status, output } = check('# Nothing here\n');
  expect(output).toContain('no rows found');
  expect(status).toBe(1);
});
