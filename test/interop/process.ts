// A peer, or a proxy, as a process of ours: started with pipes, waited for by what it prints, ended by its pid.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A program and its arguments. */
export type Command = readonly [program: string, ...args: string[]];

/** One running child process. */
export class Process {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #name: string;
  #errorTail = '';
  #isStopping = false;

  constructor([program, ...args]: Command) {
    this.#name = `${program} ${args.join(' ')}`;
    this.#child = spawn(program, args);
    this.#child.stderr.setEncoding('utf8');
    this.#child.stderr.on('data', (text: string) => {
      this.#errorTail = (this.#errorTail + text).slice(-4096);
    });
    // A child that ended cannot be written to; its exit is reported on its own.
    this.#child.stdin.on('error', () => {});
  }

  /** The last that it wrote to standard error. */
  get errorTail(): string {
    return this.#errorTail;
  }

  /** Calls for each line of standard output (or error), and once when the process ends before it was told to. */
  read(
    heard: (line: string) => void,
    died: (error: Error) => void,
    from: 'stdout' | 'stderr' = 'stdout',
  ): void {
    createInterface({ input: this.#child[from] }).on('line', heard);
    this.#child.on('error', died);
    this.#child.on('close', (code, signal) => {
      if (this.#isStopping) return;
      died(
        new Error(`${this.#name} ended with ${code ?? signal}: ${this.#errorTail || '(nothing on stderr)'}`),
      );
    });
  }

  /** Writes one line to standard input. */
  write(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Ends the process and waits until it has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined)
      return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
  }
}
