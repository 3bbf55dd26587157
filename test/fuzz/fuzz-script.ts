// Runs a script of fuzz/ as its command does, and gives how it ended and all that it printed.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Runs `fuzz/${name}.mjs`. */
export async function runFuzzScript(
  name: string,
  ...options: readonly string[]
): Promise<{ exitCode: unknown; output: string }> {
  const file = fileURLToPath(new URL(`../../fuzz/${name}.mjs`, import.meta.url));
  const child = spawn(process.execPath, [file, ...options]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [exitCode]: unknown[] = await once(child, 'close');
  return { exitCode, output };
}
