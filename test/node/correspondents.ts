// Clients of every kind that take letters: ours with handlers, borrowing, iterating, streaming and by the WHATWG class,
// and `ws`, which shares no code with us.

import { connect as connectSocket } from 'node:net';
import { WebSocket as PeerWebSocket } from 'ws';
import type * as Library from '../../src/index.ts';
import type { Connection } from '../../src/index.ts';
import type { Content, Postbox } from './letters.ts';

export const clientKinds = ['handler', 'borrowed', 'iterator', 'streams', 'class', 'ws'] as const;
export type ClientKind = (typeof clientKinds)[number];

export interface Correspondent {
  readonly postbox: Postbox;
  send(content: Content, pieces: number): void;
  ping(payload: Uint8Array): void;
  /** Stops reading; what has been read so far may still come. Not every kind can. */
  pause(): void;
  resume(): void;
  /** What was sent and has not left. */
  readonly bufferedAmount: number;
  close(): Promise<unknown>;
}

export interface CorrespondentOptions {
  readonly url: string;
  /** The unix socket that the URL leads to, if it is one. */
  readonly socketPath: string | undefined;
  readonly ca: string | undefined;
  readonly deflate: Library.ConnectOptions['perMessageDeflate'];
  readonly postbox: Postbox;
  readonly failed: (error: unknown) => void;
}

/** Whether this letter is kept to be read again; the others are overwritten when they have been read. */
export const isKept = (seq: number): boolean => seq % 4 === 0;

/** Takes a letter that is the receiver's own, to keep or to overwrite. */
export function takeOwn(postbox: Postbox, content: Content): void {
  if (typeof content !== 'string' && content.buffer.byteLength !== content.byteLength) {
    throw new Error(`message of ${content.byteLength} bytes in memory of ${content.buffer.byteLength}`);
  }
  const { seq } = postbox.take(content);
  if (isKept(seq)) postbox.keep(content);
  else if (typeof content !== 'string') content.fill(0xee);
}

/** Takes all that comes as streams. */
export async function takeStreams(connection: Connection, take: (content: Content) => void): Promise<void> {
  for await (const { type, chunks } of connection.messageStreams()) {
    const parts: Content[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    take(
      type === 'text'
        ? parts.join('')
        : new Uint8Array(Buffer.concat(parts.filter((part) => typeof part !== 'string'))),
    );
  }
}

/** Sends in one frame, or in so many fragments. */
export function sendInPieces(connection: Connection, content: Content, pieces: number): void {
  if (pieces <= 1) {
    void connection.send(content);
    return;
  }
  const type = typeof content === 'string' ? 'text' : 'binary';
  for (let piece = 0; piece < pieces; piece++) {
    void connection.sendFragment(pieceOf(content, piece, pieces), { fin: piece === pieces - 1, type });
    if (piece === 0) connection.ping('between');
  }
}

function pieceOf(content: Content, piece: number, pieces: number): Content {
  const at = (index: number): number => Math.floor((content.length * index) / pieces);
  return typeof content === 'string'
    ? content.slice(at(piece), at(piece + 1))
    : content.subarray(at(piece), at(piece + 1));
}

/** Opens a client. */
export async function correspond(
  { connect, WebSocket }: typeof Library,
  kind: ClientKind,
  options: CorrespondentOptions,
): Promise<Correspondent> {
  const { url, socketPath, ca, deflate, postbox, failed } = options;
  const guarded = (act: () => void): void => {
    try {
      act();
    } catch (error) {
      failed(error);
    }
  };
  const common = {
    pingIntervalMs: 0,
    maxQueuedBytes: 256 * 1024 * 1024,
    ...(ca === undefined ? {} : { tls: { ca } }),
    ...(deflate === undefined ? {} : { perMessageDeflate: deflate }),
  };
  if (kind === 'ws') return peerCorrespondent(options);
  if (kind === 'class') {
    // The standard knows no URL of a unix socket.
    const socket =
      socketPath === undefined
        ? new WebSocket(url, [], common)
        : new WebSocket(url.replace(/^.*:/, 'ws://localhost'), [], {
            ...common,
            createConnection: () => connectSocket(socketPath),
          });
    socket.binaryType = 'arraybuffer';
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error('no connection'));
    });
    socket.onmessage = ({ data }) => {
      guarded(() => takeOwn(postbox, data instanceof ArrayBuffer ? new Uint8Array(data) : String(data)));
    };
    const closed = new Promise((resolve) => {
      socket.onclose = resolve;
    });
    return {
      postbox,
      send: (content) => socket.send(typeof content === 'string' ? content : content.slice()),
      ping: () => undefined,
      pause: () => undefined,
      resume: () => undefined,
      get bufferedAmount() {
        return socket.bufferedAmount;
      },
      close: () => {
        socket.close();
        return closed;
      },
    };
  }
  const pongs: Uint8Array[] = [];
  const connection = await connect(
    url,
    {
      ...common,
      // What waits for a loop is copied for it, also when it is borrowed.
      binaryMessages: kind === 'borrowed' || kind === 'iterator' ? 'borrowed' : 'copied',
      receive: kind === 'streams' ? 'streamed' : 'whole',
      onError: failed,
    },
    {
      pong: (_, payload) => {
        const expected = pongs.shift();
        if (expected === undefined || Buffer.compare(expected, payload) !== 0)
          failed(new Error('a wrong pong'));
      },
      ...(kind === 'handler' ? { message: (_: unknown, content: Content) => takeOwn(postbox, content) } : {}),
      ...(kind === 'borrowed'
        ? { message: (_: unknown, content: Content) => void postbox.take(content) }
        : {}),
    },
  );
  const take = (content: Content): void => guarded(() => takeOwn(postbox, content));
  if (kind === 'streams') takeStreams(connection, take).catch(failed);
  if (kind === 'iterator') {
    void (async () => {
      for await (const content of connection) take(content);
    })();
  }
  return {
    postbox,
    send: (content, pieces) => {
      if (pieces > 1) pongs.push(Buffer.from('between'));
      sendInPieces(connection, content, pieces);
    },
    ping: (payload) => {
      pongs.push(payload);
      connection.ping(payload);
    },
    pause: () => connection.pause(),
    resume: () => connection.resume(),
    get bufferedAmount() {
      return connection.bufferedAmount;
    },
    close: () => connection.close(),
  };
}

async function peerCorrespondent(options: CorrespondentOptions): Promise<Correspondent> {
  const { url, ca, deflate, postbox, failed } = options;
  const hasTakeover = typeof deflate === 'object' && deflate.serverNoContextTakeover === false;
  const noTakeover = { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 64 };
  const socket = new PeerWebSocket(url, {
    perMessageDeflate: deflate === undefined ? false : hasTakeover ? { threshold: 64 } : noTakeover,
    ...(ca === undefined ? {} : { ca }),
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  socket.on('error', failed);
  socket.on('message', (data: Buffer, isBinary) => {
    try {
      postbox.take(isBinary ? Uint8Array.from(data) : data.toString());
    } catch (error) {
      failed(error);
    }
  });
  const closed = new Promise((resolve) => {
    socket.once('close', resolve);
  });
  return {
    postbox,
    send: (content, pieces) => {
      for (let piece = 0; piece < pieces; piece++) {
        socket.send(pieceOf(content, piece, pieces), { fin: piece === pieces - 1, compress: true });
      }
    },
    ping: (payload) => socket.ping(payload),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
    close: () => {
      socket.close();
      return closed;
    },
  };
}
