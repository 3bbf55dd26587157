// The contract of engines is worth something only when an engine that breaks a promise fails the case of that promise.

import { describe, expect, it } from 'vitest';
import type {
  Appended,
  AppendRequest,
  CallClaim,
  CallId,
  Engine,
  LeaseState,
  MapChange,
  MapEntry,
  Retention,
  SessionRecord,
  StreamEntry,
  StreamListener,
  StreamRead,
} from '../../../src/realtime/engine/engine.ts';
import { MemoryEngine } from '../../../src/realtime/engine/memory-engine.ts';
import type { StreamPosition } from '../../../src/realtime/wire/stream-position.ts';
import { DelegatingEngine } from '../../../src/testing/delegating-engine.ts';
import type { EngineUnderTest } from '../../../src/testing/engine-contract/contract-case.ts';
import { engineContract } from '../../../src/testing/engine-contract.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';

type Plant = (engine: Engine) => Engine;

/** Changes requests to append, on the way in. */
function appending(change: (request: AppendRequest, channel: string) => AppendRequest): Plant {
  return (engine) =>
    new (class extends DelegatingEngine {
      override append(channel: string, request: AppendRequest): Promise<Appended> {
        return super.append(channel, change(request, channel));
      }
    })(engine);
}

/** Changes what a read gives. */
function reading(change: (read: StreamRead, since: StreamPosition) => StreamRead): Plant {
  return (engine) =>
    new (class extends DelegatingEngine {
      override async read(channel: string, since: StreamPosition, limit: number): Promise<StreamRead> {
        return change(await super.read(channel, since, limit), since);
      }
    })(engine);
}

