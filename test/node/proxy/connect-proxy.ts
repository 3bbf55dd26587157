// A small HTTP CONNECT proxy for tests, on bare sockets: it makes real tunnels, and can misbehave in every way that a
// proxy can: answer anything, byte by byte, with bytes behind the answer, or never.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

export interface ConnectProxyOptions {
  /** Given: the proxy speaks TLS. */
  readonly tls?: TlsOptions;
  /** `user:password` that Proxy-Authorization has to have; others get a 407. */
  readonly credentials?: string;
  /** The port of 127.0.0.1 that all tunnels lead to, in place of where they are asked for. */
  readonly leadsTo?: number;
  /** What is answered in place of making a tunnel; undefined for nothing at all. */
  readonly answers?: (head: string, socket: Socket) => string | undefined;
  /** Whether the answer goes out byte by byte. */
  readonly isSlow?: boolean;
  /** What goes out with the answer, as if the server had sent it at once. */
  readonly early?: string;
}

export interface ConnectProxy extends AsyncDisposable {
  readonly port: number;
  /** The heads of all requests. */
  readonly heads: readonly string[];
  /** Every byte that came from clients behind the heads, in Latin-1. */
  tunnelled(): string;
  /** All connections of clients. */
  readonly sockets: readonly Socket[];
}

export async function connectProxy(options: ConnectProxyOptions = {}): Promise<ConnectProxy> {
  const heads: string[] = [];
  const sockets: Socket[] = [];
  const upstreams: Socket[] = [];
  let tunnelled = '';
  const connected = (socket: Socket): void => {
    sockets.push(socket);
    // Clients cut connections here all the time.
    socket.on('error', () => undefined);
    let head = '';
    const received = (chunk: Buffer): void => {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', received).pause();
      heads.push(head.slice(0, head.indexOf('\r\n\r\n')));
      answer(head, socket);
    };
    socket.on('data', received);
  };
  const answer = (head: string, socket: Socket): void => {
    if (options.answers !== undefined) {
      const text = options.answers(head, socket);
      socket.resume();
      if (text !== undefined) write(socket, text, options.isSlow === true);
      return;
    }
    const expected = `Basic ${Buffer.from(options.credentials ?? '').toString('base64')}`;
    const given = /^proxy-authorization: (.*)\r$/im.exec(head)?.[1];
    if (options.credentials !== undefined && given !== expected) {
      socket.end(
        'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="test"\r\nContent-Length: 7\r\n\r\nwho?!?\n',
      );
      return;
    }
    const authority = head.split(' ', 2)[1] ?? '';
    const port = options.leadsTo ?? Number(authority.slice(authority.lastIndexOf(':') + 1));
    const upstream = connect(port, '127.0.0.1');
    upstreams.push(upstream);
    upstream.on('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'));
    upstream.on('connect', () => {
      write(
        socket,
        `HTTP/1.1 200 Connection established\r\n\r\n${options.early ?? ''}`,
        options.isSlow === true,
        () => {
          socket.on('data', (chunk: Buffer) => {
            tunnelled += chunk.toString('latin1');
          });
          socket.pipe(upstream).pipe(socket);
          for (const end of [socket, upstream])
            end.on('close', () => [socket, upstream].map((each) => each.destroy()));
        },
      );
    });
  };
  const server =
    options.tls === undefined ? createServer(connected) : createTlsServer(options.tls, connected);
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    heads,
    sockets,
    tunnelled: () => tunnelled,
    [Symbol.asyncDispose]: async () => {
      for (const socket of [...sockets, ...upstreams]) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Writes the text, byte by byte if that is asked for, each in a turn of its own. */
export function write(
  socket: Socket,
  text: string,
  isSlow: boolean,
  written: () => void = () => undefined,
): void {
  const bytes = Buffer.from(text, 'latin1');
  if (!isSlow) {
    socket.write(bytes, written);
    return;
  }
  socket.setNoDelay(true);
  const writeNext = (index: number): void => {
    if (index === bytes.length) written();
    else socket.write(bytes.subarray(index, index + 1), () => setImmediate(writeNext, index + 1));
  };
  writeNext(0);
}
