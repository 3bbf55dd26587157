// Histories that are judged right are worth something only when broken ones are found: a bug of each kind is planted in a world that
// is otherwise the same.

import { describe, expect, it } from 'vitest';
import type {
  Appended,
  AppendRequest,
  CallClaim,
  CallId,
  Engine,
  MapChange,
  Retention,
  StreamRead,
} from '../../../src/realtime/engine/engine.ts';
import type { StreamPosition } from '../../../src/realtime/wire/stream-position.ts';
import { DelegatingEngine } from '../../../src/testing/delegating-engine.ts';
import { useReplayableDigest } from '../replayable-digest.ts';
import { type Planted, runScenario } from './scenario.ts';

/** Every twentieth time something is seen it is seen in another way. */
function everyTwentieth(instead: (show: (what: string) => void, what: string) => void): () => Planted {
  return () => {
    let count = 0;
    return {
      shown: (show, what) => {
        if (++count % 20 === 0) instead(show, what);
        else show(what);
      },
    };
  };
}

/** Holds back what is seen until the next was seen. */
function swapping(): Planted {
  let count = 0;
  let late: (() => void) | undefined;
  return {
    shown: (show, what) => {
      if (++count % 20 === 0) {
        late = () => show(what);
        return;
      }
      show(what);
      late?.();
      late = undefined;
    },
  };
}

const plants: readonly (readonly [name: string, kind: string, plant: () => Planted])[] = [
  ['a publication that a subscriber is not shown', 'lost', everyTwentieth(() => undefined)],
  [
    'a publication that a subscriber is shown twice',
    'duplicated',
    everyTwentieth((show, what) => {
      show(what);
      show(what);
    }),
  ],
  ['publications in another order', 'reordered', swapping],
  ['something that was never published', 'invented', everyTwentieth((show) => show('nobody#1'))],
  [
    'history that is gone, and said to be recovered',
    'falsely-recovered',
    () => ({
      engine: (engine: Engine) =>
        new (class extends DelegatingEngine {
          override async read(channel: string, since: StreamPosition, limit: number): Promise<StreamRead> {
            const read = await super.read(channel, since, limit);
            return read.kind === 'read' ? read : { kind: 'read', entries: [], head: read.head };
          }
        })(engine),
    }),
  ],
  [
    'a gap although the history is there',
    'gap-without-cause',
    () => ({
      engine: (engine: Engine) =>
        new (class extends DelegatingEngine {
          override async read(channel: string, since: StreamPosition, limit: number): Promise<StreamRead> {
            const read = await super.read(channel, since, limit);
            if (read.kind === 'gap' || read.entries.length < 5) return read;
            return { kind: 'gap', reason: 'expired', head: read.head };
          }
        })(engine),
    }),
  ],
  [
    'a publication that is appended again when it is sent again',
    'published-twice',
    () => ({
      engine: (engine: Engine) =>
        new (class extends DelegatingEngine {
          override append(channel: string, request: AppendRequest): Promise<Appended> {
            return super.append(channel, { ...request, idempotency: undefined });
          }
        })(engine),
    }),
  ],
  [
    'a call that runs again when nobody knows how far it came',
    'applied-twice',
    () => ({
      engine: (engine: Engine) =>
        new (class extends DelegatingEngine {
          override async claimCall(
            session: string,
            id: CallId,
            node: string,
            windowMs: number,
          ): Promise<CallClaim> {
            const claim = await super.claimCall(session, id, node, windowMs);
            return claim.kind === 'unknown' ? { kind: 'claimed' } : claim;
          }
        })(engine),
    }),
  ],
  [
    'somebody who stays present when their node is gone',
    'presence-diverged',
    () => ({
      engine: (engine: Engine) =>
        new (class extends DelegatingEngine {
          override change(
            channel: string,
            changes: readonly MapChange[],
            retention: Retention,
          ): Promise<StreamPosition> {
            // Whoever leaves is not removed.
            return super.change(
              channel,
              changes.filter(({ value }) => value !== null),
              retention,
            );
          }
        })(engine),
    }),
  ],
];

describe('the checker of histories finds', () => {
  useReplayableDigest();

  for (const [name, kind, plant] of plants) {
    it(name, async () => {
      const found = new Set<string>();
      // Some need a death in the right moment: the first seeds are enough for all of them.
      for (let seed = 1; seed <= 25 && !found.has(kind); seed++) {
        const { violations } = await runScenario({ seed, planted: plant() });
        for (const violation of violations) found.add(violation.kind);
      }
      expect([...found]).toContain(kind);
    });
  }
});
