// The settings that docs/deploy.md shows are those that the tests load: read from there, with the addresses, the files
// and the times of the test in place of those of the page.

import { readFileSync } from 'node:fs';

const page = readFileSync(new URL('../../docs/deploy.md', import.meta.url), 'utf8');

/** The one block of docs/deploy.md in this language, and with this word behind it if it is given. */
export function documented(language: string, role?: string): string {
  const blocks = [...page.matchAll(/^```(\S+)[ \t]*([^\n]*)\n([\s\S]*?)^```$/gm)].filter(
    (match) => match[1] === language && (role === undefined ? match[2] !== 'http2' : match[2] === role),
  );
  if (blocks.length !== 1)
    throw new Error(`docs/deploy.md has ${blocks.length} blocks of ${language} ${role ?? ''}, not 1`);
  return blocks[0][3];
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
