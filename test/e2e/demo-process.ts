// `fullduplex demo` as a process, as a person starts it.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** A demo that runs, and how it ended. */
export interface DemoProcess {
  /** Where the page is. */
  readonly url: string;
  readonly port: number;
  /** Asks it to end and gives its exit code. */
  stop(signal?: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
}

/** Starts a demo and waits until it listens. */
export async function startDemo(port = 0): Promise<DemoProcess> {
  const child = spawnDemo(['--port', String(port)]);
  let printed = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  let complained = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complained += chunk.toString();
  });
  const exit = once(child, 'close').then(([code]: unknown[]) => (typeof code === 'number' ? code : null));
  while (!printed.includes('\n')) {
    const code = await Promise.race([once(child.stdout ?? child, 'data').then(() => undefined), exit]);
    if (code !== undefined) throw new Error(`the demo ended with ${code}: ${complained}`);
  }
  const url = /http:\S+/.exec(printed)?.[0] ?? '';
  return {
    url,
    port: Number(new URL(url).port),
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return exit;
    },
  };
}

/** Runs a demo that is expected to end by itself. */
export async function runDemoToEnd(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<{ code: unknown; printed: string; complained: string }> {
  const child = spawnDemo(args, environment);
  let printed = '';
  let complained = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    complained += chunk.toString();
  });
  const [code]: unknown[] = await once(child, 'close');
  return { code, printed, complained };
}

function spawnDemo(args: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcess {
  if (!existsSync(main)) throw new Error('dist/cli/main.js is missing, expected a build: npm run build');
  return spawn(process.execPath, [main, 'demo', ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
