// What the cases of the contract of engines are made of: the engine that is put to the test, listeners that note what they are
// told, and checks whose failure says what was found and what was expected. No test framework is needed.

import type {
  AppendRequest,
  BroadcastEvent,
  Engine,
  Retention,
  StreamEntry,
  StreamListener,
} from '../../realtime/engine/engine.ts';
import type { StreamPosition } from '../../realtime/wire/stream-position.ts';

/** An engine that is put to the test. */
export interface EngineUnderTest {
  /** Two nodes on the same store; an engine that lives in one process gives itself twice. */
  readonly nodes: readonly [Engine, Engine];
  /** The piece of time that the cases count in, in milliseconds: much longer than a call takes. A virtual clock: anything. */
  readonly unitMs: number;
  /** Lets time pass: virtual, or real. */
  advance(durationMs: number): Promise<void>;
  /** Waits until listeners have heard what was appended up to now. */
  settle(): Promise<void>;
  /** Lets go of it; nothing of it is left for the next case. */
  close(): Promise<void>;
}

/** Makes an engine with nothing in it. */
export type MakeEngine = () => Promise<EngineUnderTest>;

/** One guarantee of `Engine`, as a test. */
export interface EngineContractCase {
  /** What an engine guarantees, as a sentence. */
  readonly name: string;
  /** Puts an engine to the test; rejects when it does not keep its promise. */
  readonly run: (makeEngine: MakeEngine) => Promise<void>;
}

/** Makes a case that closes its engine in any event. */
export function engineCase(
  name: string,
  test: (engine: EngineUnderTest) => Promise<void>,
): EngineContractCase {
  return {
    name,
    run: async (makeEngine) => {
      const engine = await makeEngine();
      try {
        await test(engine);
      } finally {
        await engine.close();
      }
    },
  };
}

/** A retention that no case exhausts by accident. */
export function ample({ unitMs }: EngineUnderTest, maxEntries = 1000): Retention {
  return { maxEntries, maxAgeMs: 10_000 * unitMs };
}

/** What is appended where only the data matters. */
export function message(
  engine: EngineUnderTest,
  data: unknown,
  more: Partial<AppendRequest> = {},
): AppendRequest {
  return { name: 'message', data: JSON.stringify(data), retention: ample(engine), ...more };
}

/** Appends numbers, and gives their positions: that of the number n at n, and the beginning at 0. */
export async function appendNumbers(
  engine: EngineUnderTest,
  channel: string,
  count: number,
  retention: Retention = ample(engine),
): Promise<StreamPosition[]> {
  const positions = [await engine.nodes[0].head(channel)];
  for (let number = 1; number <= count; number++) {
    const { position } = await engine.nodes[number % 2].append(
      channel,
      message(engine, number, { retention }),
    );
    positions.push(position);
  }
  return positions;
}

/** A listener that notes what it is told. */
export class NotedStream implements StreamListener {
  readonly entries: StreamEntry[] = [];
  readonly events: BroadcastEvent[] = [];
  readonly channels: string[] = [];
  readonly epochs: Set<string> = new Set();

  appended(channel: string, entry: StreamEntry, epoch: string): void {
    this.channels.push(channel);
    this.entries.push(entry);
    this.epochs.add(epoch);
  }

  heard(channel: string, event: BroadcastEvent): void {
    this.channels.push(channel);
    this.events.push(event);
  }

  interrupted(): void {}

  get data(): string[] {
    return this.entries.map((entry) => entry.data);
  }
}

/** Fails a case. */
export function fail(what: string, found: unknown, expected: string): never {
  throw new Error(`${what}: found ${JSON.stringify(found)}, expected ${expected}`);
}

/** Fails unless both are the same JSON; what is undefined counts as absent. */
export function equal(what: string, found: unknown, expected: unknown): void {
  const [a, b] = [canonical(found), canonical(expected)];
  if (a !== b) throw new Error(`${what}: found ${a}, expected ${b}`);
}

/** Fails unless the promise rejects with the code. */
export async function rejects(what: string, promise: Promise<unknown>, code: string): Promise<void> {
  let found: unknown;
  try {
    found = await promise;
  } catch (error) {
    const rejected = error instanceof Error && 'code' in error ? error.code : String(error);
    if (rejected === code) return;
    fail(what, rejected, `a rejection with ${code}`);
  }
  fail(what, found, `a rejection with ${code}`);
}

// JSON with sorted keys, so that the order of properties means nothing.
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
