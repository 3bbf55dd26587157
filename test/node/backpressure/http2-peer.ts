// A peer over HTTP/2: one extended CONNECT of node:http2 (RFC 8441) and frames by hand, because `ws` has no HTTP/2. It
// masks with zeros, takes whole and fragmented messages, and knows no control frames: nobody here sends any.

import { once } from 'node:events';
import {
  connect,
  createSecureServer,
  type ClientHttp2Session,
  type Http2SecureServer,
  type Http2Stream,
} from 'node:http2';
import type { Certificate } from '../certificate.ts';

/** As much of a peer's WebSocket as these tests use. */
export interface PeerSocket {
  /** Bytes that have not left the peer. */
  readonly bufferedAmount: number;
  send(bytes: Uint8Array): void;
  pause(): void;
  resume(): void;
  terminate(): void;
}

/** A WebSocket on a stream of HTTP/2. */
export class Http2Peer implements PeerSocket {
  /** Hears every message. */
  onMessage: (bytes: Buffer) => void = () => undefined;
  readonly #stream: Http2Stream;
  readonly #maskBit: 0 | 0x80;
  #input: Buffer[] = [];
  #inputBytes = 0;
  readonly #fragments: Buffer[] = [];

  constructor(stream: Http2Stream, role: 'server' | 'client') {
    this.#stream = stream;
    this.#maskBit = role === 'client' ? 0x80 : 0;
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => {
      this.#input.push(chunk);
      this.#inputBytes += chunk.length;
      while (this.#takeFrame());
    });
  }

  get bufferedAmount(): number {
    return this.#stream.writableLength;
  }

  send(bytes: Uint8Array): void {
    const header = Buffer.alloc(this.#maskBit === 0 ? 10 : 14);
    header[0] = 0x82;
    // Always the length of 64 bits would break RFC 6455 5.2.
    const isShort = bytes.length < 126;
    const isMiddle = !isShort && bytes.length < 65_536;
    let lengthBytes = 0;
    if (isShort) header[1] = this.#maskBit | bytes.length;
    else if (isMiddle) {
      header[1] = this.#maskBit | 126;
      lengthBytes = header.writeUInt16BE(bytes.length, 2) - 2;
    } else {
      header[1] = this.#maskBit | 127;
      lengthBytes = header.writeBigUInt64BE(BigInt(bytes.length), 2) - 2;
    }
    const end = 2 + lengthBytes + (this.#maskBit === 0 ? 0 : 4);
    this.#stream.write(Buffer.concat([header.subarray(0, end), bytes]));
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  terminate(): void {
    this.#stream.destroy();
  }

  /** Takes a frame from what has come, if it is there as a whole. */
  #takeFrame(): boolean {
    if (this.#inputBytes < 14 && this.#input.length > 1) this.#join();
    const [first] = this.#input;
    if (first === undefined || first.length < 2) return false;
    const isMasked = (first[1] & 0x80) !== 0;
    const short = first[1] & 0x7f;
    const lengthEnd = short === 127 ? 10 : short === 126 ? 4 : 2;
    const start = lengthEnd + (isMasked ? 4 : 0);
    if (this.#inputBytes < start) return false;
    if (first.length < start) this.#join();
    const head = this.#input[0];
    const length =
      short === 127 ? Number(head.readBigUInt64BE(2)) : short === 126 ? head.readUInt16BE(2) : short;
    if (this.#inputBytes < start + length) return false;
    this.#join();
    const [all] = this.#input;
    const payload = Buffer.from(all.subarray(start, start + length));
    if (isMasked) {
      const key = all.subarray(lengthEnd, start);
      for (let index = 0; index < length; index++) payload[index] ^= key[index & 3];
    }
    const rest = all.subarray(start + length);
    this.#input = rest.length === 0 ? [] : [rest];
    this.#inputBytes = rest.length;
    this.#fragments.push(payload);
    if ((all[0] & 0x80) !== 0) this.onMessage(Buffer.concat(this.#fragments.splice(0)));
    return true;
  }

  #join(): void {
    if (this.#input.length > 1) this.#input = [Buffer.concat(this.#input)];
  }
}

/** Opens a WebSocket on a server of ours. */
export async function openOverHttp2(
  url: string,
  { cert }: Certificate,
): Promise<{ peer: Http2Peer; session: ClientHttp2Session }> {
  const { host } = new URL(url);
  const session = connect(`https://${host}`, { ca: cert });
  session.on('error', () => undefined);
  await once(session, 'remoteSettings');
  const stream = session.request(
    {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'https',
      ':path': '/',
      ':authority': host,
      'sec-websocket-version': '13',
    },
    { endStream: false },
  );
  const [headers] = await once(stream, 'response');
  if (headers[':status'] !== 200) throw new Error(`status ${headers[':status']}, expected 200`);
  return { peer: new Http2Peer(stream, 'client'), session };
}

/** A server that takes WebSockets over HTTP/2 only; `opened` hears of each. */
export function http2PeerServer(
  { key, cert }: Certificate,
  opened: (peer: Http2Peer) => void,
): Http2SecureServer {
  const server = createSecureServer({ key, cert, settings: { enableConnectProtocol: true } });
  server.on('session', (session) => session.on('error', () => undefined));
  server.on('stream', (stream, headers) => {
    if (headers[':protocol'] !== 'websocket') {
      stream.respond({ ':status': 404 }, { endStream: true });
      return;
    }
    stream.respond({ ':status': 200 });
    opened(new Http2Peer(stream, 'server'));
  });
  return server;
}
