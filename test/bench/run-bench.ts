// Runs the bench as a user does, with turns so short that nothing but its working can be told from them.
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Outcome {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs one of the bench's commands.
 * @param script relative to bench/
 */
export function runBench(script: string, options: readonly string[]): Promise<Outcome> {
  const file = commandFile(script);
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

/** `npm run bench` with these options. */
export function bench(...options: string[]): Promise<Outcome> {
  return runBench('run.mjs', ['--rounds', '1', '--seconds', '0.1', '--warm-up', '0.05', ...options]);
}

/** The names of the workloads that these options of `npm run bench` choose. */
export function listWorkloads(...options: string[]): string[] {
  const args = [commandFile('run.mjs'), '--list', ...options];
  return spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout.trim().split('\n');
}

function commandFile(script: string): string {
  return fileURLToPath(new URL(`../../bench/${script}`, import.meta.url));
}

/** The cells of the first row of a Markdown table that begins with the given ones. */
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

/** A server that belongs to these tests. */
export function serverFile(name: string): string {
  return fileURLToPath(new URL(`servers/${name}.mjs`, import.meta.url));
}

/** Whether the C generator can be built. */
export const hasCompiler = ['cc', 'gcc', 'clang'].some((name) => spawnSync(name, ['--version']).status === 0);