/** Changes what listeners are told. */
function telling(wrap: (listener: StreamListener) => StreamListener): Plant {
  return (engine) =>
    new (class extends DelegatingEngine {
      readonly #wrapped = new Map<StreamListener, StreamListener>();

      override subscribe(channel: string, listener: StreamListener): Promise<void> {
        const wrapped = this.#wrapped.get(listener) ?? wrap(listener);
        this.#wrapped.set(listener, wrapped);
        return super.subscribe(channel, wrapped);
      }

      override unsubscribe(channel: string, listener: StreamListener): void {
        super.unsubscribe(channel, this.#wrapped.get(listener) ?? listener);
      }
    })(engine);
}

function listenerWith(listener: StreamListener, changes: Partial<StreamListener>): StreamListener {
  return {
    appended: (channel, entry, epoch) => listener.appended(channel, entry, epoch),
    heard: (channel, event) => listener.heard(channel, event),
    interrupted: (channel) => listener.interrupted(channel),
    ...changes,
  };
}

/** Changes what is changed in maps. */
function changing(change: (changes: readonly MapChange[]) => readonly MapChange[]): Plant {
  return (engine) =>
    new (class extends DelegatingEngine {
      override change(
        channel: string,
        changes: readonly MapChange[],
        retention: Retention,
      ): Promise<StreamPosition> {
        return super.change(channel, change(changes), retention);
      }
    })(engine);
}

/** Changes how calls are claimed. */
function claiming(
  change: (claim: CallClaim, again: () => CallClaim | Promise<CallClaim>) => CallClaim,
): Plant {
  return (engine) =>
    new (class extends DelegatingEngine {
      override async claimCall(
        session: string,
        id: CallId,
        node: string,
        windowMs: number,
      ): Promise<CallClaim> {
        const claim = (): CallClaim | Promise<CallClaim> => super.claimCall(session, id, node, windowMs);
        return change(await claim(), claim);
      }
    })(engine);
}

const hiddenGap = reading((read) =>
  read.kind === 'gap' ? { kind: 'read', entries: [], head: read.head } : read,
);

/** For each guarantee what breaks it, a line each. */
const plants: Readonly<Record<string, readonly Plant[]>> = {
  'an append gives the next offset, a random id, and the epoch of the stream': [
    (engine) =>
      new (class extends DelegatingEngine {
        override async append(channel: string, request: AppendRequest): Promise<Appended> {
          const { position, isRepeated } = await super.append(channel, request);
          return { position: { ...position, id: 'same' }, isRepeated };
        }
      })(engine),
    (engine) =>
      new (class extends DelegatingEngine {
        override async append(channel: string, request: AppendRequest): Promise<Appended> {
          await super.append(channel, request);
          return super.append(channel, request);
        }
      })(engine),
  ],
  'after an append has resolved, a read on another node finds the entry whole': [
    appending((request) => ({ ...request, user: undefined })),
    appending((request) => ({ ...request, exceptSession: undefined })),
    appending((request) => ({ ...request, data: request.data.replace(/\\u0000/, '') })),
    (engine) =>
      new (class extends DelegatingEngine {
        override async append(channel: string, request: AppendRequest): Promise<Appended> {
          const head = await super.head(channel);
          setTimeout(() => void super.append(channel, request).catch(() => undefined), 0);
          return { position: { ...head, offset: head.offset + 1, id: 'abcd' }, isRepeated: false };
        }
      })(engine),
  ],
  'the same idempotency key appends once, also on two nodes at the same time': [
    appending((request) => ({ ...request, idempotency: undefined })),
  ],
  'an idempotency key counts on its own channel and within its window only': [
    appending((request) => ({ ...request, idempotency: undefined })),
    appending((request) => ({ ...request, idempotency: { key: 'k', windowMs: 1e9 } })),
    (engine) =>
      new (class extends DelegatingEngine {
        override async append(channel: string, request: AppendRequest): Promise<Appended> {
          // The same key counts on all channels.
          if (channel === 'b') return { position: await super.head('a'), isRepeated: true };
          return super.append(channel, request);
        }
      })(engine),
  ],
  'appends at the same time get one order, which every node is told': [
    telling((listener) =>
      listenerWith(listener, {
        appended: (channel, entry, epoch) => {
          if (entry.offset !== 7) listener.appended(channel, entry, epoch);
        },
      }),
    ),
    telling((listener) => {
      let held: StreamEntry | undefined;
      return listenerWith(listener, {
        appended: (channel, entry, epoch) => {
          if (entry.offset === 7) {
            held = entry;
            return;
          }
          listener.appended(channel, entry, epoch);
          if (held !== undefined) listener.appended(channel, held, epoch);
          held = undefined;
        },
      });
    }),
    telling((listener) =>
      listenerWith(listener, {
        appended: (channel, entry, epoch) => {
          listener.appended(channel, entry, epoch);
          if (entry.offset === 7) listener.appended(channel, entry, epoch);
        },
      }),
    ),
  ],
  'a broadcast is told in the order of the calls, and leaves no trace': [
    (engine) =>
      new (class extends DelegatingEngine {
        override async broadcast(channel: string, event: { name: string; data: string }): Promise<void> {
          await super.broadcast(channel, event);
          await super.append(channel, { ...event, retention: { maxEntries: 0, maxAgeMs: 0 } });
        }
      })(engine),
    telling((listener) =>
      listenerWith(listener, {
        heard: (channel, event) => listener.heard(channel, { ...event, user: undefined }),
      }),
    ),
    (engine) =>
      new (class extends DelegatingEngine {
        override async broadcast(channel: string, event: { name: string; data: string }): Promise<void> {
          if (event.data !== '3') await super.broadcast(channel, event);
        }
      })(engine),
  ],
  'when a subscription has resolved, everything that is appended later is told': [
    (engine) =>
      new (class extends DelegatingEngine {
        override async subscribe(channel: string, listener: StreamListener): Promise<void> {
          setTimeout(() => void super.subscribe(channel, listener).catch(() => undefined), 1);
        }
      })(engine),
    telling((listener) =>
      listenerWith(listener, {
        appended: (channel, entry) => listener.appended(channel, entry, 'another epoch'),
      }),
    ),
  ],
  'a listener that was subscribed twice is told once, and nothing after it is unsubscribed': [
    (engine) =>
      new (class extends DelegatingEngine {
        override subscribe(channel: string, listener: StreamListener): Promise<void> {
          return super.subscribe(channel, listenerWith(listener, {}));
        }
      })(engine),
    (engine) =>
      new (class extends DelegatingEngine {
        override unsubscribe(): void {}
      })(engine),
  ],
  'a listener that throws takes nothing from the others, nor from whoever appends': [
    (engine) =>
      new (class extends DelegatingEngine {
        readonly #listeners: StreamListener[] = [];

        override async subscribe(_channel: string, listener: StreamListener): Promise<void> {
          this.#listeners.push(listener);
        }

        override async append(channel: string, request: AppendRequest): Promise<Appended> {
          const appended = await super.append(channel, request);
          const { entries } = await super.history(channel, undefined, 1);
          for (const listener of this.#listeners)
            listener.appended(channel, entries[0], appended.position.epoch);
          return appended;
        }
      })(engine),
  ],
  'any name of a channel is a channel of its own': [
    (engine) =>
      new (class extends DelegatingEngine {
        override append(channel: string, request: AppendRequest): Promise<Appended> {
          return super.append(channel.normalize('NFC'), request);
        }
      })(engine),
    (engine) =>
      new (class extends DelegatingEngine {
        override append(channel: string, request: AppendRequest): Promise<Appended> {
          return super.append(channel.slice(0, 254), request);
        }
      })(engine),
  ],
  'a stream that nobody has written to has an epoch, and keeps it': [
    (engine) =>
      new (class extends DelegatingEngine {
        #epochs = 0;
        override async head(channel: string): Promise<StreamPosition> {
          const head = await super.head(channel);
          return head.offset > 0 ? head : { ...head, epoch: `made anew ${this.#epochs++}` };
        }
      })(engine),
  ],
  'a read since any position that is kept gives everything after it, in order': [
    reading((read) => (read.kind === 'read' ? { ...read, entries: read.entries.slice(1) } : read)),
    reading((read) => (read.kind === 'read' ? { ...read, entries: read.entries.toReversed() } : read)),
    reading((read, since) =>
      since.offset === 11 ? { kind: 'gap', reason: 'expired', head: read.head } : read,
    ),
  ],
  'as many entries as are promised are kept, and the place before them can be verified': [
    appending((request) => ({
      ...request,
      retention: { ...request.retention, maxEntries: request.retention.maxEntries - 1 },
    })),
    hiddenGap,
  ],
  'history that was dropped is a gap, also since the very beginning': [
    hiddenGap,
    // Gives what is left, as if nothing had been before.
    (engine) =>
      new (class extends DelegatingEngine {
        override async read(channel: string, since: StreamPosition, limit: number): Promise<StreamRead> {
          if (since.offset > 0) return super.read(channel, since, limit);
          return { kind: 'read', ...(await super.history(channel, undefined, limit)) };
        }
      })(engine),
  ],
  'a position of another history is a gap: another epoch, another id, a place beyond the end': [
    hiddenGap,
    // Believes every id: asks with the one that is there.
    (engine) =>
      new (class extends DelegatingEngine {
        override async read(channel: string, since: StreamPosition, limit: number): Promise<StreamRead> {
          const { entries } = await super.history(channel, since.offset + 1, 1);
          const id = entries[0]?.offset === since.offset ? entries[0].id : since.id;
          return super.read(channel, { ...since, id }, limit);
        }
      })(engine),
    // Believes every epoch.
    (engine) =>
      new (class extends DelegatingEngine {
        override async read(channel: string, since: StreamPosition, limit: number): Promise<StreamRead> {
          return super.read(channel, { ...since, epoch: (await super.head(channel)).epoch }, limit);
        }
      })(engine),
  ],
  'a read of more than its limit is a gap that says so': [
    (engine) =>
      new (class extends DelegatingEngine {
        override async read(channel: string, since: StreamPosition, limit: number): Promise<StreamRead> {
          const read = await super.read(channel, since, 1e9);
          return read.kind === 'read' ? { ...read, entries: read.entries.slice(0, limit) } : read;
        }
      })(engine),
  ],
  'what is older than promised is given to nobody, and its absence is not hidden': [
    appending((request) => ({ ...request, retention: { ...request.retention, maxAgeMs: 1e9 } })),
    hiddenGap,
  ],
  'the place of the head outlives the data: a quiet stream stays recoverable': [
    (engine) =>
      new (class extends DelegatingEngine {
        override async read(channel: string, since: StreamPosition, limit: number): Promise<StreamRead> {
          const { entries } = await super.history(channel, undefined, 1);
          const { head, ...read } = await super.read(channel, since, limit);
          // The head is known as long as its entry is there.
          return entries.length > 0 ? { ...read, head } : { kind: 'gap', reason: 'expired', head };
        }
      })(engine),
  ],
  'a history is read page by page, each page oldest first': [
    (engine) =>
      new (class extends DelegatingEngine {
        override history(
          channel: string,
          before: number | undefined,
          count: number,
        ): Promise<{ readonly entries: readonly StreamEntry[]; readonly head: StreamPosition }> {
          return super.history(channel, before === undefined ? undefined : before + 1, count);
        }
      })(engine),
    (engine) =>
      new (class extends DelegatingEngine {
        override async history(
          channel: string,
          before: number | undefined,
          count: number,
        ): Promise<{ readonly entries: readonly StreamEntry[]; readonly head: StreamPosition }> {
          const { entries, head } = await super.history(channel, before, count);
          return { entries: entries.toReversed(), head };
        }
      })(engine),
  ],
  'a change is in the map, in the stream, and told': [
    changing((changes) => changes.filter(({ value }) => value !== null)),
    telling((listener) => listenerWith(listener, { appended: () => undefined })),
    (engine) =>
      new (class extends DelegatingEngine {
        override async map(channel: string): Promise<{ entries: readonly MapEntry[]; head: StreamPosition }> {
          return { entries: [], head: { ...(await super.head(channel)), offset: 0 } };
        }
      })(engine),
  ],
  'several changes happen in order, one entry for each': [
    changing((changes) => changes.toReversed()),
    changing((changes) =>
      changes.filter(({ key }, index) => !changes.slice(index + 1).some((later) => later.key === key)),
    ),
    changing((changes) => changes.filter(({ key }) => key !== '__proto__')),
  ],
  'a change that changes nothing makes no entry': [
    (engine) =>
      new (class extends DelegatingEngine {
        override async change(
          channel: string,
          changes: readonly MapChange[],
          retention: Retention,
        ): Promise<StreamPosition> {
          for (const { key } of changes) await super.change(channel, [{ key, value: null }], retention);
          return super.change(channel, changes, retention);
        }
      })(engine),
  ],
  'an entry goes over to a new owner in silence, and only its owner removes it': [
    changing((changes) =>
      changes.map((change) => (change.value === null ? { key: change.key, value: null } : change)),
    ),
    changing((changes) =>
      changes.map((change) =>
        change.value !== null && change.owner === 'n2' ? { ...change, owner: 'n1' } : change,
      ),
    ),
  ],
  'an owner without a lease is refused, and then none of the changes happens': [
    (engine) =>
      new (class extends DelegatingEngine {
        override async change(
          channel: string,
          changes: readonly MapChange[],
          retention: Retention,
        ): Promise<StreamPosition> {
          let head = await super.head(channel);
          for (const change of changes) head = await super.change(channel, [change], retention);
          return head;
        }
      })(engine),
    changing((changes) => changes.map(({ key, value }) => ({ key, value }))),
  ],
  'the map is what its entries make of it, whichever node changes it': [
    reading((read) => (read.kind === 'read' ? { ...read, entries: read.entries.slice(0, -1) } : read)),
    (engine) =>
      new (class extends DelegatingEngine {
        override async map(channel: string): Promise<{ entries: readonly MapEntry[]; head: StreamPosition }> {
          // The map and its place do not belong together.
          const { entries } = await super.map(channel);
          await new Promise<void>((resolve) => {
            setTimeout(resolve, 0);
          });
          return { entries, head: await super.head(channel) };
        }
      })(engine),
  ],
  'when a lease runs out, what its node owns is removed everywhere, and told': [
    (engine) =>
      new (class extends DelegatingEngine {
        override renewLease(node: string): Promise<LeaseState> {
          return super.renewLease(node, 1e9);
        }
      })(engine),
    changing((changes) =>
      changes.map((change) => (change.value === null ? change : { ...change, owner: 'n1' })),
    ),
    telling((listener) => listenerWith(listener, { appended: () => undefined })),
  ],
  'a lease that is released ends at once': [
    (engine) =>
      new (class extends DelegatingEngine {
        override async releaseLease(): Promise<void> {}
      })(engine),
  ],
  'a lease that is renewed goes on, from the last time that it was said': [
    (engine) =>
      new (class extends DelegatingEngine {
        readonly #known = new Set<string>();
        override async renewLease(node: string, ttlMs: number): Promise<LeaseState> {
          if (this.#known.has(node)) return 'renewed';
          this.#known.add(node);
          return super.renewLease(node, ttlMs);
        }
      })(engine),
    (engine) =>
      new (class extends DelegatingEngine {
        override renewLease(node: string, ttlMs: number): Promise<LeaseState> {
          return super.renewLease(node, 100 * ttlMs);
        }
      })(engine),
  ],
  'a node finds out that its lease had ended when it renews it': [
    (engine) =>
      new (class extends DelegatingEngine {
        override async renewLease(node: string, ttlMs: number): Promise<LeaseState> {
          await super.renewLease(node, ttlMs);
          return 'renewed';
        }
      })(engine),
  ],
  'what went over to another node stays when the lease of the first ends': [
    // Whoever owned it once owns it for ever.
    changing((changes) =>
      changes.map((change) => (change.value === null ? change : { ...change, owner: 'n1' })),
    ),
  ],
  'only one of all who claim a call gets it, and the others hear who runs it': [
    claiming((claim) => (claim.kind === 'running' ? { kind: 'claimed' } : claim)),
    claiming((claim) => (claim.kind === 'running' ? { kind: 'running', node: 'somebody' } : claim)),
  ],
  'a number and its text are two ids': [
    (engine) =>
      new (class extends DelegatingEngine {
        override claimCall(
          session: string,
          id: CallId,
          node: string,
          windowMs: number,
        ): CallClaim | Promise<CallClaim> {
          return super.claimCall(session, String(id), node, windowMs);
        }
        override completeCall(
          session: string,
          id: CallId,
          result: string,
          windowMs: number,
        ): void | Promise<void> {
          return super.completeCall(session, String(id), result, windowMs);
        }
      })(engine),
  ],
  'calls that are forgotten can be claimed again, and no others': [
    (engine) =>
      new (class extends DelegatingEngine {
        override forgetCalls(): void {}
      })(engine),
    (engine) =>
      new (class extends DelegatingEngine {
        override forgetCalls(session: string, ids: readonly CallId[]): void | Promise<void> {
          return super.forgetCalls(session, [...ids, 'c']);
        }
      })(engine),
  ],
  'the result of a call is kept for those who ask again': [
    claiming((claim) => (claim.kind === 'completed' ? { kind: 'unknown' } : claim)),
    (engine) =>
      new (class extends DelegatingEngine {
        override completeCall(
          session: string,
          id: CallId,
          result: string,
          windowMs: number,
        ): void | Promise<void> {
          return super.completeCall(session, id, result, windowMs / 2);
        }
      })(engine),
  ],
  'a call whose node is gone is unknown, also when that node comes back': [
    claiming((claim) => (claim.kind === 'unknown' ? { kind: 'claimed' } : claim)),
    claiming((claim) => (claim.kind === 'unknown' ? { kind: 'running', node: 'n1' } : claim)),
    (engine) =>
      new (class extends DelegatingEngine {
        readonly #unknown = new Set<CallId>();
        override async claimCall(
          session: string,
          id: CallId,
          node: string,
          windowMs: number,
        ): Promise<CallClaim> {
          const claim = await super.claimCall(session, id, node, windowMs);
          if (claim.kind === 'unknown') this.#unknown.add(id);
          return this.#unknown.has(id) ? { kind: 'unknown' } : claim;
        }
      })(engine),
  ],
  'a call that a node without a lease claims is unknown to the next': [
    claiming((claim) => (claim.kind === 'unknown' ? { kind: 'claimed' } : claim)),
  ],
  'after its window a call is forgotten': [
    (engine) =>
      new (class extends DelegatingEngine {
        override claimCall(session: string, id: CallId, node: string): CallClaim | Promise<CallClaim> {
          return super.claimCall(session, id, node, 1e9);
        }
      })(engine),
    (engine) =>
      new (class extends DelegatingEngine {
        override completeCall(session: string, id: CallId, result: string): void | Promise<void> {
          return super.completeCall(session, id, result, 1e9);
        }
      })(engine),
  ],
  'a session is known to all nodes for its time, which begins anew when it is kept again': [
    (engine) =>
      new (class extends DelegatingEngine {
        override async keepSession(id: string, session: SessionRecord, ttlMs: number): Promise<void> {
          if ((await super.session(id)) === undefined) await super.keepSession(id, session, ttlMs);
        }
      })(engine),
    (engine) =>
      new (class extends DelegatingEngine {
        override keepSession(id: string, session: SessionRecord): Promise<void> {
          return super.keepSession(id, session, 1e9);
        }
      })(engine),
  ],
  'a session that was ended is known to nobody': [
    (engine) =>
      new (class extends DelegatingEngine {
        override async endSession(): Promise<void> {}
      })(engine),
  ],
  'all sessions of a user are ended at once, and nobody else is': [
    (engine) =>
      new (class extends DelegatingEngine {
        override async endSessionsOf(): Promise<void> {}
      })(engine),
    (engine) =>
      new (class extends DelegatingEngine {
        // Those that this node has kept, and no other.
        readonly #kept: string[] = [];

        override keepSession(id: string, session: SessionRecord, ttlMs: number): Promise<void> {
          this.#kept.push(id);
          return super.keepSession(id, session, ttlMs);
        }

        override async endSessionsOf(): Promise<void> {
          for (const id of this.#kept) await super.endSession(id);
        }
      })(engine),
  ],
  'a record of an earlier generation does not take the place of a later one': [
    (engine) =>
      new (class extends DelegatingEngine {
        override async keepSession(id: string, session: SessionRecord, ttlMs: number): Promise<void> {
          await super.endSession(id);
          await super.keepSession(id, session, ttlMs);
        }
      })(engine),
    (engine) =>
      new (class extends DelegatingEngine {
        override async keepSession(id: string, session: SessionRecord, ttlMs: number): Promise<void> {
          if ((await super.session(id)) === undefined) await super.keepSession(id, session, ttlMs);
        }
      })(engine),
  ],
};

function makeWith(plant: Plant): () => Promise<EngineUnderTest> {
  return async () => {
    const clock = new FakeClock();
    const memory = new MemoryEngine({ clock, onError: () => undefined });
    const engine = plant(memory);
    return {
      nodes: [engine, engine],
      unitMs: 1000,
      advance: async (durationMs) => clock.advance(durationMs),
      settle: async () => undefined,
      close: () => memory.close(),
    };
  };
}

describe('the contract of engines finds the engine that breaks a promise', () => {
  it('has something planted for each case', () => {
    expect(Object.keys(plants).sort()).toEqual(engineContract.map(({ name }) => name).sort());
  });

  it('passes the engine that only hands on', async () => {
    for (const { run } of engineContract) await run(makeWith((engine) => new DelegatingEngine(engine)));
  });

  for (const { name, run } of engineContract) {
    it(`finds what breaks: ${name}`, async () => {
      for (const plant of plants[name] ?? [])
        await expect(run(makeWith(plant))).rejects.toThrow(/: found .*, expected |thrown/s);
    });
  }
});
