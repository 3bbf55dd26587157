// Runs one of the bench's commands as a user does and hands over what it said.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Outcome {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** The path of a server that is made for tests of the bench. */
export const serverFile = (name: string): string =>
  fileURLToPath(new URL(`servers/${name}.mjs`, import.meta.url));

/** @param script relative to bench/ */
export function runBench(script: string, options: readonly string[]): Promise<Outcome> {
  const file = fileURLToPath(new URL(`../../bench/${script}`, import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file, ...options]);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

/** The cells of the row of a Markdown table that begins with the given cells. */
export function rowOf(table: string, ...first: readonly string[]): string[] | undefined {
  return table
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .find((cells) => first.every((cell, column) => cells[column] === cell));
}
