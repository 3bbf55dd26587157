// A small SOCKS5 proxy for tests (RFC 1928, RFC 1929): it makes real connections, and can misbehave: refuse, answer byte
// by byte, name itself by any kind of address, send bytes behind the reply, or never answer.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { write } from './connect-proxy.ts';

export interface SocksProxyOptions {
  /** `user:password` that is demanded. */
  readonly credentials?: string;
  /** The port of 127.0.0.1 that all connections lead to, in place of where they are asked for. */
  readonly leadsTo?: number;
  /** The reply to a request for a host, where it is none that makes a connection. */
  readonly repliesTo?: (host: string) => number | undefined;
  /** What is sent in place of all answers; undefined for nothing at all. */
  readonly answers?: () => string | undefined;
  /** Whether answers go out byte by byte. */
  readonly isSlow?: boolean;
  /** The address that the reply names, from its type on. @defaultValue 0.0.0.0 */
  readonly boundAddress?: string;
  /** What goes out with the reply, as if the server had sent it at once. */
  readonly early?: string;
}

export interface SocksProxy extends AsyncDisposable {
  readonly port: number;
  /** What was asked for: `name example.test:443`, `ipv4 127.0.0.1:80`, `ipv6 ...`. */
  readonly requests: readonly string[];
  /** The credentials that clients gave. */
  readonly credentials: readonly string[];
  /** Every byte that came from clients behind their requests, in Latin-1. */
  tunnelled(): string;
  readonly sockets: readonly Socket[];
}

export async function socksProxy(options: SocksProxyOptions = {}): Promise<SocksProxy> {
  const requests: string[] = [];
  const credentials: string[] = [];
  const sockets: Socket[] = [];
  let tunnelled = '';
  const isSlow = options.isSlow === true;

  const serveClient = async (socket: Socket): Promise<void> => {
    const reader = new Reader(socket);
    if (options.answers !== undefined) {
      await reader.take(3);
      const text = options.answers();
      if (text !== undefined) write(socket, text, isSlow);
      return;
    }
    const [, methodCount = 0] = await reader.take(2);
    const methods = await reader.take(methodCount);
    const method = options.credentials === undefined ? 0 : 2;
    if (!methods.includes(method)) {
      socket.end(Buffer.from([5, 0xff]));
      return;
    }
    write(socket, latin1(5, method), isSlow);
    if (method === 2) {
      const [, userLength = 0] = await reader.take(2);
      const user = await reader.take(userLength);
      const [passwordLength = 0] = await reader.take(1);
      const given = `${user.toString()}:${(await reader.take(passwordLength)).toString()}`;
      credentials.push(given);
      write(socket, latin1(1, given === options.credentials ? 0 : 1), isSlow);
      if (given !== options.credentials) return;
    }
    const [, , , type = 0] = await reader.take(4);
    const { kind, host } = await readAddress(reader, type);
    const port = (await reader.take(2)).readUInt16BE();
    requests.push(`${kind} ${host}:${port}`);
    const reply = options.repliesTo?.(host);
    if (reply !== undefined) {
      write(socket, latin1(5, reply, 0, 1, 0, 0, 0, 0, 0, 0), isSlow, () => socket.end());
      return;
    }
    const upstream = connect(options.leadsTo ?? port, '127.0.0.1');
    sockets.push(upstream);
    upstream.on('error', () => socket.end(Buffer.from([5, 5, 0, 1, 0, 0, 0, 0, 0, 0])));
    await once(upstream, 'connect');
    const bound = options.boundAddress ?? latin1(1, 0, 0, 0, 0);
    write(socket, `${latin1(5, 0, 0)}${bound}${latin1(0, 0)}${options.early ?? ''}`, isSlow, () => {
      reader.release();
      socket.on('data', (chunk: Buffer) => {
        tunnelled += chunk.toString('latin1');
      });
      socket.pipe(upstream).pipe(socket);
      for (const end of [socket, upstream])
        end.on('close', () => [socket, upstream].map((each) => each.destroy()));
    });
  };

  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    // A client that hangs up in the middle of its request.
    serveClient(socket).catch(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    credentials,
    sockets,
    tunnelled: () => tunnelled,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function readAddress(reader: Reader, type: number): Promise<{ kind: string; host: string }> {
  if (type === 1) return { kind: 'ipv4', host: (await reader.take(4)).join('.') };
  if (type === 4) return { kind: 'ipv6', host: (await reader.take(16)).toString('hex') };
  const [length = 0] = await reader.take(1);
  return { kind: 'name', host: (await reader.take(length)).toString('latin1') };
}

export function latin1(...bytes: number[]): string {
  return Buffer.from(bytes).toString('latin1');
}

/** Reads a socket by counts of bytes. */
class Reader {
  readonly #socket: Socket;
  #buffered: Buffer = Buffer.alloc(0);
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', this.#received);
    socket.on('close', () => this.#wake());
  }

  readonly #received = (chunk: Buffer): void => {
    this.#buffered = Buffer.concat([this.#buffered, chunk]);
    this.#wake();
  };

  async take(count: number): Promise<Buffer> {
    while (this.#buffered.length < count) {
      if (this.#socket.destroyed) throw new Error('the client is gone');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const taken = this.#buffered.subarray(0, count);
    this.#buffered = this.#buffered.subarray(count);
    return taken;
  }

  /** Gives the socket back, with what was not taken. */
  release(): void {
    this.#socket.off('data', this.#received).pause();
    if (this.#buffered.length > 0) this.#socket.unshift(this.#buffered);
  }
}
