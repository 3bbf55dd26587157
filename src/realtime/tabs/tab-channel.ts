// A channel as one tab follows it: fed by the tab that leads, with frames, as a client is by its server. What a leader did not tell,
// because this tab came later or was asleep, is read from the history and put before what it tells.

import type { ChannelOptions, ChannelStatus, RequestSettings } from '../client/channel.ts';
import { EventStream } from '../client/event-stream.ts';
import { KeyedMap, PresenceMap } from '../client/keyed-map.ts';
import type { Listener } from '../client/listeners.ts';
import type { Publication } from '../client/publication.ts';
import type { RealtimeError } from '../wire/error-codes.ts';
import type { GapReason, HistoryRequest } from '../wire/frames.ts';
import type { WirePosition } from '../wire/stream-position.ts';
import type { Follow, MapEntries, MapPart, RelayedFrame, RelayStart } from './tab-messages.ts';

/** What a channel needs of its tab. */
export interface TabChannelHost {
  readonly readerLimit: number;
  failed(error: unknown): void;
  request(channel: string, name: string, data: unknown, settings?: RequestSettings): Promise<unknown>;
  /** A page of the history, oldest first; asked again when the leader goes. */
  history(
    channel: string,
    request: HistoryRequest,
    settings?: RequestSettings,
  ): Promise<readonly Publication[]>;
  /** Tells the leader that this channel is followed from where it stands. */
  follow(channel: TabChannel): void;
  leave(channel: TabChannel): void;
}

/** A page that is being read, and what came meanwhile. */
interface Reading {
  readonly frames: RelayedFrame[];
}

// What the history does not tell: the id of an entry. A position with it is none for the server.
const unknownId = '?';

/** A channel that a tab follows. */
export class TabChannel {
  readonly name: string;
  readonly options: ChannelOptions;
  readonly state: KeyedMap;
  readonly presence: PresenceMap;
  status: ChannelStatus = 'subscribing';
  readonly #host: TabChannelHost;
  readonly #stream: EventStream;
  #reading: Reading | undefined;
  // The last place with an id; what was delivered behind it is known by its offset.
  #exact: WirePosition | undefined;
  // How far this tab was when a leader began before that: what it has is not delivered again.
  #highest: WirePosition | undefined;
  // Whether this leader has said where it begins.
  #isStarted = false;

