// `fullduplex echo`: a server that sends back what it gets, for trying out clients.

import { FullduplexError } from '../base/errors.ts';
import { defaultLimits } from '../protocol/limits.ts';
import { isToken } from '../protocol/handshake/header-grammar.ts';
import { serve } from '../node/serve.ts';
import type { WebSocketServer } from '../node/web-socket-server.ts';
import { type CommandIo, ExitCode, print, untilAborted, UsageError } from './command-io.ts';
import { parseCommandLine, parseInteger, readOptionFile } from './command-line.ts';

const echoUsage: string = `Usage: fullduplex echo [options]

Accepts WebSockets on every path and from every origin and sends each message back, text as text and binary as binary.
Prints the URL that it listens on. SIGINT and SIGTERM close all connections with 1001.

Options:
      --host HOST            the name or address to listen on (default: 127.0.0.1)
      --port PORT            the port to listen on, 0 for any free one (default: 9001)
      --protocol NAME        a subprotocol to speak; may be repeated; the first one that the client offers is picked
      --max-message-bytes N  the longest message, in bytes; a longer one is refused with 1009 (default: ${defaultLimits.maxMessageBytes})
      --tls-cert FILE        speak TLS with this certificate (PEM); needs --tls-key
      --tls-key FILE         its private key (PEM)
  -h, --help                 print this

Exit codes:
  0  ended by SIGINT or SIGTERM
  1  wrong usage
  2  it could not listen: the port is in use, or not allowed
`;

const optionsConfig = {
  host: { type: 'string', default: '127.0.0.1' },
  port: { type: 'string', default: '9001' },
  protocol: { type: 'string', multiple: true },
  'max-message-bytes': { type: 'string' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Room beside one whole message. */
const retainedOverheadBytes = 1024 * 1024;

/** Runs the command until the signal. @throws UsageError */
export async function runEcho(args: readonly string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseCommandLine(args, optionsConfig);
  if (values.help === true) {
    await print(io.stdout, echoUsage);
    return ExitCode.ok;
  }
  if (positionals.length > 0)
    throw new UsageError(`there is ${JSON.stringify(positionals[0])}, expected options only`);
  let server: WebSocketServer;
  try {
    server = await startEcho({
      host: values.host,
      port: parseInteger('--port', values.port, 0, 65_535),
      protocols: (values.protocol ?? []).map(requireProtocolName),
      ...limitsOf(values['max-message-bytes']),
      ...(await readTls(values['tls-cert'], values['tls-key'])),
    });
  } catch (error) {
    return cannotListen(error, io);
  }
  await print(io.stdout, `echo server on ${server.url}\n`);
  await untilAborted(io.signal);
  await server.close();
  return ExitCode.ok;
}

interface EchoOptions {
  readonly host: string;
  readonly port: number;
  readonly protocols: readonly string[];
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
  readonly maxMessageBytes?: number;
  readonly maxFrameBytes?: number;
  readonly maxRetainedBytes?: number;
}

function startEcho({ protocols, ...options }: EchoOptions): Promise<WebSocketServer> {
  return serve(
    {
      ...options,
      // It keeps no secrets and knows nobody: a page that connects learns what it said itself.
      allowedOrigins: 'any',
      // The client's preference counts, where `protocols` would follow ours.
      upgrade: (request) => ({
        data: undefined,
        protocol: request.protocols.find((name) => protocols.includes(name)) ?? '',
      }),
    },
    {
      // A slow reader is waited for: receiving pauses while replies queue (option pauseOnBackpressure).
      message: (connection, message) => void connection.send(message),
    },
  );
}

function limitsOf(text: string | undefined): Partial<EchoOptions> {
  if (text === undefined) return {};
  const maxMessageBytes = parseInteger('--max-message-bytes', text, 1, Number.MAX_SAFE_INTEGER);
  return {
    maxMessageBytes,
    maxFrameBytes: Math.max(maxMessageBytes, defaultLimits.maxFrameBytes),
    maxRetainedBytes: Math.max(maxMessageBytes + retainedOverheadBytes, defaultLimits.maxRetainedBytes),
  };
}

async function readTls(
  certPath: string | undefined,
  keyPath: string | undefined,
): Promise<Pick<EchoOptions, 'tls'>> {
  if (certPath === undefined && keyPath === undefined) return {};
  if (certPath === undefined || keyPath === undefined) {
    throw new UsageError('only one of --tls-cert and --tls-key is given, expected both');
  }
  const [cert, key] = [
    await readOptionFile('--tls-cert', certPath),
    await readOptionFile('--tls-key', keyPath),
  ];
  return { tls: { cert, key } };
}

function requireProtocolName(name: string): string {
  if (isToken(name)) return name;
  throw new UsageError(`--protocol is ${JSON.stringify(name)}, expected a token (RFC 6455 4.1)`);
}

async function cannotListen(error: unknown, io: CommandIo): Promise<number> {
  if (!(error instanceof FullduplexError)) throw error;
  if (error.code === 'WS_OPTION_INVALID') throw new UsageError(error.message);
  await print(io.stderr, `fullduplex: ${error.message}\n`);
  return ExitCode.failed;
}
