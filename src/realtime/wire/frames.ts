// The frames of the realtime protocol, version 1, as both sides see them: arrays that begin with a number. What each
// means, byte by byte, is in docs/realtime-protocol.md. A transport carries one frame, or an array of frames, at a time.

import type { WireError } from './error-codes.ts';
import type { JsonDelta } from './json-delta.ts';
import type { WirePosition } from './stream-position.ts';

/** The version of the protocol that a hello names. */
export const protocolVersion = 1;

/** The subprotocol of the opening handshake: this protocol, written as JSON. */
export const jsonSubprotocol = 'fullduplex.v1.json';

/** The numbers that frames begin with. */
export const FrameType = {
  hello: 1,
  publication: 2,
  entry: 3,
  request: 4,
  reply: 5,
  subscribe: 6,
  unsubscribe: 7,
  refresh: 8,
  revoked: 9,
  goodbye: 10,
  snapshot: 11,
  skipped: 12,
  error: 13,
  cancel: 14,
  change: 15,
} as const;

/** What a channel does with what is published: see docs/realtime-protocol.md. */
export type Delivery = 'log' | 'latest' | 'volatile';

/** How a client wants to follow a channel. */
export interface SubscribeWish {
  /** What it has already; without it, it begins at the end. */
  readonly position?: WirePosition;
  /** How many publications before the end it wants, when it has no position or its position is gone. */
  readonly history?: number;
  /** The most publications a second. */
  readonly rate?: number;
  /** Whether it can be sent what changed instead of whole values (`json-delta.ts`). */
  readonly delta?: true;
  /** Whether it wants to know who is there. */
  readonly presence?: boolean;
  /** Its position in the presence of the channel. */
  readonly presencePosition?: WirePosition;
  /** What others may know of it, while it is subscribed with presence. */
  readonly info?: unknown;
  /** Its position in the keyed state, which has an order of its own. */
  readonly statePosition?: WirePosition;
}

/** A subscription in a hello: a number of the client's own, the channel, and how. */
export type WireSubscribe = readonly [ref: number, channel: string, wish?: SubscribeWish];

/** What a client says first. */
export interface Hello {
  readonly v: number;
  /** The version of the contract that the client was made with. */
  readonly contract?: string;
  readonly token?: string;
  /** The session that it wants to go on with: its public id and its secret. */
  readonly session?: readonly [id: string, secret: string];
  readonly subs?: readonly WireSubscribe[];
  /** Its positions in what is sent to its session and to its user only. */
  readonly own?: { readonly session?: WirePosition; readonly user?: WirePosition };
}

/** Why what was missed could not be recovered. */
export type GapReason =
  /** The position names a history that is gone: another epoch, or another entry at that place. */
  | 'epoch'
  /** The history no longer reaches back to the position. */
  | 'expired'
  /** The session was too slow, and the history has passed it. */
  | 'overrun'
  /** The channel keeps no history. */
  | 'volatile'
  /** What was missed is more than is sent at once. */
  | 'limit';

/** One ordered stream of a subscription: its alias on this connection, and where what follows begins. */
export interface StreamStart {
  readonly alias: number;
  readonly position: WirePosition;
  /** Whether everything since the position that was asked for follows; absent when none was asked for. */
  readonly recovered?: boolean;
  /** Why not. */
  readonly gap?: GapReason;
}

/** How a subscription stands. Publications and entries that were missed, or snapshots, follow. */
export interface Subscribed extends StreamStart {
  readonly delivery: Delivery;
  /** The events of the channel: a publication names one by its place here. */
  readonly events: readonly string[];
  /** The keyed state, where the channel has one. */
  readonly state?: StreamStart;
  /** Who is there, where that was asked for. */
  readonly presence?: StreamStart & {
    /** Whether only the number is told: see PresenceCount. */
    readonly counts?: boolean;
  };
}

/** The answer to a subscription: accepted, or not. */
export type WireSubscribed =
  | readonly [ref: number, subscribed: Subscribed]
  | readonly [ref: number, refused: null, error: WireError];

/** What a server says first. */
export interface Welcome {
  readonly v: number;
  readonly session: readonly [id: string, secret: string];
  /** Whether it is the session that the client named. */
  readonly resumed: boolean;
  readonly user?: string;
  /** How often the server sends a heartbeat, in milliseconds. */
  readonly pingMs: number;
  /** The most that one message of the client may have, in bytes. */
  readonly maxBytes: number;
  /** How long after it was first sent a request may be sent again, in milliseconds: so long the server knows it for certain. */
  readonly againMs: number;
  readonly contract?: string;
  readonly subs: readonly WireSubscribed[];
  /** What is sent to the session, and to the user, only; absent when the contract has no direct events. */
  readonly own?: { readonly session: Subscribed; readonly user?: Subscribed };
}

/** What is known of a publication beside its data. */
export interface PublicationMeta {
  /** The user who published it. */
  readonly user?: string;
  /** When, in milliseconds since 1970. */
  readonly at?: number;
}

/**
 * `[2, alias, offset difference, event, data, entry id?, meta?]`. The difference is 1 on a `log` channel (what is left out there is told
 * by a skip); on a `latest` channel it is more when older ones of the same key were left out; on a `volatile` channel it is 0, the
 * position stays `["", 0, ""]`, and the id is absent, or empty when there is meta.
 */
