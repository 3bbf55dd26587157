// A TCP proxy that is not to be trusted: it drops connections after some bytes, stands still, and splits what it forwards; which
// server a connection comes to is up to chance.

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { SeededRandom } from '../../../src/testing/seeded-random.ts';

/** What a proxy does to connections. */
export interface ProxyWeather {
  /** After how many bytes, on average, a connection is dropped. */
  readonly lifeBytes: number;
  /** The chance that a piece stands still, and for how long at most, in milliseconds. */
  readonly stall: number;
  readonly stallMs: number;
  /** The longest piece that is forwarded at once. */
  readonly pieceBytes: number;
}

const calm: ProxyWeather = { lifeBytes: Infinity, stall: 0, stallMs: 0, pieceBytes: Infinity };

/** A proxy in front of several servers. */
export class HostileProxy {
  readonly #random: SeededRandom;
  readonly #targets: readonly number[];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #weather: ProxyWeather;
  /** How many connections it has dropped. */
  dropped = 0;

  /** @param targets the ports of the servers */
  constructor(random: SeededRandom, targets: readonly number[], weather: ProxyWeather) {
    this.#random = random;
    this.#targets = targets;
    this.#weather = weather;
    this.#server = createServer((client) => this.#accept(client));
  }

  /** Listens on a free port. */
  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        const address: AddressInfo | string | null = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  }

  /** Forwards everything from now on. */
  calm(): void {
    this.#weather = calm;
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #accept(client: Socket): void {
    const server = connect(this.#random.pick(this.#targets) ?? 0, '127.0.0.1');
    let leftBytes = this.#random.wait(this.#weather.lifeBytes);
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      // What goes wrong on one side is the end of both.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    const spend = (bytes: number): boolean => {
      leftBytes -= bytes;
      if (leftBytes > 0 || this.#weather === calm) return true;
      this.dropped++;
      client.destroy();
      server.destroy();
      return false;
    };
    this.#forward(client, server, spend);
    this.#forward(server, client, spend);
  }

  #forward(from: Socket, to: Socket, spend: (bytes: number) => boolean): void {
    from.on('end', () => to.end());
    from.on('data', (chunk: Buffer) => {
      const { pieceBytes, stall, stallMs } = this.#weather;
      for (let at = 0; at < chunk.length && !to.destroyed; ) {
        const length = Number.isFinite(pieceBytes) ? 1 + this.#random.below(pieceBytes) : chunk.length;
        const piece = chunk.subarray(at, at + length);
        at += piece.length;
        if (!spend(piece.length)) return;
        to.write(piece);
      }
      if (!this.#random.chance(stall)) return;
      from.pause();
      setTimeout(() => from.resume(), this.#random.between([0, stallMs]));
    });
  }
}