  constructor(name: string, options: ChannelOptions, host: TabChannelHost) {
    this.name = name;
    this.options = options;
    this.#host = host;
    const failed = (error: unknown): void => host.failed(error);
    this.#stream = new EventStream({
      name,
      readerLimit: host.readerLimit,
      failed,
      readAgain: () => this.#followAgain(),
    });
    this.state = new KeyedMap(failed);
    this.presence = new PresenceMap(failed);
  }

  on(event: string, listener: Listener): () => void {
    return this.#stream.on(event, listener);
  }

  [Symbol.asyncIterator](): AsyncGenerator<Publication, undefined, undefined> {
    return this.#stream.read();
  }

  publish(event: string, data: unknown, settings?: RequestSettings): Promise<unknown> {
    const published = this.#host.request(this.name, event, data, settings);
    // Whoever does not look at the result ("typing...") need not handle that it failed.
    published.catch(() => undefined);
    return published;
  }

  history(request: HistoryRequest, settings?: RequestSettings): Promise<readonly Publication[]> {
    return this.#host.history(this.name, request, settings);
  }

  leave(): void {
    this.#host.leave(this);
  }

  /** How a leader is asked for it. */
  get follow(): Follow {
    const reached = this.#reached;
    const { name, options } = this;
    return { name, options, position: reached?.[2] === unknownId ? this.#exact : reached };
  }

  get #reached(): WirePosition | undefined {
    const { position } = this.#stream.cursor;
    const highest = this.#highest;
    if (highest === undefined || position === undefined || highest[0] !== position[0]) return position;
    return highest[1] > position[1] ? highest : position;
  }

  /** @param error why, where there is a reason */
  setStatus(status: ChannelStatus, error?: RealtimeError): void {
    if (this.status === status || this.status === 'left') return;
    this.status = status;
    if (status === 'left' || error?.retryable === false) this.#stream.end(error);
    if (status === 'left') this.#reading = undefined;
    this.#stream.tell('status', status, error);
  }

  /** The leader is gone. */
  leaderLost(): void {
    this.#isStarted = false;
    this.#reading = undefined;
    if (this.status === 'subscribed') this.setStatus('subscribing');
  }

  /** A leader tells everything from here on. */
  start(start: RelayStart, isForAll: boolean): void {
    const wasStarted = this.#isStarted;
    this.#isStarted = true;
    this.#reading = undefined;
    const before = this.#reached;
    const { position, gap, recovered } = start;
    const { history = 0 } = this.options;
    if (before === undefined) this.#begin(start, undefined, history);
    else if (start.delivery === 'volatile') {
      // What was published while nobody told this tab is nowhere.
      const isWhole = isForAll ? recovered !== false : wasStarted;
      this.#begin(start, isWhole ? undefined : (gap ?? 'volatile'), 0);
    } else if (before[0] !== position[0] || (recovered === false && gap === 'epoch')) {
      this.#begin(start, gap ?? 'epoch', history);
    } else if (before[1] >= position[1]) this.#follow(start, position);
    else this.#catchUp(start, before, gap ?? 'expired');
  }

  /** A frame of the leader. */
  take(frame: RelayedFrame): void {
    if (!this.#isStarted) return;
    if (this.#reading !== undefined) this.#reading.frames.push(frame);
    // Never on with a hole: from where it stands, once more.
    else if (!this.#stream.take(frame)) this.#followAgain();
  }

  /** A keyed map as a whole. */
  replace(part: MapPart, entries: MapEntries): void {
    const map = part === 'state' ? this.state : this.presence;
    map.follow({ position: ['', 0, ''] });
    map.take([11, 0, entries]);
  }

  /** An entry of it; null: it is gone. */
  change(part: MapPart, key: string, value: unknown): void {
    (part === 'state' ? this.state : this.presence).take([3, 0, 1, key, value, '']);
  }

  // What comes until the leader has answered has no place.
  #followAgain(): void {
    this.#isStarted = false;
    this.#host.follow(this);
  }

  // Goes on at a place, and says what was missed before it.
  #follow({ delivery, events }: RelayStart, position: WirePosition, gap?: GapReason): void {
    this.#highest = gap === 'epoch' ? undefined : this.#reached;
    this.#stream.cursor.position = this.#reached;
    const missed = gap === undefined ? { recovered: true } : { recovered: false, gap };
    this.#stream.follow({ alias: 0, delivery, events, position, ...missed });
  }

  // Begins anew, with some of what was before.
  #begin(start: RelayStart, gap: GapReason | undefined, history: number): void {
    this.#exact = undefined;
    const [epoch, offset] = start.position;
    const count = Math.min(history, offset);
    if (count === 0) {
      this.#follow(start, start.position, gap);
      return;
    }
    this.#read(start, offset - count, (page) => {
      const first = page.at(0)?.offset ?? offset + 1;
      this.#follow(start, first > offset ? start.position : [epoch, first - 1, unknownId], gap);
      return page;
    });
  }

  // Goes on where this tab stands, before the leader does.
  #catchUp(start: RelayStart, before: WirePosition, gap: GapReason): void {
    this.#exact = this.follow.position;
    const [epoch, offset] = before;
    this.#read(start, offset, (page) => {
      // Of a `latest` channel, what is no longer there is no longer of interest.
      if (start.delivery === 'latest' || page.at(0)?.offset === offset + 1) {
        this.#follow(start, before);
        return page;
      }
      const { history = 0 } = this.options;
      const rest = history > 0 ? page.slice(-history) : [];
      const first = rest.at(0)?.offset;
      this.#follow(start, first === undefined ? start.position : [epoch, first - 1, unknownId], gap);
      return rest;
    });
  }

  // Reads what was published behind an offset and not behind the start, delivers it, and then what came meanwhile.
  #read(
    start: RelayStart,
    behind: number,
    ready: (page: readonly Publication[]) => readonly Publication[],
  ): void {
    const reading: Reading = { frames: [] };
    this.#reading = reading;
    void this.#pages(start.position[1], behind, reading).then((found) => {
      // Another start has come, or the channel was left.
      if (reading !== this.#reading) return;
      this.#reading = undefined;
      // What does not reach up to the start cannot be put before it.
      const isWhole = start.delivery === 'latest' || found.at(-1)?.offset === start.position[1];
      for (const publication of ready(isWhole ? found : [])) this.#deliver(start, publication);
      const { cursor } = this.#stream;
      if (cursor.position?.[1] === start.position[1]) cursor.position = start.position;
      else if (start.delivery === 'latest') this.#stream.take([12, 0, 0, { position: start.position }]);
      for (const frame of reading.frames) this.take(frame);
    });
  }

  async #pages(end: number, behind: number, reading: Reading): Promise<readonly Publication[]> {
    const page: Publication[] = [];
    for (let before = end + 1; before > behind + 1; ) {
      try {
        const older = await this.history({ before, count: before - behind - 1 });
        const [first] = older;
        if (first?.offset === undefined || first.offset >= before || reading !== this.#reading) break;
        page.unshift(...older.filter(({ offset = 0 }) => offset > behind));
        before = first.offset;
      } catch {
        // A history that cannot be read is told as a gap, or was not promised.
        break;
      }
    }
    return page;
  }

  #deliver({ events, position: [epoch] }: RelayStart, publication: Publication): void {
    const { event, data, offset = 0, user, at } = publication;
    const { cursor } = this.#stream;
    const number = events.indexOf(event);
    if (number < 0) this.#stream.take([12, 0, 0, { position: [epoch, offset, unknownId] }]);
    else {
      const step = offset - (cursor.position?.[1] ?? 0);
      this.#stream.take([2, 0, step, number, data, unknownId, { user, at }]);
    }
  }
}
