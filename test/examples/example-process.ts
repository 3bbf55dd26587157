// Runs an example as a user would, on a free port, and tells where it listens.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** An example that runs. */
export class ExampleProcess implements AsyncDisposable {
  /** What it printed first: its address. */
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #exit: Promise<number | null>;
  readonly #lines: Interface;

  private constructor(child: ChildProcess, exit: Promise<number | null>, lines: Interface, url: string) {
    this.#child = child;
    this.#exit = exit;
    this.#lines = lines;
    this.url = url;
  }

  static async start(
    folder: string,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<ExampleProcess> {
    const child = spawn(process.execPath, [`examples/${folder}/main.mjs`], {
      cwd: root,
      env: { ...process.env, PORT: '0', ...environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exit = once(child, 'exit').then(([code]) => code as number | null);
    const lines = createInterface({ input: child.stdout });
    const first = await Promise.race([once(lines, 'line'), exit]);
    if (!Array.isArray(first))
      throw new Error(`the example ended with exit code ${first} before it listened`);
    return new ExampleProcess(child, exit, lines, String(first[0]));
  }

  /** What it prints next. */
  async nextLine(): Promise<string> {
    const [line] = await once(this.#lines, 'line');
    return String(line);
  }

  /** Sends it a signal that does not end it. */
  signal(signal: 'SIGHUP'): void {
    this.#child.kill(signal);
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
