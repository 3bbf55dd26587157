// Links between clients and a hub in one process: what one side sends, the other hears in a later turn, until the link is cut.

import type { RealtimeClient as Client } from '../../../src/realtime/client/client.ts';
import { RealtimeClient } from '../../../src/realtime/client/client.ts';
import { type ClientOptions, resolveClientOptions } from '../../../src/realtime/client/client-options.ts';
import type { ContractDefinition } from '../../../src/realtime/contract/contract.ts';
import type { LinkKind, OpenClientLink, ServerLinkEvents } from '../../../src/realtime/link/link.ts';
import type { LinkAcceptor, LinkPeer } from '../../../src/realtime/server/link-acceptor.ts';
import { writeJson } from '../../../src/realtime/wire/json-codec.ts';
import { readJson } from '../../../src/realtime/wire/json-codec.ts';
import type { ClientFrame } from '../../../src/realtime/wire/frames.ts';

/** The ways between some clients and a hub. */
export class MemoryNetwork {
  readonly #acceptor: LinkAcceptor;
  readonly #cuts = new Set<() => void>();
  /** Whether new links find nobody. */
  isDown = false;

  constructor(acceptor: LinkAcceptor) {
    this.#acceptor = acceptor;
  }

  /** Cuts all links: neither side hears the other any more, and what is on its way is lost. */
  cut(): void {
    for (const cut of this.#cuts) cut();
  }

  /** A client on this network. */
  client(options: ClientOptions, contract?: ContractDefinition): Client {
    return new RealtimeClient(contract, resolveClientOptions(options), {
      websocket: this.#opener('websocket'),
      stream: this.#opener('stream'),
      poll: this.#opener('poll'),
    });
  }

  #opener(kind: LinkKind): OpenClientLink {
    return (hello, events, session) => {
      let isOver = this.isDown;
      const peer: LinkPeer = { kind, remoteAddress: undefined, url: 'ws://memory/', header: () => undefined };
      const later = (callback: () => void): void =>
        queueMicrotask(() => {
          if (!isOver) callback();
        });
      const cut = (): void => {
        if (isOver) return;
        isOver = true;
        this.#cuts.delete(cut);
        queueMicrotask(() => {
          server?.ended();
          events.ended(new Error('cut'));
        });
      };
      let server: ServerLinkEvents | undefined;
      if (isOver) queueMicrotask(() => events.ended(new Error('nobody is there')));
      else {
        this.#cuts.add(cut);
        server = this.#acceptor.accept(
          {
            kind,
            isTwoWay: kind === 'websocket',
            bufferedBytes: 0,
            isFull: false,
            send: (text) => later(() => events.received(text)),
            sendShared: ({ text }) => later(() => events.received(text)),
            close: () => later(cut),
          },
          peer,
        );
        later(() => server?.received(writeJson([1, hello()])));
      }
      const stop = new AbortController();
      return {
        isTwoWay: kind === 'websocket',
        send: (text) => {
          if (kind === 'websocket') {
            later(() => server?.received(text));
            return;
          }
          const id = session();
          const frame = readJson(text);
          if (id === undefined || !isFrame(frame)) throw new Error('a frame before the welcome');
          void this.#acceptor.upstream(id, [frame], peer, stop.signal).then((frames) => {
            if (frames.length > 0) later(() => events.received(writeJson({ frames })));
          });
        },
        close: cut,
      };
    };
  }
}

function isFrame(value: unknown): value is ClientFrame {
  return Array.isArray(value);
}
