// What a command of `fullduplex` works with, and how it ends. Commands get their streams, so that tests run them
// without a process.

import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../base/clock.ts';

/** The surroundings of a command. */
export interface CommandIo {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable;
  /** Aborts when the command has been asked to end: SIGINT, SIGTERM, or nobody reads what it prints. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** Exit codes, for scripts; docs/cli.md says the same. */
export const ExitCode: Readonly<{ ok: 0; usage: 1; failed: 2; abnormalClose: 3 }> = Object.freeze({
  /** Done; a connection was closed normally. */
  ok: 0,
  /** Unknown option, missing argument, unreadable file. */
  usage: 1,
  /** No connection or no server: unreachable, refused, port in use. */
  failed: 2,
  /** The connection was open and did not end normally. */
  abnormalClose: 3,
});

/** Runs one command and gives its exit code. */
export type Command = (args: readonly string[], io: CommandIo) => Promise<number>;

/** What is wrong with the command line. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
}

/** Writes, and waits while the reader is slower than we are. */
export function print(stream: Writable, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    // A stream that failed calls back as well; the signal tells the command that nobody reads any more.
    stream.write(data, () => resolve());
  });
}

/** Waits until the command has been asked to end. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
}
