// `fullduplex demo`: serves the start page until it is told to end.

import { type Demo, runDemo } from '../app/demo.ts';
import { type CommandIo, ExitCode, print, untilAborted, UsageError } from './command-io.ts';
import { parseCommandLine, parseInteger } from './command-line.ts';

const demoUsage = `Usage: fullduplex demo [options]

Serves a page that shows a WebSocket at work: its handshake, every frame, a chat and a ticker.
Prints the URL of the page and, on this machine only, of an inspector that shows what happens on the
server. SIGINT and SIGTERM close all connections with 1001.

Options:
      --host HOST  the name or address to listen on (default: 127.0.0.1, this machine only)
      --port PORT  the port to listen on, 0 for any free one (default: the environment variable PORT, or 8080)
  -h, --help       print this

Exit codes:
  0  ended by SIGINT or SIGTERM
  1  wrong usage
  2  it could not listen: the port is in use, or not allowed
`;

const optionsConfig = {
  host: { type: 'string', default: '127.0.0.1' },
  port: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Runs the command until the signal. @throws UsageError */
export async function runDemoCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseCommandLine(args, optionsConfig);
  if (values.help === true) {
    await print(io.stdout, demoUsage);
    return ExitCode.ok;
  }
  if (positionals.length > 0)
    throw new UsageError(`there is ${JSON.stringify(positionals[0])}, expected options only`);
  const { host } = values;
  const port =
    values.port === undefined
      ? parseInteger('the environment variable PORT', process.env['PORT'] ?? '8080', 0, 65_535)
      : parseInteger('--port', values.port, 0, 65_535);
  let demo: Demo;
  try {
    demo = await runDemo({ host, port });
  } catch (error) {
    await print(io.stderr, `fullduplex: ${problemOf(error, host, port)}\n`);
    return ExitCode.failed;
  }
  const inspector =
    demo.inspectorUrl === undefined ? '' : `What happens on the server: ${demo.inspectorUrl}\n`;
  await print(
    io.stdout,
    `fullduplex demo on ${demo.url}\nOpen it in two tabs. Ctrl+C ends it.\n${inspector}`,
  );
  await untilAborted(io.signal);
  await demo.close();
  return ExitCode.ok;
}

/** Says what is wrong with listening there, and the way out. */
function problemOf(error: unknown, host: string, port: number): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRINUSE': {
      const other = port < 65_535 ? port + 1 : 8080;
      return `port ${port} of ${host} is in use. Take another one: fullduplex demo --port ${other} (npm start -- --port ${other})`;
    }
    case 'EACCES':
      return `port ${port} is not allowed for this user. Take one from 1024 on: fullduplex demo --port 8080`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${host} is no address of this machine. Take one that is: fullduplex demo --host 127.0.0.1`;
    default:
      throw error;
  }
}
