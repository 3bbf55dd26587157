// A hub for somebody who looks into it: beside the counts, the channels with the most subscribers and the sessions for which most waits.

import type { HubCore } from './hub-core.ts';
import { snapshotOf } from './hub-snapshot.ts';
import type { HubSnapshot } from './hub-statistics.ts';
import type { LinkKind } from '../link/link.ts';

/** A channel on this node. */
export interface InspectedChannel {
  /** Its name; presence and keyed state are streams of their own, whose names begin with `$`. */
  readonly name: string;
  readonly kind: 'log' | 'map' | 'volatile';
  /** How many sessions of this node follow it. */
  readonly subscribers: number;
  /** How many of them do not keep up, or are about to join. */
  readonly behind: number;
  /** How many publications were told here since somebody follows it. */
  readonly told: number;
  /** The offset of the last one; 0 where none is kept. */
  readonly offset: number;
}

/** A session that has a link on this node. */
export interface InspectedSession {
  readonly id: string;
  readonly user: string | null;
  readonly link: LinkKind;
  readonly subscriptions: number;
  /** Bytes that wait for it. */
  readonly bufferedBytes: number;
  /** How many of the channels that it follows wait until it has taken what was sent. */
  readonly behind: number;
  /** Requests that are not answered yet. */
  readonly pendingRequests: number;
}

/** A hub at one moment, with the largest of what it has. */
export interface HubInspection {
  readonly snapshot: HubSnapshot;
  /** By subscribers, then by name, those that begin with `$` last. */
  readonly channels: readonly InspectedChannel[];
  /** By the bytes that wait for them, then by how many channels they follow. */
  readonly sessions: readonly InspectedSession[];
}

/** Looks at every session and every channel once. */
export function inspectionOf(hub: HubCore, limit: number): HubInspection {
  const channels: InspectedChannel[] = [];
  for (const { stream, users } of hub.streams.inUse()) {
    const { name, kind, liveCount, told, position } = stream;
    channels.push({
      name,
      kind,
      subscribers: users,
      behind: Math.max(0, users - liveCount),
      told,
      offset: position.offset,
    });
  }
  const sessions: InspectedSession[] = [];
  for (const { id, user, current, pendingRequests } of hub.registry) {
    if (current === undefined) continue;
    let { bufferedBytes } = current.link;
    for (const { heldBytes } of current.subscriptions.values()) bufferedBytes += heldBytes;
    sessions.push({
      id,
      user: user ?? null,
      link: current.kind,
      subscriptions: current.subscriptions.size,
      bufferedBytes,
      behind: current.laggingCount,
      pendingRequests,
    });
  }
  channels.sort(
    (a, b) =>
      b.subscribers - a.subscribers ||
      Number(a.name.startsWith('$')) - Number(b.name.startsWith('$')) ||
      (a.name < b.name ? -1 : 1),
  );
  sessions.sort((a, b) => b.bufferedBytes - a.bufferedBytes || b.subscriptions - a.subscriptions);
  return {
    snapshot: snapshotOf(hub),
    channels: channels.slice(0, limit),
    sessions: sessions.slice(0, limit),
  };
}
