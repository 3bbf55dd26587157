// The other side of the process that is measured: `ws`, which shares no code with us, as a client or as a server, over
// TCP, TLS or a unix socket, with compression or without; over HTTP/2 the peer of http2-peer.ts.

import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket, WebSocketServer } from 'ws';
import { type Certificate, selfSignedCertificate } from '../certificate.ts';
import { Http2Peer, http2PeerServer, openOverHttp2, type PeerSocket } from './http2-peer.ts';
import { faultOf, numbered } from './numbered.mjs';
import { deferred } from '../raw-client.ts';
import { pause, Subject, type SubjectConfig, until } from './subject.ts';

/** How both sides are joined. */
export interface Road {
  readonly name: string;
  readonly isSecure: boolean;
  readonly isUnix: boolean;
  readonly isDeflated: boolean;
  readonly isHttp2: boolean;
}

const plain = { isSecure: false, isUnix: false, isDeflated: false, isHttp2: false };
export const tcp: Road = { ...plain, name: 'TCP' };
export const otherRoads: readonly Road[] = [
  { ...plain, name: 'TLS', isSecure: true },
  { ...plain, name: 'a unix socket', isUnix: true },
  { ...plain, name: 'TCP with compression', isDeflated: true },
  { ...plain, name: 'TLS with compression', isSecure: true, isDeflated: true },
  { ...plain, name: 'HTTP/2', isSecure: true, isHttp2: true },
];

let certificate: Certificate | undefined;

/** One peer, and the subject that it is joined with. */
export class Pair implements AsyncDisposable {
  readonly subject: Subject;
  readonly socket: PeerSocket;
  /** How many numbered messages have come, and what was wrong with the first that was not as expected. */
  received = 0;
  fault: string | undefined;
  /** Whole messages as they came, where the test looks at them itself. */
  onMessage: (bytes: Buffer) => void = (bytes) => {
    this.fault ??= faultOf(bytes, this.received);
    this.received++;
  };
  #sent = 0;
  readonly #close: () => Promise<void>;

  private constructor(subject: Subject, socket: WebSocket | Http2Peer, close: () => Promise<void>) {
    this.subject = subject;
    this.socket = socket;
    this.#close = close;
    if (socket instanceof Http2Peer) {
      socket.onMessage = (bytes) => this.onMessage(bytes);
      return;
    }
    socket.on('error', () => undefined);
    socket.on('message', (bytes: Buffer) => this.onMessage(bytes));
  }

  /** Starts a subject and joins it with a peer. */
  static async join(road: Road, config: SubjectConfig): Promise<Pair> {
    if (road.isHttp2) return Pair.#joinOverHttp2(config);
    const folder = mkdtempSync(join(tmpdir(), 'fullduplex-'));
    const socketPath = road.isUnix ? join(folder, 'peer.sock') : undefined;
    if (road.isSecure) certificate ??= selfSignedCertificate();
    const perMessageDeflate = road.isDeflated ? { perMessageDeflate: true } : {};
    const maxPayload = 64 * 1024 * 1024;
    const peerDeflate = road.isDeflated
      ? { perMessageDeflate: { threshold: 0 } }
      : { perMessageDeflate: false };
    if (config.role === 'server') {
      const tls = road.isSecure && certificate !== undefined ? { tls: certificate } : {};
      const options = { ...config.options, ...perMessageDeflate, ...tls };
      const subject = await Subject.start({ ...config, socketPath, options });
      const url = socketPath === undefined ? subject.url : `ws+unix:${socketPath}:/`;
      const ca = road.isSecure ? { ca: certificate?.cert } : {};
      const socket = new WebSocket(url, { ...peerDeflate, ...ca, maxPayload });
      await once(socket, 'open');
      return new Pair(subject, socket, () => removed(folder));
    }
    const http = road.isSecure ? createTlsServer(certificate ?? {}) : createHttpServer();
    const server = new WebSocketServer({ server: http, ...peerDeflate, maxPayload });
    await once(socketPath === undefined ? http.listen(0, '127.0.0.1') : http.listen(socketPath), 'listening');
    const address = http.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const options = {
      ...config.options,
      ...perMessageDeflate,
      ...(certificate === undefined || !road.isSecure ? {} : { tls: { ca: certificate.cert } }),
    };
    const [subject, socket] = await Promise.all([
      Subject.start({
        ...config,
        url: `${road.isSecure ? 'wss' : 'ws'}://127.0.0.1:${port}`,
        options: { ...options, ...(socketPath === undefined ? {} : { createSocketPath: socketPath }) },
      }),
      new Promise<WebSocket>((resolve) => server.once('connection', resolve)),
    ]);
    return new Pair(subject, socket, async () => {
      server.close();
      http.close();
      await removed(folder);
    });
  }

  static async #joinOverHttp2(config: SubjectConfig): Promise<Pair> {
    certificate ??= selfSignedCertificate();
    if (config.role === 'server') {
      const subject = await Subject.start({ ...config, options: { ...config.options, tls: certificate } });
      const { peer, session } = await openOverHttp2(subject.url, certificate);
      return new Pair(subject, peer, () => {
        session.destroy();
        return Promise.resolve();
      });
    }
    const opened = deferred<Http2Peer>();
    const server = http2PeerServer(certificate, opened.resolve);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const options = { ...config.options, tls: { ca: certificate.cert }, http2: true };
    const url = `wss://127.0.0.1:${port}`;
    const [subject, peer] = await Promise.all([Subject.start({ ...config, url, options }), opened.promise]);
    return new Pair(subject, peer, () => {
      server.close();
      return Promise.resolve();
    });
  }

  /** Sends so many more messages. */
  send(count: number, byteLength: number): void {
    for (let index = 0; index < count; index++) this.socket.send(numbered(this.#sent++, byteLength));
  }

  /** Sends as fast as the other side takes it, until it takes no more; gives how many messages were sent. */
  async flood(byteLength: number): Promise<number> {
    const { socket } = this;
    let quiet = 0;
    let least = Infinity;
    while (quiet < 6) {
      while (socket.bufferedAmount < 1024 * 1024) this.send(1, byteLength);
      await pause(50);
      const hasMoved = socket.bufferedAmount < least;
      least = Math.min(least, socket.bufferedAmount);
      if (hasMoved || socket.bufferedAmount < 1024 * 1024) quiet = 0;
      else quiet++;
      if (socket.bufferedAmount < 1024 * 1024) least = Infinity;
    }
    return this.#sent;
  }

  /** Waits until so many messages have come. */
  async hasReceived(count: number): Promise<void> {
    await until(() => this.received >= count || this.fault !== undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate();
    await this.subject[Symbol.asyncDispose]();
    await this.#close();
  }
}

function removed(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  return Promise.resolve();
}
