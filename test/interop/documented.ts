// The settings that docs/deploy.md shows are those that the tests load: read from there, with the addresses, the files
// and the times of the test in place of those of the page.

import { readFileSync } from 'node:fs';

const page = readFileSync(new URL('../../docs/deploy.md', import.meta.url), 'utf8');

/** The one block of docs/deploy.md in this language. */
export function documented(language: string): string {
  const blocks = [...page.matchAll(/^```(\S+)[^\n]*\n([\s\S]*?)^```$/gm)].filter(
    (match) => match[1] === language,
  );
  if (blocks.length !== 1)
    throw new Error(`docs/deploy.md has ${blocks.length} blocks of ${language}, not 1`);
  return blocks[0][2];
}

/** Replaces texts, all of which have to be there. */
export function substitute(text: string, replacements: Readonly<Record<string, string>>): string {
  let result = text;
  for (const [found, replacement] of Object.entries(replacements)) {
    if (!result.includes(found)) throw new Error(`docs/deploy.md shows no ${JSON.stringify(found)}`);
    result = result.replaceAll(found, () => replacement);
  }
  return result;
}
