// Reads the command lines of the `fullduplex` commands: values in their units, files, repeated options.

import { readFile } from 'node:fs/promises';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { UsageError } from './command-io.ts';

/** The options of a command, as node:util's parseArgs takes them. */
export type OptionsConfig = NonNullable<ParseArgsConfig['options']>;

type ParsedCommandLine<T extends OptionsConfig> = ReturnType<
  typeof parseArgs<{ args: string[]; options: T; allowPositionals: true; strict: true }>
>;

/** Reads options and arguments. @throws UsageError */
export function parseCommandLine<T extends OptionsConfig>(
  args: readonly string[],
  options: T,
): ParsedCommandLine<T> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    // Node's sentence about what is wrong; the advice behind it is about positional arguments.
    const message = error instanceof Error ? error.message : String(error);
    const end = message.indexOf('. To specify');
    throw new UsageError(end === -1 ? message : message.slice(0, end));
  }
}

/** Reads an integer. @throws UsageError */
export function parseInteger(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`${option} is ${JSON.stringify(text)}, expected an integer from ${least} to ${most}`);
}

/** Reads seconds, with decimals, as milliseconds. @throws UsageError */
export function parseSeconds(option: string, text: string, leastMs: number): number {
  const milliseconds = Math.round(Number(text) * 1000);
  // The longest time that a timer can wait is 24 days.
  if (/^\d*\.?\d+$/.test(text) && milliseconds >= leastMs && milliseconds <= 0x7fff_ffff) return milliseconds;
  throw new UsageError(
    `${option} is ${JSON.stringify(text)}, expected seconds from ${leastMs / 1000}, such as 10 or 0.5`,
  );
}

/** Reads a file that an option names. @throws UsageError */
export async function readOptionFile(option: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new UsageError(
      `${option}: ${error instanceof Error ? error.message : String(error)}, expected a readable file`,
    );
  }
}
