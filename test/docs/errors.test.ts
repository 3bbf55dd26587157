import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const own = fileURLToPath(import.meta.url);

function filesBelow(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(path, entry.name)) : [join(path, entry.name)],
  );
}

const source = readFileSync(join(root, 'src/base/errors.ts'), 'utf8');
const codes = [...source.matchAll(/^ {2}\| '(WS_[A-Z0-9_]+)'/gm)].map((match) => match[1]);
const realtimeSource = readFileSync(join(root, 'src/realtime/wire/error-codes.ts'), 'utf8');
const realtimeCodes = [...realtimeSource.matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map((match) => match[1]);
const paragraphs = readFileSync(join(root, 'docs/errors.md'), 'utf8').split(/^### /m).slice(1);
const tests = filesBelow(join(root, 'test'))
  .filter((file) => /\.(ts|mjs|json)$/.test(file) && file !== own)
  .map((file) => readFileSync(file, 'utf8'))
  .join('\n');
const library = filesBelow(join(root, 'src'))
  .filter((file) => file.endsWith('.ts') && !/(base\/errors|wire\/error-codes)\.ts$/.test(file))
  .map((file) => readFileSync(file, 'utf8'))
  .join('\n');

test('there are codes to check', () => {
  expect(codes.length).toBeGreaterThan(30);
  expect(realtimeCodes.length).toBeGreaterThan(20);
});

test.each([...codes, ...realtimeCodes])('%s is used, documented and provoked by a test', (code) => {
  expect(library.includes(`'${code}'`), 'no place in src uses it').toBe(true);
  const paragraph = paragraphs.find((text) => text.startsWith(`${code}\n`));
  expect(paragraph, 'docs/errors.md has no paragraph').toBeDefined();
  expect(paragraph?.trim().length).toBeGreaterThan(code.length + 20);
  expect(tests.includes(code), 'no test provokes it').toBe(true);
});

test('no paragraph describes a code that does not exist', () => {
  for (const paragraph of paragraphs)
    expect([...codes, ...realtimeCodes]).toContain(paragraph.split('\n')[0]);
});
