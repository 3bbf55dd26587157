// A server that answers an opening handshake with whatever a test wants, on bare sockets: what a sound WebSocket
// server would never say can be said here.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type ListenOptions, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

/** A connection at the server's end, and the request head that came over it. */
export interface Visit {
  readonly socket: Socket;
  /** The request head as it was received, without the empty line. */
  readonly head: string;
  /** What Sec-WebSocket-Accept has to be. */
  readonly accept: string;
}

export interface RawServer extends AsyncDisposable {
  readonly port: number;
  /** Every connection so far, from the moment TCP (or TLS) was there. */
  readonly sockets: readonly Socket[];
  /** The next connection, before any byte. */
  nextSocket(): Promise<Socket>;
  /** The next request. */
  nextVisit(): Promise<Visit>;
}

/** The answer that opens a connection, with further header lines. */
export function accepting(visit: Visit, ...lines: string[]): string {
  const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  return [...head, `Sec-WebSocket-Accept: ${visit.accept}`, ...lines, '', ''].join('\r\n');
}

/** Listens; calls `visited` when the head of a request is complete. */
export async function rawServer(
  visited: (visit: Visit) => void,
  listenOptions: ListenOptions = { port: 0, host: '127.0.0.1' },
  tls?: TlsOptions,
): Promise<RawServer> {
  const sockets: Socket[] = [];
  const waiting: ((socket: Socket) => void)[] = [];
  const waitingForVisit: ((visit: Visit) => void)[] = [];
  const connected = (socket: Socket): void => {
    sockets.push(socket);
    waiting.shift()?.(socket);
    // Clients cut connections here all the time.
    socket.on('error', () => undefined);
    let received = '';
    socket.on('data', (chunk: Buffer) => {
      const isDone = received.includes('\r\n\r\n');
      received += chunk.toString('latin1');
      const end = received.indexOf('\r\n\r\n');
      if (isDone || end === -1) return;
      const key = /^sec-websocket-key: (.*)$/im.exec(received)?.[1] ?? '';
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      const visit = { socket, head: received.slice(0, end), accept };
      visited(visit);
      waitingForVisit.shift()?.(visit);
    });
  };
  const server = tls === undefined ? createServer(connected) : createTlsServer(tls, connected);
  server.on('tlsClientError', () => undefined);
  server.listen(listenOptions);
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'string' ? 0 : (address as AddressInfo).port,
    sockets,
    nextSocket: () => new Promise((resolve) => void waiting.push(resolve)),
    nextVisit: () => new Promise((resolve) => void waitingForVisit.push(resolve)),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = await rawServer(() => undefined);
  const { port } = server;
  await server[Symbol.asyncDispose]();
  return port;
}

/** What the promise is rejected with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('the promise was fulfilled, expected a rejection');
}

/** Waits until a socket is closed, however it ends. */
export async function untilClosed(socket: Socket | undefined): Promise<void> {
  if (socket === undefined || socket.closed) return;
  await new Promise((resolve) => socket.once('close', resolve));
}
