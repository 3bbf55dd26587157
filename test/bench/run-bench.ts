// Runs the bench as a user does, with turns so short that nothing but its working can be told from them.
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const RUN = fileURLToPath(new URL('../../bench/run.mjs', import.meta.url));

export interface Outcome {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** `npm run bench` with these options. */
export function bench(...options: string[]): Promise<Outcome> {
  const shortest = ['--rounds', '1', '--seconds', '0.1', '--warm-up', '0.1'];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [RUN, ...shortest, ...options]);
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

/** A server that belongs to these tests. */
export function serverFile(name: string): string {
  return fileURLToPath(new URL(`servers/${name}.mjs`, import.meta.url));
}

/** Whether the C generator can be built. */
export const hasCompiler = ['cc', 'gcc', 'clang'].some((name) => spawnSync(name, ['--version']).status === 0);
