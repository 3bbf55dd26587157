// A client on a bare socket that stops reading and reads again when a test says so, and light subscribers in memory beside it that keep
// up with everything.

import { once } from 'node:events';
import { connect as connectSocket, type Socket } from 'node:net';
import type { ServerLink, ServerLinkEvents, SharedText } from '../../../src/realtime/link/link.ts';
import type { LinkAcceptor } from '../../../src/realtime/server/link-acceptor.ts';
import { handshake } from '../../node/raw-client.ts';
import { list } from './hub-stage.ts';

/** Lets the loop turn once: what was told until now is sent. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** One client over a real socket. */
export class StoppedClient implements AsyncDisposable {
  /** All frames of the protocol since the welcome, taken out of their batches. */
  readonly frames: (readonly unknown[])[] = [];
  /** The code of the WebSocket close frame. */
  closeCode: number | undefined;
  welcome: unknown;
  readonly #socket: Socket;
  #held: Buffer = Buffer.alloc(0);
  #isUpgraded = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    // It is cut by the server in some tests; what was received until then is what counts.
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
  }

  /** Connects, says hello and waits for the welcome. */
  static async open(port: number, subs: readonly unknown[]): Promise<StoppedClient> {
    const socket = connectSocket({ port, host: '127.0.0.1' });
    await once(socket, 'connect');
    const client = new StoppedClient(socket);
    socket.write(handshake('/realtime', { 'Sec-WebSocket-Protocol': 'fullduplex.v1.json' }));
    const hello = Buffer.from(JSON.stringify([1, { v: 1, subs }]));
    if (hello.length > 125) throw new Error('only short hellos are said here');
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | hello.length, 0, 0, 0, 0]), hello]));
    await client.until(() => client.welcome !== undefined);
    return client;
  }

  /** Reads nothing from now on. */
  stop(): void {
    this.#socket.pause();
  }

  /** Reads again. */
  goOn(): void {
    this.#socket.resume();
  }

  /** Waits until something holds, looking whenever the loop has turned. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await turn();
  }

  /** The frames of a type. */
  of(type: number): readonly (readonly unknown[])[] {
    return this.frames.filter((frame) => frame[0] === type);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    return Promise.resolve();
  }

  #take(chunk: Buffer): void {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    if (!this.#isUpgraded) {
      const end = this.#held.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.#isUpgraded = true;
      this.#held = this.#held.subarray(end + 4);
    }
    for (;;) {
      const held = this.#held;
      if (held.length < 2) return;
      const short = held[1];
      const headerBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (held.length < headerBytes) return;
      const length =
        short < 126 ? short : short === 126 ? held.readUInt16BE(2) : Number(held.readBigUInt64BE(2));
      if (held.length < headerBytes + length) return;
      const payload = held.subarray(headerBytes, headerBytes + length);
      if (held[0] === 0x81) this.#message(payload.toString('utf8'));
      else if (held[0] === 0x88) this.closeCode = payload.readUInt16BE(0);
      this.#held = held.subarray(headerBytes + length);
    }
  }

  #message(text: string): void {
    const message = list(JSON.parse(text));
    for (const frame of Array.isArray(message[0]) ? message : [message]) {
      if (this.welcome === undefined) [, this.welcome] = list(frame);
      else this.frames.push(list(frame));
    }
  }
}

/** Subscribers that keep up: each has to get the very same texts in the same order. */
export class HealthyCrowd {
  /** What each of them got, once. */
  readonly texts: string[] = [];
  readonly #members: CrowdMember[] = [];

  /** Lets so many follow a channel, and waits until all are welcomed. */
  static async gather(acceptor: LinkAcceptor, size: number, channel: string): Promise<HealthyCrowd> {
    const crowd = new HealthyCrowd();
    for (let index = 0; index < size; index++) {
      const member = new CrowdMember(crowd.texts);
      const events = acceptor.accept(member, {
        kind: 'websocket',
        remoteAddress: undefined,
        url: 'ws://memory/',
        header: () => undefined,
      });
      member.attach(events);
      events.received(JSON.stringify([1, { v: 1, subs: [[1, channel]] }]));
      crowd.#members.push(member);
    }
    while (!crowd.#members.every(({ isWelcomed }) => isWelcomed)) await turn();
    return crowd;
  }

  /** Whether everybody has got all of `texts` in their order, and nothing else. */
  get isComplete(): boolean {
    return this.#members.every(({ count, isWrong }) => count === this.texts.length && !isWrong);
  }

  /** All frames that each of them got, in order. */
  get frames(): readonly (readonly unknown[])[] {
    return this.texts.flatMap((text) => {
      const message = list(JSON.parse(text));
      return Array.isArray(message[0]) ? message.map(list) : [message];
    });
  }
}

class CrowdMember implements ServerLink {
  readonly kind = 'websocket';
  readonly isTwoWay = true;
  readonly bufferedBytes = 0;
  readonly isFull = false;
  isWelcomed = false;
  isWrong = false;
  count = 0;
  readonly #texts: string[];
  #events: ServerLinkEvents | undefined;

  constructor(texts: string[]) {
    this.#texts = texts;
  }

  attach(events: ServerLinkEvents): void {
    this.#events = events;
  }

  send(text: string): void {
    if (text === '[]') {
      queueMicrotask(() => this.#events?.received('[]'));
    } else if (this.isWelcomed) {
      // Whoever comes first says what all others have to get.
      if (this.count === this.#texts.length) this.#texts.push(text);
      else if (this.#texts[this.count] !== text) this.isWrong = true;
      this.count++;
    } else {
      this.isWelcomed = text.startsWith('[1,');
    }
  }

  sendShared({ text }: SharedText): void {
    this.send(text);
  }

  close(): void {
    this.isWrong = true;
  }
}
