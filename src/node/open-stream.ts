// Opens a stream of bytes to one place without anything on top: TCP, a unix socket, or what the user's hook makes.

import { isIP, connect as connectSocket, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ignore, requireUsable, untilAborted, untilOpen } from './abortable.ts';
import { connectFailed, type EnterPhase } from './connect-errors.ts';
import { type ConnectOptions, defaultConnectOptions } from './connect-options.ts';
import type { DialTarget } from './connect-target.ts';
import { hearRead } from './socket-owner.ts';
import { fastMemory } from './wasm-unmask.ts';

/** A place to open a stream to. */
export interface Place extends DialTarget {
  /** The place in words, for messages. */
  readonly label: string;
}

/**
 * Gives the open stream; no 'error' of it is ever unlistened.
 * @param reading who reads a plain socket: node:http2 does so below the stream, and must not find it read before
 * @throws FullduplexError `WS_CONNECT_FAILED`, `WS_OPTION_INVALID`, or the reason of the abort
 */
export async function openStream(
  place: Place,
  options: ConnectOptions,
  signal: AbortSignal,
  enter: EnterPhase,
  reading: 'by us' | 'by node:http2' = 'by us',
): Promise<Duplex> {
  const { host, port, socketPath, label } = place;
  if (options.createConnection !== undefined) {
    enter('connect', label);
    return adopt(options.createConnection, place, signal);
  }
  enter(socketPath === undefined && isIP(host) === 0 ? 'lookup' : 'connect', label);
  // All plain sockets read into one memory, one after the other: who hears of it has done with the bytes when it returns
  // (ByteTransport), so that no read needs memory of its own. Takes a tenth to a third off the processor time of receiving
  // (a client that a server floods with messages of 1 KiB, 16 KiB and 1 MiB). TLS reads from its socket in its own way.
  const isReadByUs = reading === 'by us' && !place.isSecure;
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
    if (error === null) enter('connect', label);
  });
  await untilOpen(socket, 'connect', signal, (error) => connectFailed(label, error));
  return socket;
}

/** Takes a stream that the user made. */
async function adopt(
  createConnection: NonNullable<ConnectOptions['createConnection']>,
  { host, port, socketPath, isSecure, label }: Place,
  signal: AbortSignal,
): Promise<Duplex> {
  const explain = (error: unknown): Error => connectFailed(label, error);
  // A hook that ignores the signal must not hold us; what it makes too late is destroyed.
  const made = Promise.resolve()
    .then(() => createConnection({ host, port, socketPath, isSecure }, signal))
    .catch((error: unknown) => {
      throw explain(error);
    });
  const stream = await untilAborted(made, signal, discard);
  if (isConnecting(stream))
    await untilOpen(stream, 'connect', signal, (error) => connectFailed(label, error));
  else stream.on('error', ignore);
  return stream;
}

function isConnecting(stream: Duplex): boolean {
  return 'connecting' in stream && stream.connecting === true;
}

function discard(stream: Duplex): void {
  stream.on('error', ignore);
  stream.destroy();
}
