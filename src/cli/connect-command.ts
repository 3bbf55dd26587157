// `fullduplex connect URL`: a terminal at one end of a WebSocket connection, for people and for scripts.

import type { Readable } from 'node:stream';
import { FullduplexError } from '../base/errors.ts';
import type { Connection } from '../connection/connection.ts';
import type { ClosedInfo } from '../connection/end-reason.ts';
import { ProxyError } from '../connection/proxy-error.ts';
import type { Message } from '../connection/message-transport.ts';
import { connect } from '../node/connect.ts';
import type { ConnectOptions } from '../node/connect-options.ts';
import { HandshakeError } from '../protocol/handshake/handshake-error.ts';
import { type CommandIo, ExitCode, print, UsageError } from './command-io.ts';
import { parseCommandLine, parseInteger, parseSeconds, readOptionFile } from './command-line.ts';

const connectUsage: string = `Usage: fullduplex connect URL [options]

Connects to ws:, wss:, http:, https: or ws+unix:/path/to.sock:/request/path, prints each message that arrives, and sends
each line that is typed or piped in as a message. Ctrl-D, or the end of the piped input, closes the connection with
1000 after --wait; Ctrl-C closes it at once.

Text is printed as lines. Binary messages are printed as a line of hex digits, or as they are with --raw. In a terminal
each message has a "< " before it, and control characters are made visible.

Options:
  -H, --header 'NAME: VALUE'  add a header to the request; may be repeated
  -p, --protocol NAME         offer a subprotocol; may be repeated
      --origin ORIGIN         send an Origin header
      --binary                send lines as binary messages (default: text)
      --raw                   print binary messages as they are, without hex digits and line ends
      --wait SECONDS          how long to wait for replies at the end of the input, or forever (default: 1)
      --timeout SECONDS       how long connecting may take (default: 10)
      --proxy URL             go through this proxy: http:, https:, socks5: or socks5h:, or none (default: as HTTPS_PROXY,
                              HTTP_PROXY, ALL_PROXY and NO_PROXY say)
      --redirects N           how many redirects to follow, 0 to 20 (default: 0)
      --ca FILE               trust the authorities in this PEM file
      --insecure              trust any certificate: whoever stands between can read and change everything
  -h, --help                  print this

Exit codes:
  0  the connection was closed normally: 1000, 1001, or without a code
  1  wrong usage
  2  there was no connection: unreachable, refused, timeout, certificate
  3  the connection ended in any other way
`;

const optionsConfig = {
  header: { type: 'string', short: 'H', multiple: true },
  protocol: { type: 'string', short: 'p', multiple: true },
  origin: { type: 'string' },
  binary: { type: 'boolean' },
  raw: { type: 'boolean' },
  wait: { type: 'string' },
  timeout: { type: 'string' },
  proxy: { type: 'string' },
  redirects: { type: 'string' },
  ca: { type: 'string' },
  insecure: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** How long the end of the input waits for replies. */
const defaultWaitMs = 1000;

/** Runs the command. @throws UsageError */
export async function runConnect(args: readonly string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseCommandLine(args, optionsConfig);
  if (values.help === true) {
    await print(io.stdout, connectUsage);
    return ExitCode.ok;
  }
  const [url, ...extra] = positionals;
  if (url === undefined) throw new UsageError('URL is missing, expected one such as ws://localhost:9001');
  if (extra.length > 0)
    throw new UsageError(`there is ${JSON.stringify(extra[0])} behind the URL, expected options only`);
  const waitMs = values.wait === undefined ? defaultWaitMs : parseWait(values.wait);
  const options: ConnectOptions = {
    headers: (values.header ?? []).map(parseHeader),
    protocols: values.protocol ?? [],
    ...(values.origin === undefined ? {} : { origin: values.origin }),
    ...(values.timeout === undefined
      ? {}
      : { handshakeTimeoutMs: parseSeconds('--timeout', values.timeout, 1) }),
    ...(values.proxy === undefined ? {} : { proxy: values.proxy === 'none' ? false : values.proxy }),
    ...(values.redirects === undefined
      ? {}
      : { maxRedirects: parseInteger('--redirects', values.redirects, 0, 20) }),
    tls: {
      ...(values.ca === undefined ? {} : { ca: await readOptionFile('--ca', values.ca) }),
      ...(values.insecure === true ? { rejectUnauthorized: false } : {}),
    },
    signal: io.signal,
  };
  let connection: Connection;
  try {
    connection = await connect(url, options);
  } catch (error) {
    return notConnected(error, io);
  }
  return converse(connection, io, { waitMs, isBinary: values.binary === true, isRaw: values.raw === true });
}

interface Conversation {
  readonly waitMs: number;
  readonly isBinary: boolean;
  readonly isRaw: boolean;
}

/** Sends and prints until the connection is gone. */
async function converse(
  connection: Connection,
  io: CommandIo,
  { waitMs, isBinary, isRaw }: Conversation,
): Promise<number> {
  if (io.stdin.isTTY === true) {
    const protocol = connection.protocol === '' ? '' : ` (${connection.protocol})`;
    await print(io.stderr, `connected${protocol}; a line and Enter sends it, Ctrl-D closes\n`);
  }
  const close = (): void => void connection.close();
  io.signal.addEventListener('abort', close, { once: true });
  if (io.signal.aborted) close();
  const sending = sendLines(connection, io, isBinary, waitMs);
  for await (const message of connection) await print(io.stdout, formatMessage(message, io, isRaw));
  const info = await connection.closed;
  io.signal.removeEventListener('abort', close);
  // Whatever is still to come in has nowhere to go.
  io.stdin.destroy();
  await sending;
  if (isNormal(info)) return ExitCode.ok;
  await print(io.stderr, `fullduplex: ${describeEnd(info)}\n`);
  return ExitCode.abnormalClose;
}

async function sendLines(
  connection: Connection,
  io: CommandIo,
  isBinary: boolean,
  waitMs: number,
): Promise<void> {
  try {
    for await (const line of linesOf(io.stdin)) {
      if (!(await connection.send(isBinary ? line : line.toString('utf8')))) return;
    }
  } catch (error) {
    // Destroyed by us because the connection is gone.
    if (connection.readyState === 'closed') return;
    await print(
      io.stderr,
      `fullduplex: the input failed: ${error instanceof Error ? error.message : String(error)}\n`,
    );
  }
  await pause(connection, io, waitMs);
  await connection.close();
}

/** Waits for replies, no longer than there can be any. */
function pause(connection: Connection, io: CommandIo, waitMs: number): Promise<void> {
  if (waitMs === 0) return Promise.resolve();
  if (waitMs === Infinity) return connection.closed.then(() => undefined);
  return new Promise((resolve) => {
    const timer = io.clock.setTimer(resolve, waitMs);
    void connection.closed.then(() => {
      timer.cancel();
      resolve();
    });
  });
}

/** Gives the lines without their ends; a last line without an end counts. */
async function* linesOf(input: Readable): AsyncGenerator<Buffer, void, undefined> {
  let pieces: Buffer[] = [];
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk);
    let start = 0;
    for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, start)) {
      yield withoutReturn(Buffer.concat([...pieces, bytes.subarray(start, end)]));
      pieces = [];
      start = end + 1;
    }
    if (start < bytes.length) pieces.push(bytes.subarray(start));
  }
  if (pieces.length > 0) yield withoutReturn(Buffer.concat(pieces));
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
}

