// Who is there on the channels of this node: what it has put into their presence maps. Somebody who loses the connection is there for
// a while longer, so that coming back is no leaving and joining; what happens in one moment is one change of the map; and who has
// moved to another node is not removed by this one.

import type { Clock, Timer } from '../../base/clock.ts';
import { SharedTimer, SharedTimers } from '../../base/shared-timers.ts';
import type { Engine, MapChange, Retention, StreamEntry, StreamListener } from '../engine/engine.ts';
import type { ChannelDeclaration, FoundChannel } from './channel-declaration.ts';
import type { NodeLease } from './node-lease.ts';
import { presenceStream } from './subscription.ts';

const retention: Retention = Object.freeze({ maxEntries: 1_000, maxAgeMs: 5 * 60_000 });
// The first change is told at once, and those that follow are gathered for so long.
const gatherMs = 100;
const retryMs = 1_000;

/** What presence rooms take from their node. */
export interface PresenceEnvironment {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly lease: NodeLease;
}

/** All presence of a node, by channel. */
export class PresenceRooms {
  readonly #environment: PresenceEnvironment;
  readonly #rooms = new Map<string, PresenceRoom>();

  constructor(environment: PresenceEnvironment) {
    this.#environment = environment;
  }

  /** Somebody is there, with what others may know. */
  join({ name, declaration }: FoundChannel, key: string, value: string): void {
    let room = this.#rooms.get(name);
    if (room === undefined) {
      room = new PresenceRoom(name, declaration, this.#environment, () => this.#rooms.delete(name));
      this.#rooms.set(name, room);
    }
    room.join(key, value);
  }

  /** Somebody leaves: at once, or when the grace is over. */
  leave(channel: string, key: string, graceMs: number): void {
    this.#rooms.get(channel)?.leave(key, graceMs);
  }

  /** The lease had run out: everybody is told again. */
  announceAll(): void {
    for (const room of this.#rooms.values()) room.announceAll();
  }

  /** Stops all waiting; what the node owns goes with its lease. */
  close(): void {
    for (const room of this.#rooms.values()) room.close();
    this.#rooms.clear();
  }
}

class PresenceRoom implements StreamListener {
  readonly #stream: string;
  readonly #isCounted: boolean;
  readonly #environment: PresenceEnvironment;
  readonly #emptied: () => void;
  readonly #members = new Map<string, Member>();
  // What the map does not say yet.
  #pending = new Map<string, string | null>();
  #isChanging = false;
  #isListening = false;
  #isClosed = false;
  #timer: Timer | undefined;

  constructor(
    channel: string,
    { presenceMode }: ChannelDeclaration,
    environment: PresenceEnvironment,
    emptied: () => void,
  ) {
    this.#stream = presenceStream(channel);
    this.#isCounted = presenceMode === 'counts';
    this.#environment = environment;
    this.#emptied = emptied;
  }

  join(key: string, value: string): void {
    const member = this.#members.get(key);
    if (member !== undefined) {
      SharedTimers.of(this.#environment.clock).cancel(member);
      // Said again even when it is the same: meanwhile another node may have had it.
      member.value = value;
    } else {
      this.#members.set(key, new Member(key, value, (gone) => this.#remove(gone.key)));
    }
    this.#change(key, value);
  }

  leave(key: string, graceMs: number): void {
    const member = this.#members.get(key);
    if (member === undefined) return;
    const timers = SharedTimers.of(this.#environment.clock);
    timers.cancel(member);
    if (graceMs === 0) this.#remove(key);
    else timers.start(member, graceMs);
  }

  #remove(key: string): void {
    this.#members.delete(key);
    this.#change(key, null);
  }

  announceAll(): void {
    // Who has lost the connection is gone with the lease, or is with another node by now.
    for (const member of this.#members.values()) if (!member.isAway) this.#change(member.key, member.value);
  }

  // Another node may believe for a while that it still has who is here by now, and then remove them: they are told again.
  appended(_channel: string, { kind, name }: StreamEntry): void {
    const member = kind === 'delete' ? this.#members.get(name) : undefined;
    if (member !== undefined) this.#change(name, member.value);
  }

  heard(): void {}

  interrupted(): void {
    this.announceAll();
  }

  close(): void {
    this.#isClosed = true;
    this.#stopListening();
    this.#timer?.cancel();
    this.#pending.clear();
    const timers = SharedTimers.of(this.#environment.clock);
    for (const member of this.#members.values()) timers.cancel(member);
  }

  #change(key: string, value: string | null): void {
    this.#pending.set(key, value);
    if (this.#isChanging || this.#timer !== undefined) return;
    this.#isChanging = true;
    // Those who come in one turn come together.
    queueMicrotask(() => void this.#flush());
  }

  async #flush(): Promise<void> {
    if (this.#isClosed) return;
    const pending = this.#pending;
    this.#pending = new Map();
    const { engine, lease, clock } = this.#environment;
    let delayMs = gatherMs;
    try {
      await lease.hold();
      if (!this.#isCounted && !this.#isListening) {
        this.#isListening = true;
        await engine.subscribe(this.#stream, this);
      }
      await engine.change(this.#stream, this.#changesOf(pending), retention);
    } catch {
      this.#stopListening();
      // The engine is away: what it does not know yet is told when it is back, unless there is news by then.
      this.#pending = new Map([...pending, ...this.#pending]);
      delayMs = retryMs;
    }
    this.#isChanging = false;
    if (this.#isClosed) return;
    this.#timer = clock.setTimer(() => {
      this.#timer = undefined;
      if (this.#pending.size === 0) {
        if (this.#members.size === 0) {
          this.#stopListening();
          this.#emptied();
        }
        return;
      }
      this.#isChanging = true;
      void this.#flush();
    }, delayMs);
  }

  #stopListening(): void {
    if (this.#isListening) this.#environment.engine.unsubscribe(this.#stream, this);
    this.#isListening = false;
  }

  #changesOf(pending: ReadonlyMap<string, string | null>): readonly MapChange[] {
    const { node } = this.#environment.lease;
    if (this.#isCounted) {
      const count = this.#members.size;
      return [
        count > 0
          ? { key: node, value: String(count), owner: node }
          : { key: node, value: null, ifOwner: node },
      ];
    }
    return [...pending].flatMap(([key, value]): readonly MapChange[] => {
      if (value === null) return [{ key, value, ifOwner: node }];
      // Who has lost the connection meanwhile may be on another node by now, which is not to lose them.
      return this.#members.get(key)?.isAway === true ? [] : [{ key, value, owner: node }];
    });
  }
}

/** Somebody who is there; waits while the connection is lost. */
class Member extends SharedTimer {
  readonly key: string;
  value: string;
  readonly #gone: (member: Member) => void;

  constructor(key: string, value: string, gone: (member: Member) => void) {
    super();
    this.key = key;
    this.value = value;
    this.#gone = gone;
  }

  /** Whether it has lost the connection, and may come back. */
  get isAway(): boolean {
    return this.list !== undefined;
  }

  override timeUp(): void {
    this.#gone(this);
  }
}
