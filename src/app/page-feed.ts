// The feed of one page: what happens on its own connections, as server-sent events, so that watching makes no frames.
// A page that lost its feed takes it up where it was: the last events are kept and numbered.

import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { FrameCollector, type ObservedFrame } from '../protocol.ts';
import type { ServerConnection } from '../index.ts';
import type { FeedEvents, SocketName } from './messages.ts';

/** How many of its last events a feed keeps. */
const eventsKept = 500;
/** How much of a frame's payload is shown. */
const maxShownPayloadBytes = 1024;
/** How many feeds there can be; a page beyond them is told to come back later. */
export const maxFeeds = 100;

// A feed that nobody reads and no connection writes into is forgotten after this.
const idleMs = 60_000;
// Proxies and browsers cut silent responses.
const heartbeatMs = 15_000;
// A page that does not read is cut; it comes back for the rest.
const maxUnreadBytes = 2 * 1024 * 1024;

// Event numbers of another run of the server mean nothing to this one.
const run = randomBytes(6).toString('hex');

interface KeptEvent {
  readonly number: number;
  readonly text: string;
}

/** What one page is told. */
export class PageFeed {
  readonly #events: KeptEvent[] = [];
  readonly #forget: () => void;
  #lastNumber = 0;
  #response: ServerResponse | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #connectionCount = 0;
  #openConnections = 0;
  #idle: NodeJS.Timeout | undefined;

  /** @param forget is called when nothing has used the feed for a minute */
  constructor(forget: () => void) {
    this.#forget = forget;
    this.#startIdling();
  }

  /** Watches a connection: its opening handshake, every frame, its end. */
  watch(socket: SocketName, connection: ServerConnection<unknown>): void {
    const number = ++this.#connectionCount;
    this.#openConnections++;
    clearTimeout(this.#idle);
    const { request = '', response = '' } = connection.handshake ?? {};
    this.#tell('opened', { socket, connection: number, request, response });
    connection.observe(
      new FrameCollector(maxShownPayloadBytes, (frame) => {
        this.#tell('frame', {
          socket,
          connection: number,
          direction: frame.direction,
          atMs: performance.timeOrigin + performance.now(),
          bytes: base64Of(frame),
        });
      }),
    );
    void connection.closed.then(({ code, reason, clean }) => {
      this.#openConnections--;
      this.#tell('closed', { socket, connection: number, code, reason, clean });
      this.#startIdling();
    });
  }

  /** Sends everything after `lastEventId` to the page, and what comes from now on. An earlier reader is let go. */
  stream(response: ServerResponse, lastEventId: string | undefined): void {
    this.#response?.end();
    clearInterval(this.#heartbeat);
    clearTimeout(this.#idle);
    this.#response = response;
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' });
    response.write('retry: 1000\n\n');
    const [seenRun, seenNumber] = (lastEventId ?? '').split('-');
    const seen = seenRun === run ? Number(seenNumber) : 0;
    for (const { number, text } of this.#events) if (number > seen) response.write(text);
    this.#heartbeat = setInterval(() => this.#write(': still here\n\n'), heartbeatMs);
    response.once('close', () => {
      if (this.#response !== response) return;
      this.#response = undefined;
      clearInterval(this.#heartbeat);
      this.#startIdling();
    });
  }

  /** Ends the page's feed. */
  end(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#idle);
    this.#response?.end();
    this.#response = undefined;
  }

  #tell<Name extends keyof FeedEvents>(name: Name, event: FeedEvents[Name]): void {
    const number = ++this.#lastNumber;
    const text = `id: ${run}-${number}\nevent: ${name}\ndata: ${JSON.stringify(event)}\n\n`;
    this.#events.push({ number, text });
    if (this.#events.length > eventsKept) this.#events.shift();
    this.#write(text);
  }

  #write(text: string): void {
    const response = this.#response;
    if (response === undefined) return;
    response.write(text);
    if (response.writableLength > maxUnreadBytes) response.destroy();
  }

  #startIdling(): void {
    clearTimeout(this.#idle);
    if (this.#response !== undefined || this.#openConnections > 0) return;
    this.#idle = setTimeout(this.#forget, idleMs).unref();
  }
}

/** The feeds of all pages, by the number that each page draws for itself. */
export class PageFeeds {
  readonly #feeds = new Map<string, PageFeed>();

  /** Gives the feed of a page; undefined when the name is none, or there are too many. */
  of(page: string | null): PageFeed | undefined {
    // 128 random bits: whoever knows the name may read the feed.
    if (page === null || !/^[0-9a-f]{32}$/.test(page)) return undefined;
    const known = this.#feeds.get(page);
    if (known !== undefined) return known;
    if (this.#feeds.size >= maxFeeds) return undefined;
    const feed = new PageFeed(() => {
      this.#feeds.delete(page);
    });
    this.#feeds.set(page, feed);
    return feed;
  }

  /** Ends all feeds. */
  end(): void {
    for (const feed of this.#feeds.values()) feed.end();
    this.#feeds.clear();
  }
}

function base64Of({ header, payload }: ObservedFrame): string {
  return Buffer.concat([header.bytes, payload]).toString('base64');
}