function formatMessage(message: Message, io: CommandIo, isRaw: boolean): string | Uint8Array {
  const isTerminal = io.stdout.isTTY === true;
  if (typeof message !== 'string') {
    if (isRaw) return message;
    const hex = Buffer.from(message.buffer, message.byteOffset, message.byteLength).toString('hex');
    return isTerminal ? `< ${message.length} bytes: ${hex}\n` : `${hex}\n`;
  }
  return isTerminal ? `< ${message.replace(controlCharacters, showCharacter)}\n` : `${message}\n`;
}

// A server must not be able to move the cursor or rename the window of whoever looks at its messages.
// oxlint-disable-next-line no-control-regex
const controlCharacters = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

function showCharacter(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

function isNormal({ clean, code }: ClosedInfo): boolean {
  return clean && (code === 1000 || code === 1001 || code === 1005);
}

function describeEnd({ code, reason, by, cause }: ClosedInfo): string {
  const who = { local: 'this side', remote: 'the server', transport: 'the network' }[by];
  const said = reason === '' ? '' : ` ${JSON.stringify(reason)}`;
  return `${who} ended the connection with ${code}${said}${cause === undefined ? '' : `: ${cause.message}`}`;
}

async function notConnected(error: unknown, io: CommandIo): Promise<number> {
  if (!(error instanceof FullduplexError)) throw error;
  if (error.code === 'WS_URL_INVALID' || error.code === 'WS_OPTION_INVALID')
    throw new UsageError(error.message);
  // What the server, or a proxy, says about its refusal is for people to read.
  const isAnswer = error instanceof HandshakeError || error instanceof ProxyError;
  const body = isAnswer && error.body !== undefined ? error.body.trim() : '';
  const shown = body === '' ? '' : `${body.replace(controlCharacters, showCharacter)}\n`;
  const hint =
    error.code === 'WS_CERTIFICATE_INVALID'
      ? '--ca FILE names an authority to trust; --insecure accepts any certificate\n'
      : '';
  await print(io.stderr, `fullduplex: ${error.message}\n${hint}${shown}`);
  return ExitCode.failed;
}

function parseHeader(text: string): [string, string] {
  const colon = text.indexOf(':');
  if (colon < 1) throw new UsageError(`--header is ${JSON.stringify(text)}, expected 'NAME: VALUE'`);
  return [text.slice(0, colon), text.slice(colon + 1).trim()];
}

function parseWait(text: string): number {
  return text === 'forever' ? Infinity : parseSeconds('--wait', text, 0);
}
