// What a hub stands on: streams of entries with positions, keyed maps, and records of calls, shared by all nodes that use the
// same engine. In memory it is this process alone; Redis and NATS make it many. Each guarantee stands at its method and is
// tested by one suite for all engines (src/testing/engine-contract.ts).
//
// What shapes the contract: an entry carries its own offset, so that a node which hears of it sees at once whether it has
// missed one, and repairs that by reading; positions carry an id per entry, because no engine can prove by its own identity that
// a history is the one from before a crash; everything that must not be torn is one call here (append with its offset and
// idempotency key, change of a map with its entry in the stream, claim of a call).

import type { StreamPosition } from '../wire/stream-position.ts';

/** One entry of a stream. */
export interface StreamEntry {
  /** `publication`: an event; `set` and `delete`: a change of the keyed map. */
  readonly kind: 'publication' | 'set' | 'delete';
  /** Its place: one more than that of the entry before. */
  readonly offset: number;
  /** Random, at least 24 bits, as 4 or more characters of base64url. */
  readonly id: string;
  /** The event, or the key. */
  readonly name: string;
  /** The data as JSON; for `delete` it is `null`. */
  readonly data: string;
  /** The user who published it. */
  readonly user?: string;
  /** When, in milliseconds since 1970. */
  readonly atMs: number;
  /** The session that published it, when it does not want to get it back. */
  readonly exceptSession?: string;
}

/**
 * How much of a stream is kept, at least. Of one entry more the place and the id are kept, so that the end of what is promised can be
 * verified; and the place of the head is kept for long after that, at least as long as somebody is subscribed.
 */
export interface Retention {
  /** How many entries. */
  readonly maxEntries: number;
  /** How long, in milliseconds. */
  readonly maxAgeMs: number;
}

/** What is appended. */
export interface AppendRequest {
  readonly name: string;
  /** JSON. */
  readonly data: string;
  readonly user?: string;
  readonly exceptSession?: string;
  readonly retention: Retention;
  /** The same key on the same channel, within its time, appends once: the second gets the place of the first. */
  readonly idempotency?: { readonly key: string; readonly windowMs: number };
}

/** Where an entry stands. */
export interface Appended {
  readonly position: StreamPosition;
  /** Whether it was there already, by its idempotency key. */
  readonly isRepeated: boolean;
}

/** What was read of a stream. */
export type StreamRead =
  /** Everything after the position, up to the head, in order and without a gap. */
  | { readonly kind: 'read'; readonly entries: readonly StreamEntry[]; readonly head: StreamPosition }
  /** The position does not belong to this history (`epoch`), or the history does not reach back to it (`expired`). */
  | { readonly kind: 'gap'; readonly reason: 'epoch' | 'expired' | 'limit'; readonly head: StreamPosition };

/** One value of a keyed map. */
export interface MapEntry {
  readonly key: string;
  /** JSON. */
  readonly value: string;
  /** The node that answers for it; when its lease ends, so does the entry. */
  readonly owner?: string;
}

/** A change of a keyed map. */
export type MapChange =
  | { readonly key: string; readonly value: string; readonly owner?: string }
  /** With `ifOwner`, only when that node answers for it: one that is going away must not remove who has moved. */
  | { readonly key: string; readonly value: null; readonly ifOwner?: string };

/** What is told and not kept. */
export interface BroadcastEvent {
  readonly name: string;
  /** JSON. */
  readonly data: string;
  readonly user?: string;
  readonly exceptSession?: string;
  /** When, in milliseconds since 1970. */
  readonly atMs: number;
}

/** Who hears of the entries of a channel on a node. */
export interface StreamListener {
  /** An entry was appended. Entries come in the order of their offsets; one that is not the next shows that some are missing. */
  appended(channel: string, entry: StreamEntry, epoch: string): void;
  /** Something was broadcast. */
  heard(channel: string, event: BroadcastEvent): void;
  /** The stream may have changed without a word (the engine was away): read on from what you have. */
  interrupted(channel: string): void;
}

/**
 * What a renewal found. `begun`: there was no lease, so that nothing is left of what the node owned; it says again what it owns.
 * So a node that was held up for longer than its lease finds out.
 */
export type LeaseState = 'renewed' | 'begun';

/** The id of a call within its session: `1` and `'1'` are two. */
export type CallId = number | string;

/** What became of a call. */
export type CallClaim =
  /** Nobody has run it: run it now, then `complete` it. */
  | { readonly kind: 'claimed' }
  /** It was run; its result is JSON. */
  | { readonly kind: 'completed'; readonly result: string }
  /** A node runs it. */
  | { readonly kind: 'running'; readonly node: string }
  /** The node that ran it is gone, and nobody knows how far it came. */
  | { readonly kind: 'unknown' };

