// HTTP/2 by hand for the tests of our server: a session of node:http2 on which streams are opened with whatever fields a
// test wants, and what comes back is looked at as it is.

import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { EndpointOptions, ServerOptions } from '../../../src/server/server-options.ts';
import { deferred } from '../raw-client.ts';

/** What tests say about a server of ours beside where it listens. */
export type ServerSettings = ServerOptions &
  EndpointOptions<unknown> & { readonly path?: string; readonly http2?: boolean };

/** A stream and what came back on it. */
export class RawStream {
  readonly stream: ClientHttp2Stream;
  /** The fields of the response; rejects when the stream ends without one. */
  readonly response: Promise<IncomingHttpHeaders>;
  /** Settles with the code of RST_STREAM, 0 for none. */
  readonly closed: Promise<number>;
  /** Whether the server has ended its side with END_STREAM. */
  hasEnded = false;
  #received: Buffer = Buffer.alloc(0);
  #changed: () => void = () => undefined;

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream;
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#changed();
    });
    stream.on('end', () => {
      this.hasEnded = !stream.rstCode;
      this.#changed();
    });
    this.closed = new Promise((resolve) => {
      stream.once('close', () => {
        this.#changed();
        resolve(stream.rstCode);
      });
    });
    this.response = new Promise((resolve, reject) => {
      stream.once('response', (headers) => resolve(headers));
      stream.once('close', () => reject(new Error(`no response, reset with ${stream.rstCode}`)));
    });
    // Tests that look at the end only need no response.
    this.response.catch(() => undefined);
  }

  /** Takes so many bytes. */
  async bytes(count: number): Promise<Buffer> {
    while (this.#received.length < count) {
      if (this.hasEnded || this.stream.destroyed)
        throw new Error(`the stream ended, expected ${count} bytes`);
      const { promise, resolve } = deferred<void>();
      this.#changed = () => resolve();
      await promise;
    }
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return taken;
  }

  /** Takes a short text message. */
  async text(): Promise<string> {
    const [first, length] = await this.bytes(2);
    if (first !== 0x81) throw new Error(`frame with first byte ${first}, expected a text message`);
    return (await this.bytes(length)).toString('utf8');
  }

  /** Resets the stream: both calls in one turn, because close() alone would send END_STREAM before. */
  reset(): void {
    this.stream.close(constants.NGHTTP2_CANCEL);
    this.stream.destroy();
  }

  /** Takes a close frame; gives its code. */
  async closeCode(): Promise<number> {
    const [first, length] = await this.bytes(2);
    if (first !== 0x88) throw new Error(`frame with first byte ${first}, expected a close frame`);
    return (await this.bytes(length)).readUInt16BE(0);
  }

  /** Takes everything until the stream ends, as text. */
  async body(): Promise<string> {
    await this.closed;
    return this.#received.toString('utf8');
  }
}

/** A session with a server on 127.0.0.1. */
export class RawSession implements AsyncDisposable {
  readonly session: ClientHttp2Session;
  /** The code of the GOAWAY that the server sent, if it sent one. */
  goawayCode: number | undefined;
  readonly #origin: string;

  private constructor(session: ClientHttp2Session, origin: string) {
    this.session = session;
    this.#origin = origin;
    session.on('error', () => undefined);
    session.on('goaway', (code) => {
      this.goawayCode = code;
    });
  }

  /** Opens a session and waits for the settings of the server. */
  static async open(port: number, isSecure = true): Promise<RawSession> {
    const origin = `${isSecure ? 'https' : 'http'}://127.0.0.1:${port}`;
    const raw = new RawSession(connect(origin, { rejectUnauthorized: false }), origin);
    await once(raw.session, 'remoteSettings');
    return raw;
  }

  /** Opens a stream with an extended CONNECT that keeps all rules, with other or further fields; undefined leaves one out. */
  open(path = '/', fields: Readonly<Record<string, string | undefined>> = {}): RawStream {
    const all: Record<string, string | undefined> = {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': this.#origin.startsWith('https') ? 'https' : 'http',
      ':path': path,
      ':authority': new URL(this.#origin).host,
      'sec-websocket-version': '13',
      ...fields,
    };
    const given = Object.entries(all).filter(([, value]) => value !== undefined);
    return this.request(Object.fromEntries(given));
  }

  /** Sends any request; it is not ended. */
  request(fields: OutgoingHttpHeaders): RawStream {
    return new RawStream(this.session.request(fields, { endStream: false }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.session.destroyed) return;
    const closed = once(this.session, 'close');
    this.session.destroy();
    await closed;
  }
}
