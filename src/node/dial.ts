// Opens the stream of bytes under a client's connection: a name is looked up, TCP or a unix socket is connected, TLS
// is agreed on. Each step says that it began, so that a deadline can name it, and ends at once when the signal says so.

import { isIP, connect as connectSocket, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import { FullduplexError } from '../base/errors.ts';
import { type ClientTlsOptions, type ConnectOptions, defaultConnectOptions } from './connect-options.ts';
import type { ConnectTarget } from './connect-target.ts';
import { certificateInvalid, connectFailed } from './connect-errors.ts';
import { hearRead } from './socket-owner.ts';
import { fastMemory } from './wasm-unmask.ts';

/** What a client is doing until it has its connection. */
export type ConnectPhase = 'lookup' | 'connect' | 'tls' | 'response';

/**
 * Gives the stream, ready to be written to; no 'error' of it is ever unlistened.
 * @param signal its abort destroys the stream; the reason is what is thrown
 * @param reading who reads a plain socket: node:http2 does so below the stream, and must not find it read before
 * @throws FullduplexError `WS_CONNECT_FAILED`, `WS_CERTIFICATE_INVALID`, `WS_OPTION_INVALID`
 */
export async function dial(
  target: ConnectTarget,
  options: ConnectOptions,
  signal: AbortSignal,
  enter: (phase: ConnectPhase) => void,
  reading: 'by us' | 'by node:http2' = 'by us',
): Promise<Duplex> {
  const stream = await openStream(target, options, signal, enter, reading);
  if (!target.isSecure) return stream;
  enter('tls');
  try {
    return await openTls(stream, target, options, signal);
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

/**
 * Reads keys and certificates, once for all attempts.
 * @throws FullduplexError `WS_OPTION_INVALID` when TLS cannot use them
 */
export function makeSecureContext(tls: ClientTlsOptions = {}): SecureContext {
  return tls.secureContext ?? requireUsable('tls', () => createSecureContext(tls));
}

async function openStream(
  target: ConnectTarget,
  options: ConnectOptions,
  signal: AbortSignal,
  enter: (phase: ConnectPhase) => void,
  reading: 'by us' | 'by node:http2',
): Promise<Duplex> {
  if (options.createConnection !== undefined) {
    enter('connect');
    return adopt(options.createConnection, target, signal);
  }
  const { host, port, socketPath } = target;
  enter(socketPath === undefined && isIP(host) === 0 ? 'lookup' : 'connect');
  // All plain sockets read into one memory, one after the other: who hears of it has done with the bytes when it returns
  // (ByteTransport), so that no read needs memory of its own. Takes a tenth to a third off the processor time of receiving
  // (a client that a server floods with messages of 1 KiB, 16 KiB and 1 MiB). TLS reads from its socket in its own way.
  const isReadByUs = reading === 'by us' && !target.isSecure;
  const reads = !isReadByUs ? {} : { onread: { buffer: fastMemory, callback: received } };
  const socket: Socket = requireUsable('socket', () =>
    socketPath === undefined
      ? connectSocket({
          autoSelectFamily: true,
          autoSelectFamilyAttemptTimeout: defaultConnectOptions.autoSelectFamilyAttemptTimeout,
          ...options.socket,
          ...reads,
          host,
          port,
          noDelay: true,
        })
      : connectSocket({ ...reads, path: socketPath }),
  );
  function received(byteLength: number): boolean {
    hearRead(socket, byteLength);
    return true;
  }
  socket.once('lookup', (error: Error | null) => {
    if (error === null) enter('connect');
  });
  await untilOpen(socket, 'connect', signal, (error) => connectFailed(target.label, error));
  return socket;
}

/** Takes a stream that the user made. */
async function adopt(
  createConnection: NonNullable<ConnectOptions['createConnection']>,
  target: ConnectTarget,
  signal: AbortSignal,
): Promise<Duplex> {
  const { host, port, socketPath, isSecure } = target;
  const explain = (error: unknown): FullduplexError => connectFailed(target.label, error);
  // A hook that ignores the signal must not hold us; what it makes too late is destroyed.
  const made = Promise.resolve().then(() => createConnection({ host, port, socketPath, isSecure }, signal));
  const stream = await new Promise<Duplex>((resolve, reject) => {
    const aborted = (): void => {
      made.then(discard, ignore);
      reject(reasonOf(signal));
    };
    signal.addEventListener('abort', aborted, { once: true });
    made
      .then(resolve, (error: unknown) => reject(explain(error)))
      .finally(() => signal.removeEventListener('abort', aborted));
  });
  if (isConnecting(stream)) await untilOpen(stream, 'connect', signal, explain);
  else stream.on('error', ignore);
  return stream;
}

async function openTls(
  stream: Duplex,
  target: ConnectTarget,
  options: ConnectOptions,
  signal: AbortSignal,
): Promise<Duplex> {
  const { host, label } = target;
  // RFC 6066 3: no server name for an address, and no dot at its end.
  const servername = isIP(host) === 0 ? { servername: host.replace(/\.$/, '') } : {};
  const socket = requireUsable('tls', () =>
    connectTls({ host, ALPNProtocols: ['http/1.1'], ...servername, ...options.tls, socket: stream }),
  );
  await untilOpen(socket, 'secureConnect', signal, (error) =>
    // Node declares an Error here; what it sets is null, or the code of the verification that failed.
    socket.authorizationError ? certificateInvalid(host, error) : connectFailed(label, error),
  );
  return socket;
}

/** Waits for the event that says that the stream is open. From here on errors of the stream are listened to. */
function untilOpen(
  stream: Duplex,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
  explain: (error: unknown) => FullduplexError,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (outcome: () => void): void => {
      stream.off(event, opened).off('error', failed).off('close', closed);
      signal.removeEventListener('abort', aborted);
      outcome();
    };
    const opened = (): void => settle(resolve);
    const failed = (error: Error): void => settle(() => reject(explain(error)));
    const closed = (): void => settle(() => reject(explain(new Error('the connection was closed'))));
    const aborted = (): void => {
      stream.destroy();
      settle(() => reject(reasonOf(signal)));
    };
    // The first one stays for good.
    stream.on('error', ignore).on('error', failed).on('close', closed).on(event, opened);
    signal.addEventListener('abort', aborted, { once: true });
    if (signal.aborted) aborted();
  });
}

/** What Node throws at once is a wrong option. */
function requireUsable<T>(option: string, use: () => T): T {
  try {
    return use();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new FullduplexError('WS_OPTION_INVALID', `option ${option} cannot be used: ${message}`, { cause });
  }
}

/** Gives the reason of the abort, which is ours and always an error. */
function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new FullduplexError('WS_ABORTED', 'connecting was aborted');
}

function isConnecting(stream: Duplex): boolean {
  return 'connecting' in stream && stream.connecting === true;
}

function discard(stream: Duplex): void {
  stream.on('error', ignore);
  stream.destroy();
}

// An error of a stream that nobody waits for any more, or that 'close' will tell about.
function ignore(): void {}