/** A session as all nodes know it. */
export interface SessionRecord {
  readonly user: string | undefined;
  /** The SHA-256 of its secret, in base64url: whoever reads the engine cannot resume it. */
  readonly secretHash: string;
  /** Until when its token holds, in milliseconds since 1970; a node that only gets requests of the session asks nobody else. */
  readonly expiresAtMs?: number;
  /** What the application knows of the session beside the user, as JSON. */
  readonly data?: string;
  /** How many links it has had, on all nodes: who hears of a link late sees by this that it is not the newest. @defaultValue 0 */
  readonly generation?: number;
}

/** Where a hub keeps what has to outlive a connection, and how nodes hear of each other. All methods reject with RealtimeError `UNAVAILABLE` while the engine is away. */
export interface Engine {
  /** Its kind, for people: `memory`, `redis`. */
  readonly name: string;

  /**
   * Appends a publication and tells all subscribed nodes, before or after it resolves. Atomic: the offset, the entry and the idempotency key come about together
   * or not at all. After it has resolved, `read` on any node finds the entry. A rejection leaves open whether it was appended,
   * unless its code says more than `UNAVAILABLE`; trying again with the same idempotency key is safe.
   */
  append(channel: string, request: AppendRequest): Promise<Appended>;

  /**
   * Tells subscribed nodes of an event without keeping it: it has no offset and may be lost. In the order of the calls of one node.
   */
  broadcast(channel: string, event: Omit<BroadcastEvent, 'atMs'>): Promise<void>;

  /** Where the stream ends; a stream that nobody has written to has an epoch already, and keeps it as long as it is promised. */
  head(channel: string): Promise<StreamPosition>;

  /**
   * Reads everything after a position. Never silently wrong: `read` only when the log still holds the very entry of the
   * position, or the position is the head, or the offset is 0 of this epoch and nothing was dropped.
   * @param limit the most entries; when there are more, the answer is a gap with the reason `limit`
   */
  read(channel: string, since: StreamPosition, limit: number): Promise<StreamRead>;

  /** The last entries before an offset (before the end, when undefined), oldest first: a page of the history, as far as it is kept. */
  history(
    channel: string,
    before: number | undefined,
    count: number,
  ): Promise<{ readonly entries: readonly StreamEntry[]; readonly head: StreamPosition }>;

  /**
   * Begins to tell this node of what is appended to the channel. When it resolves, everything that is appended later is told, in the
   * order of the offsets, to each listener once, however often it was subscribed. What a listener throws stops neither the others nor whoever appended.
   */
  subscribe(channel: string, listener: StreamListener): Promise<void>;

  /** Ends it: from now on nothing is told. */
  unsubscribe(channel: string, listener: StreamListener): void;

  /**
   * Changes the keyed map of a channel and appends one entry for each change that changes something (a value that is equal already
   * changes at most its owner, in silence). All of the changes happen, in order, or none. An owner whose lease does not run is refused with
   * `UNAVAILABLE`, because nothing would remove the entry again.
   */
  change(channel: string, changes: readonly MapChange[], retention: Retention): Promise<StreamPosition>;

  /** The whole map, and the place in the stream at which it is what it is. */
  map(channel: string): Promise<{ readonly entries: readonly MapEntry[]; readonly head: StreamPosition }>;

  /**
   * Says that a node lives. When it has not been said for `ttlMs`, what the node owns in any map is removed (which is told, as any
   * change), and calls that it runs become `unknown`, also when its lease is begun anew.
   */
  renewLease(node: string, ttlMs: number): Promise<LeaseState>;

  /** Gives up a lease: as if it had run out now. */
  releaseLease(node: string): Promise<void>;

  /**
   * Claims a call of a session for a node, which should have a lease: without, others see the call as `unknown` at once. Only one
   * caller ever gets `claimed` for an id of a session within the window. An engine that knows at once may answer at once, here and
   * below: there are more calls than anything else.
   */
  claimCall(session: string, id: CallId, node: string, windowMs: number): CallClaim | Promise<CallClaim>;

  /**
   * Keeps the result of a claimed call, as JSON, for those who ask again within the window, which begins now; also when it had become
   * `unknown`. Results that are too much together may be let go of earlier: such a call is `unknown` for the rest of its window.
   */
  completeCall(session: string, id: CallId, result: string, windowMs: number): void | Promise<void>;

  /** Forgets calls whose answers were heard: nobody asks for them again. One that is claimed all the same is `claimed`. */
  forgetCalls(session: string, ids: readonly CallId[]): void | Promise<void>;

  /** Keeps a session for the time given, anew with each call. A record of an earlier generation than the one that is kept changes nothing. */
  keepSession(id: string, session: SessionRecord, ttlMs: number): Promise<void>;

  /** The session; undefined when there is none any more. */
  session(id: string): Promise<SessionRecord | undefined>;

  /** Forgets a session. */
  endSession(id: string): Promise<void>;

  /** Forgets all sessions of a user, whichever node has kept them. */
  endSessionsOf(user: string): Promise<void>;

  /** Lets go of everything that this object holds; what others share stays. Whoever made the engine closes it, not the hubs that use it. */
  close(): Promise<void>;
}
