// A WebSocket of the hostile network: what a client sees of one, and the link that the server sees. Both ends die in their own
// time, as they do on real networks.

import type { Timer } from '../../base/clock.ts';
import type { LinkKind, ServerLink, ServerLinkEvents, SharedText } from '../../realtime/link/link.ts';
import type { LinkPeer } from '../../realtime/server/link-acceptor.ts';
import { DelayedQueue } from './delayed-queue.ts';
import {
  delayOf,
  ghostTimeOf,
  type HostileServer,
  type OpenExchange,
  planDeath,
  type Road,
  Stalls,
} from './road.ts';

type Down =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string };

/** The client's end of a WebSocket. */
export class HostileSocket implements OpenExchange {
  onopen: ((event: object) => void) | null = null;
  onmessage: ((event: { readonly data: string }) => void) | null = null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null = null;
  onerror: ((event: object) => void) | null = null;
  readonly #road: Road;
  readonly #url: string;
  readonly #down: DelayedQueue<Down>;
  readonly #up: DelayedQueue<string | undefined>;
  #server: HostileServer | undefined;
  #far: FarEnd | undefined;
  #state: 'connecting' | 'open' | 'closed' = 'connecting';
  // Whether nothing gets through any more.
  #isDead = false;
  #death: Timer | undefined;
  #stalls: Stalls | undefined;

  constructor(road: Road, url: string) {
    this.#road = road;
    this.#url = url;
    this.#down = new DelayedQueue(road.clock, (item) => this.#arrived(item));
    this.#up = new DelayedQueue(road.clock, (text) => this.#cameUp(text));
    this.#later(() => this.#connect());
  }

  get server(): HostileServer {
    if (this.#server === undefined) throw new Error('the socket is not open, and has no server yet');
    return this.#server;
  }

  /** As the standard has it: 0 connecting, 1 open, 3 closed. */
  get readyState(): number {
    return { connecting: 0, open: 1, closed: 3 }[this.#state];
  }

  get bufferedAmount(): number {
    return Math.max(0, this.#up.queuedBytes - this.#road.capacityBytes);
  }

  send(text: string): void {
    if (this.#state === 'open' && !this.#isDead) this.#up.put(text, text.length, delayOf(this.#road));
  }

  close(code = 1000): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#down.clear();
    this.#later(() => this.onclose?.({ code, reason: '' }));
    // What was sent before arrives before the end; and the end may be long in coming.
    if (!this.#isDead) this.#up.put(undefined, 0, delayOf(this.#road) + ghostTimeOf(this.#road));
  }

  cut(): void {
    if (this.#isDead) return;
    const { random, weather } = this.#road;
    const ghostMs = ghostTimeOf(this.#road);
    this.#die();
    this.#road.note(`cut a WebSocket${ghostMs > 0 ? `, which lives on for ${ghostMs.toFixed()} ms` : ''}`);
    if (!random.chance(weather.silentDeath)) this.#later(() => this.#closed(1006));
    if (ghostMs === 0) this.#up.clear();
    this.#up.put(undefined, 0, delayOf(this.#road) + ghostMs);
  }

  orphan(): void {
    if (this.#isDead) return;
    const { random, weather } = this.#road;
    this.#die();
    this.#up.clear();
    this.#far?.forget();
    if (!random.chance(weather.silentDeath)) this.#later(() => this.#closed(1006));
  }

  calm(): void {
    this.#death?.cancel();
    this.#stalls?.stop();
    this.#down.flow();
    this.#up.flow();
  }

  #connect(): void {
    if (this.#state === 'closed') return;
    const { random, weather } = this.#road;
    const server = this.#road.server();
    const isRefused = random.chance(weather.refused);
    if (server === undefined || isRefused) {
      this.#road.note(isRefused ? 'refused a WebSocket' : 'no server is up');
      this.#later(() => this.#closed(1006));
      return;
    }
    this.#server = server;
    this.#road.note(`opens a WebSocket to ${server.name ?? 'the server'}`);
    this.#far = new FarEnd(this.#road, this.#down, () => this.#end());
    this.#road.open.add(this);
    this.#far.events = server.acceptor.accept(this.#far, this.#peer());
    this.#death = planDeath(this.#road, () => this.cut());
    this.#stalls = new Stalls(this.#road, (durationMs) => this.#stall(durationMs));
    this.#later(() => {
      if (this.#isDead || this.#state === 'closed') return;
      this.#state = 'open';
      this.onopen?.({});
    });
  }

  #peer(): LinkPeer {
    return { kind: 'websocket', remoteAddress: '192.0.2.1', url: this.#url, header: () => undefined };
  }

  #arrived(item: Down): void {
    if (item.kind === 'close') {
      this.#closed(item.code, item.reason);
      this.#die();
      this.#up.clear();
      this.#up.put(undefined, 0, delayOf(this.#road));
    } else if (this.#state === 'open') this.onmessage?.({ data: item.text });
    this.#far?.checkDrained();
  }

  #cameUp(text: string | undefined): void {
    if (text !== undefined) {
      this.#far?.received(text);
      return;
    }
    this.#end();
  }

  /** The server's end is over. */
  #end(): void {
    this.#die();
    this.#up.clear();
    this.#far?.ended();
    this.#road.open.delete(this);
  }

  #closed(code: number, reason = ''): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    if (code === 1006) this.onerror?.({});
    this.onclose?.({ code, reason });
  }

  #die(): void {
    this.#isDead = true;
    this.#death?.cancel();
    this.#stalls?.stop();
    if (this.#far !== undefined) this.#far.isCut = true;
    this.#down.clear();
  }

  #stall(durationMs: number): void {
    const { random } = this.#road;
    const ways = random.below(3);
    this.#road.note(
      `a WebSocket stands still for ${durationMs.toFixed()} ms, ${['down', 'up', 'both ways'][ways]}`,
    );
    if (ways !== 1) this.#down.stall(durationMs);
    if (ways !== 0) this.#up.stall(durationMs);
  }

  #later(callback: () => void): void {
    this.#road.clock.setTimer(callback, delayOf(this.#road));
  }
}