export type PublicationFrame = readonly [
  type: 2,
  alias: number,
  step: number,
  event: number,
  data: unknown,
  id?: string,
  meta?: PublicationMeta,
];

/**
 * As a publication, with what changed since the data of the event's publication before, on this subscription: only for those who
 * asked for `delta`, and only where that one was not left out.
 */
export type ChangeFrame = readonly [
  type: 15,
  alias: number,
  step: number,
  event: number,
  delta: JsonDelta,
  id?: string,
  meta?: PublicationMeta,
];

/**
 * `[3, alias, offset difference, key, value, entry id]`; null instead of a value: the key is gone. The difference is more than 1
 * when older changes of the same key were left out.
 */
export type EntryFrame = readonly [
  type: 3,
  alias: number,
  step: number,
  key: string,
  value: unknown,
  id: string,
];

/** What presence says of each connection that is there, under a key that clients do not take apart. */
export interface PresenceMember {
  readonly user?: string;
  /** What it lets others know: the `info` of its subscription. */
  readonly info?: unknown;
}

/**
 * What presence says instead where the channel tells numbers only (`counts`): snapshots of this map, one after another and without
 * positions.
 */
export interface PresenceCount {
  readonly count: number;
}

/** The result of a publication; without an offset where nothing is kept. */
export interface PublishResult {
  readonly offset?: number;
}

/** The input of the request `$history` of a channel. */
export interface HistoryRequest {
  /** The offset before which the page ends; absent: the end. */
  readonly before?: number;
  readonly count: number;
}

/** A publication on a page of the history, with the name of its event: it is read without a subscription. */
export type HistoryEntry = readonly [
  offset: number,
  event: string,
  data: unknown,
  id: string,
  meta?: PublicationMeta,
];

/** The result of `$history`: oldest first. */
export interface HistoryPage {
  readonly entries: readonly HistoryEntry[];
}

/** The result of `$presence`. */
export type PresenceResult = Readonly<Record<string, PresenceMember>> | PresenceCount;

/** What a request may say beside its input. */
export interface RequestOptions {
  /** How long the caller waits, in milliseconds. */
  readonly deadlineMs?: number;
  /** That it is sent again: the first time may have been enough. */
  readonly again?: true;
}

/**
 * `[4, id, channel, name, data, options?]`: publishes an event on a channel (its alias, or its name), or calls what the
 * other side offers (0). An id is a number or a text that its session never uses again; 0: nobody waits for a reply.
 */
export type RequestFrame = readonly [
  type: 4,
  id: number | string,
  channel: number | string,
  name: string,
  data: unknown,
  options?: RequestOptions,
];

/** `[5, id, result]`, or `[5, id, null, error]`. */
export type ReplyFrame = readonly [type: 5, id: number | string, result: unknown, error?: WireError];

/** `[14, id]`: whoever sent the request no longer waits. */
export type CancelFrame = readonly [type: 14, id: number | string];

/** `[]`: the server asks for a sign of life, and the client answers with the same. */
export type Heartbeat = readonly [];

/** What goes from the client to the server. */
export type ClientFrame =
  | Heartbeat
  | readonly [type: 1, hello: Hello]
  | RequestFrame
  | ReplyFrame
  | CancelFrame
  | readonly [type: 6, ref: number, channel: string, wish?: SubscribeWish]
  | readonly [type: 7, alias: number]
  | readonly [type: 8, token: string];

/** Why a connection is ended, and what the client does next. */
export interface Goodbye extends WireError {
  /** After how many milliseconds to come back; absent: by the client's own backoff. Counts only when `retryable`. */
  readonly afterMs?: number;
}

/** Where a stream goes on when something was left out. */
export interface SkippedTo {
  readonly position: WirePosition;
  /** Absent for publications that were left out by the rules of the channel. */
  readonly gap?: GapReason;
}

/** What goes from the server to the client. */
export type ServerFrame =
  | Heartbeat
  | readonly [type: 1, welcome: Welcome]
  | PublicationFrame
  | ChangeFrame
  | EntryFrame
  | RequestFrame
  | ReplyFrame
  | CancelFrame
  | readonly [type: 6, ...answer: WireSubscribed]
  /** A token was accepted; with an error: it could not be looked at now, and the one before holds on. */
  | readonly [type: 8, user: string | null, error?: WireError]
  | readonly [type: 9, alias: number, error: WireError]
  | readonly [type: 10, goodbye: Goodbye]
  /** The whole of a keyed map at the place where its stream stands; it replaces what the client had. */
  | readonly [type: 11, alias: number, entries: Readonly<Record<string, unknown>>]
  /** How many publications were left out (-1: nobody knows), and where the stream goes on. */
  | readonly [type: 12, alias: number, count: number, to: SkippedTo]
  | readonly [type: 13, error: WireError];

/** A request to a fallback: what the body of its POST says. */
export type FallbackRequest =
  | { readonly link: 'stream'; readonly hello: Hello }
  | {
      readonly link: 'poll';
      readonly hello: Hello;
      /** That it is answered at once, also when the welcome tells nothing new: the client wants to know whether it gets through. */
      readonly now?: true;
    }
  | {
      readonly link: 'send';
      readonly session: readonly [id: string, secret: string];
      readonly frames: readonly ClientFrame[];
    };
