// Connections of many peers to one server of ours, each with what it agreed on, and what is sent to them: to all, to
// one, or to one while it is in the middle of a fragmented message. What each has to get is noted when it is sent.

import { expect } from 'vitest';
import { type AgreedCompressor, agreedBy } from './deflate-settings.ts';
import { type Message, OurServer, type Side } from './ours.ts';
import type { Peer, RunningClient } from './peer.ts';
import { expectEcho, type PeerEnd } from './scenario-player.ts';
import { Cleanup, nextId } from './stage.ts';

/** A peer and what each of its connections is told of permessage-deflate. */
export interface Guest {
  readonly peer: Peer;
  readonly offers: readonly string[];
}

/** What our server does: it takes over where the client lets it. */
const ours = { serverNoContextTakeover: false, clientNoContextTakeover: false, thresholdBytes: 200 };

/** One connection of a peer. */
export class Listener {
  readonly name: string;
  readonly side: Side;
  /** Our compressor for it; undefined: nothing was agreed. */
  readonly compressor: AgreedCompressor | undefined;
  /** Everything that was sent to it, in order. */
  readonly sent: Message[] = [];
  readonly #peer: PeerEnd;
  #heard = 0;

  constructor(name: string, offer: string, side: Side, peer: PeerEnd) {
    this.name = `${name} (${offer})`;
    this.side = side;
    this.#peer = peer;
    const { extensions } = side.connection;
    this.compressor = agreedBy(extensions)?.server;
  }

  /** Sends to this one only. */
  tell(data: Message, compress?: boolean): void {
    this.sent.push(data);
    void this.side.connection.send(data, compress === undefined ? {} : { compress });
  }

  /** Waits until the peer has reported and echoed all that was sent to it, in this order. */
  async hearsEverything(): Promise<void> {
    for (const data of this.sent.slice(this.#heard)) {
      await expectEcho(data, this.side, this.#peer).catch((error: unknown) => {
        throw new Error(`${this.name}, message ${this.#heard}`, { cause: error });
      });
      this.#heard++;
    }
    // What is on the wire is what was sent, one for one.
    expect(this.side.wireSent.length, this.name).toBe(this.sent.length);
  }
}

/** All of them, and the server. */
export class Audience {
  readonly listeners: readonly Listener[];
  readonly #server: OurServer;
  readonly #clients: readonly RunningClient[];
  readonly #cleanup: Cleanup;

  private constructor(
    listeners: readonly Listener[],
    server: OurServer,
    clients: readonly RunningClient[],
    cleanup: Cleanup,
  ) {
    this.listeners = listeners;
    this.#server = server;
    this.#clients = clients;
    this.#cleanup = cleanup;
  }

  /** Starts every peer's client and opens all connections. */
  static async gather(guests: readonly Guest[]): Promise<Audience> {
    const cleanup = new Cleanup();
    try {
      const page = await guests.find(({ peer }) => peer.page !== undefined)?.peer.page?.();
      const server = await OurServer.listen({
        perMessageDeflate: ours,
        ...(page === undefined ? {} : { page }),
      });
      cleanup.add(() => server.stop());
      const listeners: Listener[] = [];
      const clients: RunningClient[] = [];
      for (const { peer, offers } of guests) {
        const client = await peer.startClient?.(undefined, `http://127.0.0.1:${server.port}`);
        if (client === undefined) throw new Error(`${peer.name} is no client`);
        cleanup.add(() => client.stop());
        clients.push(client);
        const { observations } = client;
        for (const offer of offers) {
          const id = nextId();
          client.dial(id, `ws://127.0.0.1:${server.port}/echo/${id}`, [], offer);
          await observations.next(id, 'open');
          const side = await server.accepted(id);
          server.subscribe(side);
          listeners.push(new Listener(peer.name, offer, side, { id, observations }));
        }
      }
      return new Audience(listeners, server, clients, cleanup);
    } catch (error) {
      await cleanup.run();
      throw error;
    }
  }

  /** Sends to all at once. */
  publish(data: Message, compress?: boolean): void {
    this.#publish(data, compress);
    for (const { sent } of this.listeners) sent.push(data);
  }

  /** Sends to all while one is in the middle of a fragmented message: that one gets it behind that message. */
  publishBetween(one: Listener, before: string, data: Message, after: string, compress?: boolean): void {
    const options = compress === undefined ? {} : { compress };
    void one.side.connection.sendFragment(before, { fin: false, ...options });
    this.#publish(data, compress);
    void one.side.connection.sendFragment(after, { fin: true });
    one.sent.push(before + after);
    for (const { sent } of this.listeners) sent.push(data);
  }

  async hearsEverything(): Promise<void> {
    await Promise.all(this.listeners.map((listener) => listener.hearsEverything()));
  }

  /** What the peers complained of last. */
  complaint(): string {
    return this.#clients.map((client) => client.complaint()).join('\n');
  }

  stop(): Promise<void> {
    return this.#cleanup.run();
  }

  #publish(data: Message, compress: boolean | undefined): void {
    expect(this.#server.publish(data, { compress })).toBe(this.listeners.length);
  }
}
