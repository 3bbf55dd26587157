// A client on a bare socket: it says what no WebSocket client would say, and reads what came back as bytes.

import { once } from 'node:events';
import { connect as connectSocket, type NetConnectOpts, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions as TlsConnectionOptions } from 'node:tls';

/** A response as it came over the wire. */
export interface RawResponse {
  readonly status: number;
  readonly reason: string;
  /** Names in lower case; repeated ones joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The head as text, without the empty line. */
  readonly head: string;
}

/** The key of every handshake here, and what has to come back for it (RFC 6455 1.3). */
export const sampleKey = 'dGhlIHNhbXBsZSBub25jZQ==';
export const sampleAccept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

/** The head of a handshake that keeps all rules, with other or further headers; undefined leaves one out. */
export function handshake(path = '/', headers: Readonly<Record<string, string | undefined>> = {}): string {
  const all: Record<string, string | undefined> = {
    Host: '127.0.0.1',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': sampleKey,
    'Sec-WebSocket-Version': '13',
    ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== undefined);
  return `GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** A short masked text frame, as clients send it; the key is zero, so the text stands there as it is. */
export function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  if (payload.length > 125) throw new Error('only short frames are made here');
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

/** A masked close frame. */
export function closeFrame(code: number): Buffer {
  return Buffer.from([0x88, 0x82, 0, 0, 0, 0, code >> 8, code & 0xff]);
}

/** One connection. */
export class RawClient implements AsyncDisposable {
  readonly socket: Socket;
  /** Settles when the connection is gone, however that came about. */
  readonly closed: Promise<void>;
  #received: Buffer = Buffer.alloc(0);
  #hasEnded = false;
  #changed: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once('close', () => resolve());
    });
    // Servers cut connections here all the time; what was received until then is what counts.
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#changed();
    });
    const ended = (): void => {
      this.#hasEnded = true;
      this.#changed();
    };
    socket.on('end', ended);
    socket.on('close', ended);
  }

  /** Connects to a port of 127.0.0.1, or to wherever is said. */
  static async open(where: number | NetConnectOpts): Promise<RawClient> {
    const options = typeof where === 'number' ? { port: where, host: '127.0.0.1' } : where;
    const socket = connectSocket({ ...options, allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** Connects over TLS. */
  static async openTls(options: TlsConnectionOptions): Promise<RawClient> {
    const socket = connectTls(options);
    await once(socket, 'secureConnect');
    return new RawClient(socket);
  }

  /** Connects, sends a handshake and reads the response. */
  static async shake(
    where: number | NetConnectOpts,
    path?: string,
    headers?: Readonly<Record<string, string | undefined>>,
  ): Promise<[RawClient, RawResponse]> {
    const client = await RawClient.open(where);
    client.write(handshake(path, headers));
    return [client, await client.response()];
  }

  write(data: string | Uint8Array): void {
    this.socket.write(data);
  }

  /** Takes exactly this many bytes, waiting for them. */
  async bytes(count: number): Promise<Buffer> {
    await this.#until(() => this.#received.length >= count, `${count} bytes`);
    return this.#take(count);
  }

  /** Takes everything until the server ends the connection. */
  async rest(): Promise<string> {
    await this.#until(() => this.#hasEnded, 'the end');
    return this.#take(this.#received.length).toString('latin1');
  }

  /** Takes a response with its body (by Content-Length). */
  async response(method = 'GET'): Promise<RawResponse> {
    await this.#until(() => this.#received.includes('\r\n\r\n'), 'the head of a response');
    const head = this.#take(this.#received.indexOf('\r\n\r\n') + 4)
      .toString('latin1')
      .slice(0, -4);
    const [statusLine, ...lines] = head.split('\r\n');
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
    }
    const length = method === 'HEAD' ? 0 : Number(headers['content-length'] ?? 0);
    const body = (await this.bytes(length)).toString('utf8');
    const [, status, reason] = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(statusLine) ?? [];
    return { status: Number(status), reason, headers, body, head };
  }

  /** Takes a short text message. */
  async text(): Promise<string> {
    const [first, length] = await this.bytes(2);
    if (first !== 0x81) throw new Error(`frame with first byte ${first}, expected a text message`);
    return (await this.bytes(length)).toString('utf8');
  }

  /** Takes a close frame; gives its code. */
  async closeCode(): Promise<number> {
    const [first, length] = await this.bytes(2);
    if (first !== 0x88) throw new Error(`frame with first byte ${first}, expected a close frame`);
    return (await this.bytes(length)).readUInt16BE(0);
  }

  /** Ends the connection with a reset instead of a FIN. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }

  #take(count: number): Buffer {
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return taken;
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    while (!condition()) {
      if (this.#hasEnded) throw new Error(`the server ended the connection, expected ${what}`);
      // One reader at a time, so one callback is enough.
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }
}

/** Lets the loop turn until the condition holds; a test that waits for nothing ends at its timeout. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** A promise and its settling. */
export function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolvePromise) => {
    resolve = resolvePromise;
  });
  return { promise, resolve };
}
