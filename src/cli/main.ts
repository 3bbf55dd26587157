#!/usr/bin/env node
// The `fullduplex` command as a process: its streams, its signals and its exit code.

import { systemClock } from '../base/clock.ts';
import { run } from './run.ts';

const ending = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  // Once: a second signal ends the process in the way of the system, whatever still closes.
  process.once(name, () => ending.abort());
}
// The reader has gone (`fullduplex connect ... | head -1`): nothing is left to be done.
process.stdout.on('error', () => ending.abort());
process.stderr.on('error', () => ending.abort());

process.exitCode = await run(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: ending.signal,
  clock: systemClock,
});
