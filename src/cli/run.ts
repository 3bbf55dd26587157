// Chooses the command of `fullduplex` by its name, and tells wrong usage.

import { readFile } from 'node:fs/promises';
import { type Command, type CommandIo, ExitCode, print, UsageError } from './command-io.ts';
import { runConnect } from './connect-command.ts';
import { runDemoCommand } from './demo.ts';
import { runEcho } from './echo.ts';

const usage = `Usage: fullduplex COMMAND [options]

Commands:
  demo         serve a page that shows a WebSocket at work
  echo         start a server that sends back what it gets
  connect URL  print what arrives over a WebSocket, send what is typed or piped in

fullduplex COMMAND --help says more about a command.
fullduplex --version prints the version.
`;

const commands: ReadonlyMap<string, Command> = new Map([
  ['demo', runDemoCommand],
  ['echo', runEcho],
  ['connect', runConnect],
]);

/** Runs `fullduplex` with these arguments and gives its exit code. */
export async function run(args: readonly string[], io: CommandIo): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--help' || name === '-h' || name === 'help') {
    await print(io.stdout, usage);
    return ExitCode.ok;
  }
  if (name === '--version') {
    await print(io.stdout, `${await readVersion()}\n`);
    return ExitCode.ok;
  }
  const command = name === undefined ? undefined : commands.get(name);
  if (command === undefined) {
    const problem = name === undefined ? '' : `fullduplex: there is no command ${JSON.stringify(name)}\n\n`;
    await print(io.stderr, problem + usage);
    return ExitCode.usage;
  }
  try {
    return await command(rest, io);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    await print(io.stderr, `fullduplex ${name}: ${error.message}\nfullduplex ${name} --help says more\n`);
    return ExitCode.usage;
  }
}

async function readVersion(): Promise<string> {
  // The same two folders up from src/cli and from dist/cli.
  const manifest: unknown = JSON.parse(
    await readFile(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  const hasVersion = typeof manifest === 'object' && manifest !== null && 'version' in manifest;
  return hasVersion ? String(manifest.version) : 'unknown';
}
