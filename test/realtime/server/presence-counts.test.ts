import { describe, expect, test } from 'vitest';
import type { MapEntry } from '../../../src/realtime/engine/engine.ts';
import type { StreamPosition } from '../../../src/realtime/wire/stream-position.ts';
import { MemoryEngine } from '../../../src/realtime/engine/memory-engine.ts';
import { HubStatistics } from '../../../src/realtime/server/hub-statistics.ts';
import { NodeStreams } from '../../../src/realtime/server/node-streams.ts';
import { PresenceCounts } from '../../../src/realtime/server/presence-counts.ts';
import { FakeClock, immediateScheduler, settle } from '../../../src/testing.ts';

/** An engine whose maps come late, or from somewhere that the stream never gets to. */
class LateEngine extends MemoryEngine {
  gate: Promise<void> | undefined;
  isElsewhere = false;
  reads = 0;

  override async map(
    channel: string,
  ): Promise<{ readonly entries: readonly MapEntry[]; readonly head: StreamPosition }> {
    this.reads++;
    await this.gate;
    const { entries, head } = await super.map(channel);
    return { entries, head: this.isElsewhere ? { ...head, offset: head.offset + 1 } : head };
  }
}

function scene(): { engine: LateEngine; streams: NodeStreams; counts: PresenceCounts } {
  const clock = new FakeClock();
  const engine = new LateEngine({ clock });
  const statistics = new HubStatistics();
  const streams = new NodeStreams({
    engine,
    clock,
    scheduler: immediateScheduler,
    statistics,
    maxSnapshotBytes: 1_000,
  });
  return { engine, streams, counts: new PresenceCounts() };
}

describe('the counter of a channel', () => {
  test('that is left while it reads follows nothing afterwards', async () => {
    const { engine, streams, counts } = scene();
    let open: () => void = () => undefined;
    engine.gate = new Promise((resolve) => {
      open = resolve;
    });
    const left = counts.take('$presence:x', streams);
    const starting = left.start();
    await settle();
    counts.leave(left, streams);
    open();
    await starting;
    expect(left.stream.liveCount).toBe(0);
    const counter = counts.take('$presence:x', streams);
    await counter.start();
    expect(counter.stream.liveCount).toBe(1);
  });

  test('gives up after some tries when the stream is never where the map is', async () => {
    const { engine, streams, counts } = scene();
    engine.isElsewhere = true;
    const counter = counts.take('$presence:x', streams);
    await expect(counter.start()).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    expect(engine.reads).toBe(4);
    engine.isElsewhere = false;
    await counter.start();
    expect(counter.count).toBe(0);
  });
});