/** The server's end of a WebSocket. */
class FarEnd implements ServerLink {
  readonly kind: LinkKind = 'websocket';
  readonly isTwoWay: boolean = true;
  events: ServerLinkEvents | undefined;
  /** Whether what is sent goes nowhere: it waits as if somebody would still read it. */
  isCut = false;
  readonly #road: Road;
  readonly #down: DelayedQueue<Down>;
  readonly #end: () => void;
  #unreadBytes = 0;
  #wasFull = false;
  #isClosing = false;
  #isOver = false;

  constructor(road: Road, down: DelayedQueue<Down>, end: () => void) {
    this.#road = road;
    this.#down = down;
    this.#end = end;
  }

  get bufferedBytes(): number {
    return Math.max(0, this.#unreadBytes + this.#down.queuedBytes - this.#road.capacityBytes);
  }

  get isFull(): boolean {
    const isFull = this.bufferedBytes >= this.#road.highWaterMarkBytes;
    if (isFull) this.#wasFull = true;
    return isFull;
  }

  send(text: string): void {
    if (this.#isOver || this.#isClosing) return;
    if (this.isCut) {
      this.#unreadBytes += text.length;
      return;
    }
    const { random, weather } = this.#road;
    const parts = text.startsWith('[[') && random.chance(weather.split) ? framesOf(text) : [text];
    for (const part of parts) this.#down.put({ kind: 'text', text: part }, part.length, delayOf(this.#road));
  }

  sendShared({ text }: SharedText): void {
    this.send(text);
  }

  close(code: number, reason: string): void {
    if (this.#isOver || this.#isClosing) return;
    this.#isClosing = true;
    // A client that is gone answers nothing: the closing handshake has a deadline.
    if (this.isCut) this.#road.clock.setTimer(this.#end, 5_000);
    else this.#down.put({ kind: 'close', code, reason }, 0, delayOf(this.#road));
  }

  received(text: string): void {
    if (!this.#isOver && !this.#isClosing) this.events?.received(text);
  }

  checkDrained(): void {
    if (!this.#wasFull || this.isFull || this.#isOver) return;
    this.#wasFull = false;
    this.events?.drained();
  }

  ended(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.events?.ended();
  }

  /** Its process is gone. */
  forget(): void {
    this.#isOver = true;
  }
}

function framesOf(text: string): readonly string[] {
  const frames: unknown = JSON.parse(text);
  return Array.isArray(frames) ? frames.map((frame) => JSON.stringify(frame)) : [text];
}
