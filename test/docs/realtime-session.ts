// Plays the whole session of docs/realtime-protocol.md to a hub. Randomness and time are fixed, so the hub says the same words each time.

import { MemoryEngine } from '../../src/realtime/engine/memory-engine.ts';
import { defineContract, typed } from '../../src/contract.ts';
import { Hub } from '../../src/realtime/server/hub.ts';
import { FakeClock, immediateScheduler, settle } from '../../src/testing.ts';
import { TestLink } from '../realtime/server/hub-stage.ts';

/** A line of the session: what the client says, what the server answers, or what happens beside that. */
export interface SessionLine {
  readonly by: 'client' | 'server' | 'event';
  readonly text: string;
}

/** Reads the lines of a session. */
export function readSession(text: string): readonly SessionLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      if (line.startsWith('C: ')) return { by: 'client', text: line.slice(3) };
      if (line.startsWith('S: ')) return { by: 'server', text: line.slice(3) };
      if (line.startsWith('-- ')) return { by: 'event', text: line.slice(3) };
      throw new Error(`a line of a session begins with "C: ", "S: " or "-- ", found ${line}`);
    });
}

/** Plays everything but what the server says, and gives all lines with what it said. */
export async function playSession(lines: readonly SessionLine[]): Promise<readonly SessionLine[]> {
  const clock = new FakeClock();
  const timeOfDay = (): number => 1_764_271_200_000 + clock.now();
  const random = countingRandom();
  const contract = defineContract({
    version: '1.0',
    channels: { 'chat:{room}': { events: { message: typed<{ text: string }>(), typing: typed<boolean>() } } },
    calls: { add: { input: typed<{ a: number; b: number }>(), output: typed<number>() } },
  });
  const hub = new Hub(
    contract,
    {
      engine: new MemoryEngine({ clock, timeOfDay, random }),
      clock,
      timeOfDay,
      random,
      authenticate: ({ token }) => ({ user: token }),
    },
    { scheduler: immediateScheduler },
  );
  hub.channel('chat:{room}', { publish: () => true, meta: { user: true } });
  hub.call('add', ({ a, b }) => a + b);
  const played: SessionLine[] = [];
  let link = new TestLink(hub);
  const quiet = async (): Promise<void> => {
    // Digests take turns of their own.
    for (let turn = 0; turn < 30; turn++) await settle();
    for (const message of link.messages.splice(0)) {
      if (message !== '[]') played.push({ by: 'server', text: message });
    }
  };
  for (const line of lines) {
    if (line.by === 'server') continue;
    played.push(line);
    const published = /^(.+) publishes (.*)$/.exec(line.text);
    if (line.by === 'client') link.events.received(line.text);
    else if (line.text === 'the connection is lost') link.cut();
    else if (line.text === 'the client connects') link = new TestLink(hub);
    else if (published !== null) {
      await hub.channel('chat:42').publish('message', { text: published[2] }, { user: published[1] });
    } else throw new Error(`nothing is known of ${line.text}`);
    await quiet();
  }
  await hub.close();
  return played;
}

// Always the same, and different each time.
function countingRandom(): { fill(target: Uint8Array): void } {
  let state = 1;
  return {
    fill: (target) => {
      for (let index = 0; index < target.length; index++) {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
        target[index] = state >>> 16;
      }
    },
  };
}
