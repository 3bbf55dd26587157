// A broadcast is compressed once for all receivers, whatever each of them agreed on. Here are all peers at once, with
// and without takeover, with different windows and without compression, and what is sent to all goes between what is
// sent to one: every peer's own zlib has to find its stream valid.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromium, firefox } from './browsers.ts';
import { Audience, type Guest, type Listener } from './deflate-audience.ts';
import type { Message } from './ours.ts';
import { whenInstalled } from './peer.ts';
import { binaryOf, factsOf, numbersFrom, phrasesOfBytes, recordsOfBytes } from './payload.ts';
import { aiohttp, bun, gorilla, javaHttp, pythonWebsockets, rubyWebsocketDriver, ws } from './programs.ts';
import type { WireMessage } from './wire.ts';

const takingOver = 'permessage-deflate; client_max_window_bits';
const windowOf = (bits: number): string => `permessage-deflate; server_max_window_bits=${bits}`;
const withoutTakeover = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';

const everybody: readonly Guest[] = [
  { peer: ws, offers: [takingOver, windowOf(8), windowOf(12), withoutTakeover, 'off'] },
  {
    peer: pythonWebsockets,
    offers: [takingOver, windowOf(8), windowOf(9), `${withoutTakeover}; server_max_window_bits=10`, 'off'],
  },
  { peer: aiohttp, offers: [takingOver, windowOf(9), windowOf(12), 'off'] },
  { peer: gorilla, offers: [withoutTakeover, 'off'] },
  { peer: bun, offers: [takingOver, 'off'] },
  { peer: chromium, offers: [takingOver, takingOver] },
  { peer: firefox, offers: ['permessage-deflate', 'permessage-deflate'] },
  { peer: rubyWebsocketDriver, offers: ['off'] },
  { peer: javaHttp, offers: ['off'] },
];

const guests: Guest[] = [];
for (const guest of everybody) whenInstalled([guest.peer], () => guests.push(guest));

describe('a broadcast to peers that agreed on different compression', { timeout: 60_000 }, () => {
  let audience: Audience;
  beforeAll(async () => {
    audience = await Audience.gather(guests);
  }, 180_000);
  afterAll(async () => {
    await audience?.stop();
    await chromium.quit();
    await firefox.quit();
  }, 30_000);

  test('has every kind of receiver', () => {
    const kinds = new Set(audience.listeners.map(({ compressor }) => JSON.stringify(compressor)));
    for (const kind of [
      undefined,
      { takesOver: true, windowBits: 15 },
      { takesOver: true, windowBits: 12 },
      { takesOver: true, windowBits: 8 },
      { takesOver: false, windowBits: 15 },
    ]) {
      expect(kinds).toContain(JSON.stringify(kind));
    }
  });

  test('reaches all of them in order with what is sent to each of them in between', async ({
    onTestFailed,
  }) => {
    onTestFailed(() => console.error(audience.complaint()));
    const next = numbersFrom(1);
    const anyOf = <T>(...choices: readonly T[]): T => choices[next() % choices.length];
    const anybody = (): Listener => anyOf(...audience.listeners);
    const message = (...sizes: readonly number[]): Message => {
      const [bytes, seed] = [anyOf(...sizes), next()];
      return next() % 2 === 0 ? phrasesOfBytes(bytes, seed) : recordsOfBytes(bytes, seed);
    };
    for (let round = 0; round < 8; round++) {
      for (let turn = 0; turn < 12; turn++) {
        const compress = anyOf(undefined, true, undefined, false);
        switch (next() % 4) {
          case 0:
            // The largest are compressed off the event loop: what comes behind waits for them.
            audience.publish(message(1, 150, 1500, 5000, 5000, 40_000), compress);
            break;
          case 1:
            audience.publishBetween(
              anybody(),
              'a fragment ',
              message(150, 5000),
              phrasesOfBytes(900, turn),
              compress,
            );
            break;
          default:
            for (let count = 0; count < 4; count++) anybody().tell(message(1, 300, 5000, 40_000), compress);
        }
      }
      await audience.hearsEverything();
    }
  });

  test('leaves as the same bytes to all with equal windows', async () => {
    for (const [turn, data] of [phrasesOfBytes(5000, 1), recordsOfBytes(204_800, 2)].entries()) {
      // Each stream has a history of its own before.
      for (const [at, listener] of audience.listeners.entries())
        listener.tell(phrasesOfBytes(3000, at + turn));
      audience.publish(data);
      await audience.hearsEverything();
      const versions = new Map<number | undefined, Set<string>>();
      for (const { compressor, lastOnWire, name } of audience.listeners.map(seenBy)) {
        expect(lastOnWire.isCompressed, name).toBe(compressor !== undefined);
        if (compressor !== undefined) expect(lastOnWire.bytes, name).toBeLessThan(factsOf(data).bytes * 0.9);
        const known = versions.get(compressor?.windowBits) ?? new Set();
        versions.set(compressor?.windowBits, known.add(lastOnWire.sha256));
      }
      for (const [windowBits, seen] of versions) expect(seen.size, `window of ${windowBits} bits`).toBe(1);
    }
  });

  test('leaves each stream to itself: what is sent to one still refers to what it had before', async () => {
    // It fits into a window of 8 bits, and nothing compresses it but having been there before.
    const data = binaryOf(110, 3);
    const tellTwice = async (): Promise<void> => {
      for (const listener of audience.listeners) for (const _ of [1, 2]) listener.tell(data, true);
      await audience.hearsEverything();
    };
    const expectSmall = (): void => {
      for (const { compressor, lastOnWire, name } of audience.listeners.map(seenBy)) {
        expect(lastOnWire.bytes < data.length / 2, name).toBe(compressor?.takesOver === true);
      }
    };
    await tellTwice();
    expectSmall();
    // What goes out uncompressed, by wish or because it would not become shorter, is in nobody's window.
    audience.publish(phrasesOfBytes(5000, 4), false);
    audience.publish(binaryOf(5000, 4), true);
    for (const listener of audience.listeners) listener.tell(data, true);
    await audience.hearsEverything();
    expectSmall();
    audience.publish(phrasesOfBytes(5000, 5));
    await tellTwice();
    expectSmall();
  });
});

/** A listener and the last message on its wire. */
function seenBy({ compressor, name, side }: Listener): Pick<Listener, 'compressor' | 'name'> & {
  readonly lastOnWire: WireMessage;
} {
  const lastOnWire = side.wireSent.at(-1);
  if (lastOnWire === undefined) throw new Error(`nothing was sent to ${name}`);
  return { compressor, name, lastOnWire };
}
