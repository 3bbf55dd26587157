// Runs an example as a user would, on a free port, and tells where it listens.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** An example that runs. */
export class ExampleProcess implements AsyncDisposable {
  /** What it printed first: its address. */
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #exit: Promise<number | null>;

  private constructor(child: ChildProcess, exit: Promise<number | null>, url: string) {
    this.#child = child;
    this.#exit = exit;
    this.url = url;
  }

  static async start(folder: string): Promise<ExampleProcess> {
    const child = spawn(process.execPath, [`examples/${folder}/main.mjs`], {
      cwd: root,
      env: { ...process.env, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exit = once(child, 'exit').then(([code]) => code as number | null);
    const lines = createInterface({ input: child.stdout });
    const first = await Promise.race([once(lines, 'line'), exit]);
    if (!Array.isArray(first))
      throw new Error(`the example ended with exit code ${first} before it listened`);
    return new ExampleProcess(child, exit, String(first[0]));
  }

  /** The address for a WebSocket. */
  get webSocketUrl(): string {
    return this.url.replace('http', 'ws');
  }

  /** Asks it to stop; gives its exit code, null when the signal killed it. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    return this.#exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
