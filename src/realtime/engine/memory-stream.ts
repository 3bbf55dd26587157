// What the engine in memory has of one channel: the log, the keyed map, who hears of it, and the last retention, which also
// counts for what is removed when a lease ends.

import type { MapEntry, Retention, StreamListener } from './engine.ts';
import { StreamLog } from './stream-log.ts';

/** One channel of the engine in memory. */
export class MemoryStream {
  readonly channel: string;
  readonly log: StreamLog;
  readonly listeners: Set<StreamListener> = new Set();
  readonly entries: Map<string, MapEntry> = new Map();
  /** Since when nobody needs it; undefined: it is in use. */
  idleSinceMs: number | undefined;
  mapRetention: Retention | undefined;

  constructor(channel: string, epoch: string) {
    this.channel = channel;
    this.log = new StreamLog(epoch);
  }

  /** Whether nothing but its place would be lost with it. */
  get isUnused(): boolean {
    return this.listeners.size === 0 && this.entries.size === 0 && this.log.size === 0;
  }
}
