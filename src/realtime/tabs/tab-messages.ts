// What the tabs of an origin say to each other, and the bus that carries it. Messages go as JSON, as frames do, so that data arrives in
// the same form in every tab, and one that leads is spoken to like any other.

import type { ChannelOptions, ChannelStatus } from '../client/channel.ts';
import type { ConnectionState } from '../client/connector.ts';
import type { LinkKind } from '../link/link.ts';
import { RealtimeError, type WireError } from '../wire/error-codes.ts';
import type { Delivery, GapReason, PublicationFrame, SkippedTo } from '../wire/frames.ts';
import { readJson, writeJson } from '../wire/json-codec.ts';
import type { WirePosition } from '../wire/stream-position.ts';
import type { BroadcastChannelLike } from './tab-options.ts';

/** An error on its way to another tab. */
export type TabError = WireError | { readonly message: string };

/** How the client of the leader stands. */
export interface ClientStanding {
  readonly state: ConnectionState;
  readonly transport?: LinkKind | undefined;
  readonly sessionId?: string | undefined;
  readonly user?: string | undefined;
  readonly cause?: TabError | undefined;
  readonly closeError?: WireError | undefined;
}

/** A channel that a tab follows. */
export interface Follow {
  readonly name: string;
  readonly options: ChannelOptions;
  /** What it has already. */
  readonly position?: WirePosition | undefined;
}

/** Where the publications that the leader tells begin. */
export interface RelayStart {
  readonly delivery: Delivery;
  readonly events: readonly string[];
  readonly position: WirePosition;
  /** Absent where nobody asked for a position. */
  readonly recovered?: boolean | undefined;
  readonly gap?: GapReason | undefined;
}

/** The keyed maps of a channel. */
export type MapPart = 'state' | 'members';

/** Entries of a keyed map. */
export type MapEntries = Readonly<Record<string, unknown>>;

/** A publication, with its whole data; or what was left out. */
export type RelayedFrame =
  | PublicationFrame
  | readonly [type: 12, alias: number, count: number, to: SkippedTo];

/** What a tab says to the one that leads. */
export type ToLeader =
  /** The tab is there; the answer to `lead`. */
  | {
      readonly type: 'here';
      readonly tab: string;
      readonly follows: readonly Follow[];
      readonly direct: readonly string[];
    }
  | { readonly type: 'follow'; readonly tab: string; readonly follow: Follow }
  | { readonly type: 'leave'; readonly tab: string; readonly name: string }
  /** It listens to direct events of a name. */
  | { readonly type: 'hear'; readonly tab: string; readonly event: string }
  /** Only this leader may take it. */
  | ({ readonly type: 'request'; readonly leader: string } & TabRequest)
  | { readonly type: 'cancel'; readonly id: string }
  | { readonly type: 'gone'; readonly tab: string }
  /** It has heard nothing for a while: whoever leads says how the client stands. */
  | { readonly type: 'ping'; readonly tab: string };

/** A request of a tab. */
export interface TabRequest {
  /** No other tab, and no other request of the tab, has the same. */
  readonly id: string;
  /** 0: a call. */
  readonly channel: string | 0;
  readonly name: string;
  readonly data?: unknown;
  readonly timeoutMs: number;
  readonly idempotent?: boolean | undefined;
}

/** What the tab that leads says; those who follow another leader do not listen, but for replies. */
export type FromLeader = { readonly leader: string } & (
  | { readonly type: 'lead' }
  | { readonly type: 'standing'; readonly standing: ClientStanding; readonly tab?: string | undefined }
  /** The answer to `follow`, for one tab. */
  | {
      readonly type: 'joined';
      readonly tab: string;
      readonly name: string;
      readonly status: ChannelStatus;
      readonly error?: WireError | undefined;
      readonly start?: RelayStart | undefined;
      /** Absent while the server has not told it. */
      readonly state?: MapEntries | undefined;
      readonly members?: MapEntries | undefined;
    }
  | { readonly type: 'start'; readonly name: string; readonly start: RelayStart }
  | { readonly type: 'frame'; readonly name: string; readonly frame: RelayedFrame }
  | {
      readonly type: 'status';
      readonly name: string;
      readonly status: ChannelStatus;
      readonly error?: WireError | undefined;
    }
  | {
      readonly type: 'entries';
      readonly name: string;
      readonly part: MapPart;
      readonly entries: MapEntries;
    }
  | {
      readonly type: 'entry';
      readonly name: string;
      readonly part: MapPart;
      readonly key: string;
      readonly value: unknown;
    }
  | { readonly type: 'direct'; readonly event: string; readonly values: readonly unknown[] }
  | { readonly type: 'error'; readonly error: TabError }
  | {
      readonly type: 'reply';
      readonly id: string;
      readonly result?: unknown;
      readonly error?: TabError | undefined;
    }
  /** It leads no more. What it had begun is named; nothing else was. */
  | { readonly type: 'bye'; readonly begun: readonly string[] }
);

export type TabMessage = ToLeader | FromLeader;

/** Carries messages to all tabs, also to the one that sends. */
export class TabBus {
  readonly #channel: BroadcastChannelLike | undefined;
  readonly #received: (message: TabMessage) => void;
  #isClosed = false;

  /** @param channel undefined: there are no other tabs */
  constructor(channel: BroadcastChannelLike | undefined, received: (message: TabMessage) => void) {
    this.#channel = channel;
    this.#received = received;
    channel?.addEventListener('message', ({ data }) => this.#take(data));
  }

  /** @throws TypeError, RangeError: data that JSON does not know */
  post(message: TabMessage): void {
    if (this.#isClosed) return;
    const text = writeJson(message);
    this.#channel?.postMessage(text);
    queueMicrotask(() => this.#take(text));
  }

  close(): void {
    this.#isClosed = true;
    this.#channel?.close();
  }

  #take(text: unknown): void {
    if (this.#isClosed || typeof text !== 'string') return;
    const message = readMessage(text);
    if (message !== undefined) this.#received(message);
  }
}

/** Undefined: it is somebody else who speaks there. */
function readMessage(text: string): TabMessage | undefined {
  try {
    const message = readJson(text);
    return isMessage(message) ? message : undefined;
  } catch {
    return undefined;
  }
}

// The name of the bus says which version of this module is spoken there.
function isMessage(value: unknown): value is TabMessage {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** Writes an error for other tabs. */
export function writeError(error: unknown): TabError {
  if (error instanceof RealtimeError) return error.toWire();
  return { message: error instanceof Error ? error.message : String(error) };
}

/** Reads one. */
export function readError(error: TabError): Error {
  return 'code' in error ? RealtimeError.fromWire(error) : new Error(error.message);
}
