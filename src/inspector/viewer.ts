// One page that looks: it shows the key where there is one, is told how things stand, and may watch the frames of one connection. What is
// on its way to it is bounded: a page that reads slowly is told less.

import { createHash, timingSafeEqual } from 'node:crypto';
import { opcodeName, unmaskedPayload } from '../protocol.ts';
import { FrameCollector, type ObservedFrame } from '../protocol/frame-observer.ts';
import type { ServerConnection } from '../server/server-connection.ts';
import { frameJson } from '../testing/frame-recorder.ts';
import type { InspectedServer } from './inspection.ts';
import type { InspectorMessage, PageMessage, WatchedFrame } from './messages.ts';

/** How much of a payload is shown. */
export const maxShownBytes = 512;
/** How many frames are told at once; those beyond are counted. */
export const maxFramesAtOnce = 200;

// A page that has not read this much is told nothing more until it has.
const maxUnreadBytes = 1024 * 1024;

/** What a viewer takes from the inspector. */
export interface ViewerEnvironment {
  readonly server: InspectedServer;
  readonly key: string | undefined;
  /** How things stand, as the text of a message. */
  state(): string;
}

/** A page. */
export class Viewer {
  readonly #connection: ServerConnection<unknown>;
  readonly #environment: ViewerEnvironment;
  #isUnlocked: boolean;
  #watched: ServerConnection<unknown> | undefined;
  #stopWatching: (() => void) | undefined;
  #startedAtMs = 0;
  #frames: WatchedFrame[] = [];
  #dropped = 0;

  constructor(connection: ServerConnection<unknown>, environment: ViewerEnvironment) {
    this.#connection = connection;
    this.#environment = environment;
    this.#isUnlocked = environment.key === undefined;
    if (this.#isUnlocked) this.look();
    else this.#tell({ kind: 'locked' });
  }

  /** Whether it may see anything. */
  get isUnlocked(): boolean {
    return this.#isUnlocked;
  }

  /** Something came from the page. */
  received(text: unknown): void {
    const message = readPageMessage(text);
    if (message === undefined) {
      void this.#connection.close(1008, 'not a message of the inspector');
      return;
    }
    if (message.kind === 'unlock') this.#unlock(message.key);
    else if (this.#isUnlocked) this.#watch(message.connection ?? undefined);
    else void this.#connection.close(1008, 'the key comes first');
  }

  /** Tells how things stand. */
  look(): void {
    if (!this.#isUnlocked || this.#isBehind) return;
    void this.#connection.send(this.#environment.state());
  }

  /** Tells the frames that were seen since the last time, and behind them that the connection is gone. */
  tellFrames(): void {
    if (this.#watched === undefined || this.#isBehind) return;
    // Asked for here and not heard from the connection: pages come and go, and would leave a listener each.
    const { id: connection, readyState } = this.#watched;
    const frames = this.#frames;
    const dropped = this.#dropped;
    this.#frames = [];
    this.#dropped = 0;
    if (frames.length + dropped > 0) this.#tell({ kind: 'frames', connection, frames, dropped });
    if (readyState !== 'closed') return;
    this.end();
    this.#tell({ kind: 'gone', connection });
  }

  /** The page is gone. */
  end(): void {
    this.#stopWatching?.();
    this.#stopWatching = undefined;
    this.#watched = undefined;
  }

  get #isBehind(): boolean {
    return this.#connection.bufferedAmount > maxUnreadBytes;
  }

  #tell(message: InspectorMessage): void {
    void this.#connection.send(JSON.stringify(message));
  }

  #unlock(key: string): void {
    const expected = this.#environment.key;
    if (expected !== undefined && !isSameKey(key, expected)) {
      void this.#connection.close(1008, 'wrong key');
      return;
    }
    this.#isUnlocked = true;
    this.look();
  }

  #watch(number: number | undefined): void {
    this.end();
    this.#frames = [];
    this.#dropped = 0;
    if (number === undefined) return;
    const watched = [...this.#environment.server.connections].find(({ id }) => id === number);
    if (watched === undefined) {
      this.#tell({ kind: 'gone', connection: number });
      return;
    }
    this.#watched = watched;
    this.#startedAtMs = performance.now();
    const collector = new FrameCollector(maxShownBytes, (frame) => this.#seen(frame));
    this.#stopWatching = watched.observe(collector);
  }

  #seen(observed: ObservedFrame): void {
    if (this.#frames.length >= maxFramesAtOnce) {
      this.#dropped++;
      return;
    }
    const { direction, header } = observed;
    const atMs = performance.now() - this.#startedAtMs;
    const payload = unmaskedPayload(observed);
    this.#frames.push({
      ...frameJson({ direction, opcode: opcodeName(header.opcode), header, payload, atMs }),
      isCut: payload.length < header.payloadLength,
    });
  }
}

// Of equal length whatever was given, so that the time tells nothing.
function isSameKey(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

function readPageMessage(text: unknown): PageMessage | undefined {
  if (typeof text !== 'string') return undefined;
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof message !== 'object' || message === null || !('kind' in message)) return undefined;
  if (message.kind === 'unlock' && 'key' in message && typeof message.key === 'string') {
    return { kind: 'unlock', key: message.key };
  }
  if (message.kind !== 'watch' || !('connection' in message)) return undefined;
  const { connection } = message;
  return connection === null || typeof connection === 'number' ? { kind: 'watch', connection } : undefined;
}
