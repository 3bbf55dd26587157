// Runs a command of `fullduplex` with streams in memory: what it prints is collected, what it reads is fed.

import { PassThrough } from 'node:stream';
import { run } from '../../src/cli/run.ts';
import type { CommandIo } from '../../src/cli/command-io.ts';
import { FakeClock } from '../../src/testing.ts';

export interface StageOptions {
  /** Whether a person sits there. @defaultValue false */
  readonly isTTY?: boolean;
}

/** A command that runs. */
export class Stage {
  readonly clock = new FakeClock();
  readonly stdin = new PassThrough();
  readonly exitCode: Promise<number>;
  readonly #ending = new AbortController();
  readonly #stdout: Output;
  readonly #stderr: Output;

  constructor(args: string[], { isTTY = false }: StageOptions = {}) {
    this.#stdout = new Output(isTTY);
    this.#stderr = new Output(isTTY);
    const io: CommandIo = {
      stdin: Object.assign(this.stdin, { isTTY }),
      stdout: this.#stdout.stream,
      stderr: this.#stderr.stream,
      signal: this.#ending.signal,
      clock: this.clock,
    };
    this.exitCode = run(args, io);
  }

  get printed(): string {
    return this.#stdout.bytes.toString('utf8');
  }

  get printedBytes(): Buffer {
    return this.#stdout.bytes;
  }

  get complained(): string {
    return this.#stderr.bytes.toString('utf8');
  }

  /** Waits until what was printed matches, and gives the match. */
  untilPrinted(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#stdout.until(pattern);
  }

  /** Waits until what was complained about matches, and gives the match. */
  untilComplained(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#stderr.until(pattern);
  }

  /** As SIGINT and SIGTERM do. */
  interrupt(): void {
    this.#ending.abort();
  }
}

class Output {
  readonly stream: PassThrough & { isTTY: boolean };
  bytes: Buffer = Buffer.alloc(0);
  #changed: () => void = () => undefined;

  constructor(isTTY: boolean) {
    this.stream = Object.assign(new PassThrough(), { isTTY });
    this.stream.on('data', (chunk: Buffer) => {
      this.bytes = Buffer.concat([this.bytes, chunk]);
      this.#changed();
    });
  }

  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.bytes.toString('utf8'));
      if (match !== null) return match;
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }
}

/** Runs a command to its end. */
export async function runToEnd(
  args: string[],
  input = '',
): Promise<{ exitCode: number; printed: string; complained: string }> {
  const stage = new Stage(args);
  stage.stdin.end(input);
  const exitCode = await stage.exitCode;
  return { exitCode, printed: stage.printed, complained: stage.complained };
}
