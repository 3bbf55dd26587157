// Tabs of one origin in one process: what they say to each other arrives later and in order, locks go to the next one or are stolen, and a
// tab can die or freeze at any moment.

import { TabClient } from '../../../src/realtime/tabs/tab-client.ts';
import {
  type LockManagerLike,
  resolveShareOptions,
  type ShareOptions,
} from '../../../src/realtime/tabs/tab-options.ts';
import type { RealtimeClient } from '../../../src/realtime/client/client.ts';
import type { ClientOptions } from '../../../src/realtime/client/client-options.ts';
import type { ContractDefinition } from '../../../src/realtime/contract/contract.ts';
import type { LinkAcceptor } from '../../../src/realtime/server/link-acceptor.ts';
import type { FakeClock, SeededRandom } from '../../../src/testing.ts';
import { MemoryNetwork } from '../client/memory-links.ts';

interface Port {
  readonly name: string;
  readonly owner: MemoryTab;
  readonly listeners: ((event: { readonly data: unknown }) => void)[];
  readyAtMs: number;
}

interface LockRequest {
  readonly owner: MemoryTab;
  readonly callback: () => Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** A tab, and how it ends. */
export interface MemoryTab {
  readonly client: TabClient;
  readonly network: MemoryNetwork;
  readonly isDead: boolean;
  /** It crashes: nothing that it does reaches anybody from now on. */
  die(): void;
  /** It sleeps: what others say reaches it later. */
  sleep(ms: number): void;
  /** It does nothing any more, and keeps its locks: what it hears and says waits. The client in it stays connected. */
  freeze(): void;
  /** It goes on. */
  thaw(): void;
}

export class MemoryTabs {
  readonly #clock: FakeClock;
  readonly #random: SeededRandom;
  readonly #acceptor: LinkAcceptor;
  readonly #contract: ContractDefinition;
  readonly #ports = new Set<Port>();
  readonly #held = new Map<string, LockRequest>();
  readonly #queues = new Map<string, LockRequest[]>();
  // What waits until a tab goes on.
  readonly #frozen = new Map<MemoryTab, (() => void)[]>();
  /** How long messages and locks take at most. */
  delayMs = 5;

  constructor(clock: FakeClock, random: SeededRandom, acceptor: LinkAcceptor, contract: ContractDefinition) {
    this.#clock = clock;
    this.#random = random;
    this.#acceptor = acceptor;
    this.#contract = contract;
  }

  tab(options: Partial<ShareOptions> = {}, clientOptions: ClientOptions = {}): MemoryTab {
    const [ports, clock] = [this.#ports, this.#clock];
    const send = (port: Port, message: string): void => this.#send(port, message);
    const awake = (of: MemoryTab, callback: () => void): void => this.#awake(of, callback);
    const network = new MemoryNetwork(this.#acceptor);
    let isDead = false;
    let made: RealtimeClient | undefined;
    class Channel {
      readonly #port: Port;
      constructor(name: string) {
        this.#port = { name, owner: tab, listeners: [], readyAtMs: 0 };
        ports.add(this.#port);
      }
      postMessage(message: string): void {
        if (isDead) return;
        awake(tab, () => {
          for (const port of ports) {
            if (port !== this.#port && port.name === this.#port.name) send(port, message);
          }
        });
      }
      addEventListener(_type: 'message', listener: (event: { readonly data: unknown }) => void): void {
        this.#port.listeners.push(listener);
      }
      close(): void {
        ports.delete(this.#port);
      }
    }
    const tab = {
      network,
      get isDead(): boolean {
        return isDead;
      },
      sleep: (ms: number): void => {
        for (const port of ports) {
          if (port.owner === tab) port.readyAtMs = Math.max(port.readyAtMs, clock.now()) + ms;
        }
      },
      freeze: (): void => {
        if (!isDead && !this.#frozen.has(tab)) this.#frozen.set(tab, []);
      },
      thaw: (): void => {
        const waiting = this.#frozen.get(tab) ?? [];
        this.#frozen.delete(tab);
        for (const callback of waiting) callback();
      },
      die: (): void => {
        isDead = true;
        this.#frozen.delete(tab);
        network.isDown = true;
        network.cut();
        for (const port of ports) if (port.owner === tab) ports.delete(port);
        this.#release(tab);
        // What it would still do alone is of no interest, and takes time.
        clock.setTimer(() => {
          tab.client.close();
          made?.close();
        }, this.delayMs);
      },
    } as {
      client: TabClient;
      network: MemoryNetwork;
      isDead: boolean;
      die: () => void;
      sleep: (ms: number) => void;
      freeze: () => void;
      thaw: () => void;
    };
    tab.client = new TabClient(
      () => {
        made = network.client({ clock: this.#clock, random: this.#random, ...clientOptions }, this.#contract);
        return made;
      },
      resolveShareOptions({
        name: 'test',
        random: this.#random,
        clock: this.#clock,
        BroadcastChannel: Channel,
        locks: this.#locks(tab),
        ...options,
      }),
    );
    return tab;
  }

  // In order for each receiver, each message later than the one before.
  #send(port: Port, message: string): void {
    const now = this.#clock.now();
    port.readyAtMs = Math.max(port.readyAtMs, now + this.#random.next() * this.delayMs);
    this.#clock.setTimer(() => {
      this.#awake(port.owner, () => {
        if (!this.#ports.has(port)) return;
        for (const listener of port.listeners) listener({ data: message });
      });
    }, port.readyAtMs - now);
  }

  #awake(tab: MemoryTab, callback: () => void): void {
    const waiting = this.#frozen.get(tab);
    if (waiting === undefined) callback();
    else waiting.push(callback);
  }

  #locks(owner: MemoryTab): LockManagerLike {
    return {
      request: (name, { signal, steal }, callback) =>
        new Promise<void>((resolve, reject) => {
          const request: LockRequest = { owner, callback, resolve, reject };
          if (steal === true) {
            this.#steal(name, request);
            return;
          }
          const queue = this.#queues.get(name) ?? [];
          this.#queues.set(name, queue);
          queue.push(request);
          signal?.addEventListener('abort', () => {
            if (!queue.includes(request)) return;
            queue.splice(queue.indexOf(request), 1);
            reject(new Error('aborted'));
          });
          queueMicrotask(() => this.#grant(name));
        }),
      query: async () => ({ held: [...this.#held.keys()].map((name) => ({ name })) }),
    };
  }

  #grant(name: string): void {
    const queue = this.#queues.get(name);
    if (queue === undefined || this.#held.has(name)) return;
    const next = queue.shift();
    if (next === undefined) return;
    if (next.owner.isDead) {
      this.#grant(name);
      return;
    }
    this.#hold(name, next);
  }

  #steal(name: string, request: LockRequest): void {
    const robbed = this.#held.get(name);
    this.#hold(name, request);
    if (robbed === undefined) return;
    this.#awake(robbed.owner, () => robbed.reject(new DOMException('stolen', 'AbortError')));
  }

  #hold(name: string, request: LockRequest): void {
    this.#held.set(name, request);
    void request.callback().then(() => {
      request.resolve();
      if (this.#held.get(name) !== request) return;
      this.#held.delete(name);
      this.#grant(name);
    });
  }

  // The platform notices that a tab has crashed, a little later.
  #release(owner: MemoryTab): void {
    for (const [name, { owner: holder }] of this.#held) {
      if (holder !== owner) continue;
      this.#clock.setTimer(() => {
        this.#held.delete(name);
        this.#grant(name);
      }, this.#random.next() * this.delayMs);
    }
  }
}
