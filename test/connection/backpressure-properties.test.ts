// Backpressure as a property, in memory and without real time: producers of any rhythm and sizes in both directions, consumers
// that stop and go on at random, links that stall. What is in between never goes beyond the stated bound, nothing is lost,
// repeated or reordered, and in the end everything has arrived and flows on.

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Connection } from '../../src/connection/connection.ts';
import { type ConnectionPair, connectionPair } from '../../src/testing.ts';
import { type ToyCodec, ToyExtension } from '../protocol/toy-extension.ts';

const highWaterMarkBytes = 4000;
const maxQueuedBytes = 20_000;
const capacityBytes = 1000;
const mostMessageBytes = 6000;
// A header, with the mask of a client.
const mostHeaderBytes = 14;
// What a message that waits for a codec counts beside its bytes.
const codecQueueBytes = 256;

type Consumer = 'handler' | 'iterator' | 'streams';
type Producer = 'awaits' | 'bursts' | 'streams';

type Step =
  | { readonly kind: 'produce'; readonly sizes: readonly number[] }
  | { readonly kind: 'halt' }
  | { readonly kind: 'take'; readonly count: number }
  | { readonly kind: 'goOn' }
  | { readonly kind: 'stall' }
  | { readonly kind: 'unstall' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('produce' as const),
      sizes: fc.array(
        fc.oneof(fc.integer({ min: 4, max: 200 }), fc.integer({ min: 4, max: mostMessageBytes })),
        {
          maxLength: 12,
        },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'halt' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('take' as const), count: fc.integer({ min: 1, max: 9 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'goOn' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'stall' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'unstall' as const }) },
);

/** Promise jobs and what they cause run to their end; nothing here waits for time. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** One direction: who sends, who takes, and what has gone through. */
class Lane {
  sentBytes = 0;
  takenBytes = 0;
  sent = 0;
  taken = 0;
  readonly #from: Connection;
  readonly #to: Connection;
  readonly #producer: Producer;
  readonly #consumer: Consumer;
  readonly #toSend: number[] = [];
  #wake: () => void = () => undefined;
  #permits = Infinity;
  #permit: () => void = () => undefined;

  constructor(from: Connection, to: Connection, producer: Producer, consumer: Consumer) {
    this.#from = from;
    this.#to = to;
    this.#producer = producer;
    this.#consumer = consumer;
  }

  /** Whether everything that was to be sent has been taken. */
  get isDone(): boolean {
    return this.#toSend.length === 0 && this.taken === this.sent;
  }

  produce(sizes: readonly number[]): void {
    if (this.#producer !== 'bursts') {
      this.#toSend.push(...sizes);
      this.#wake();
      return;
    }
    for (const size of sizes) {
      // A burst that would go beyond the bound is the end of the connection: that has tests of its own.
      if (this.#from.bufferedAmount + size + codecQueueBytes > maxQueuedBytes) return;
      expect(this.#from.send(this.#next(size))).not.toBe(false);
    }
  }

  halt(): void {
    this.#permits = 0;
    if (this.#consumer === 'handler') this.#to.pause();
  }

  take(count: number): void {
    this.#permits += count;
    this.#goOn();
  }

  goOn(): void {
    this.#permits = Infinity;
    this.#goOn();
  }

  /** Starts both ends. */
  start(): void {
    if (this.#producer === 'awaits') void this.#send();
    if (this.#producer === 'streams') void this.#sendStreams();
    if (this.#consumer === 'iterator') void this.#iterate();
    if (this.#consumer === 'streams') void this.#iterateStreams();
    if (this.#consumer === 'handler') this.#to.attach({ message: (_, message) => this.#handle(message) });
  }

  check(): void {
    const { bufferedAmount } = this.#from;
    const most =
      this.#producer === 'bursts' ? maxQueuedBytes : highWaterMarkBytes + mostMessageBytes + codecQueueBytes;
    // What waits for a codec gets its header when that has made it: each message of the queue may have grown by one.
    const grown = mostHeaderBytes * Math.max(2, this.sent - this.taken);
    expect(bufferedAmount).toBeLessThanOrEqual(most + grown);
    // On the way and held by the receiver: the mark and the message beyond it, one that is not complete, and one chunk in
    // the link and another that was read and may not be decoded.
    const heldBytes = this.sentBytes - this.takenBytes - bufferedAmount;
    const headers = mostHeaderBytes * (this.sent - this.taken);
    expect(heldBytes - headers).toBeLessThanOrEqual(
      highWaterMarkBytes + 2 * mostMessageBytes + 2 * capacityBytes,
    );
  }

  #goOn(): void {
    if (this.#consumer === 'handler') this.#to.resume();
    this.#permit();
  }

  #next(size: number): Uint8Array {
    const message = new Uint8Array(size).fill(this.sent & 0xff);
    new DataView(message.buffer).setUint32(0, this.sent++);
    this.sentBytes += size;
    return message;
  }

  async #nextSize(): Promise<number> {
    while (this.#toSend.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#toSend.shift() ?? 4;
  }

  async #send(): Promise<void> {
    while (await this.#from.send(this.#next(await this.#nextSize())));
  }

  async #sendStreams(): Promise<void> {
    for (;;) {
      const message = this.#next(await this.#nextSize());
      const pieces = function* (): Generator<Uint8Array> {
        for (let at = 0; at < message.length; at += 700) yield message.subarray(at, at + 700);
      };
      if (!(await this.#from.sendStream('binary', pieces()))) return;
    }
  }

  #accept(message: unknown): void {
    if (!(message instanceof Uint8Array)) throw new Error('no bytes');
    expect(new DataView(message.buffer, message.byteOffset).getUint32(0)).toBe(this.taken);
    expect(message.subarray(4).every((byte) => byte === (this.taken & 0xff))).toBe(true);
    this.taken++;
    this.takenBytes += message.length;
  }

  #handle(message: unknown): void {
    this.#accept(message);
    if (--this.#permits <= 0) this.#to.pause();
  }

  async #pass(): Promise<void> {
    while (this.#permits <= 0) {
      await new Promise<void>((resolve) => {
        this.#permit = resolve;
      });
    }
    this.#permits--;
  }

  async #iterate(): Promise<void> {
    for await (const message of this.#to) {
      await this.#pass();
      this.#accept(message);
    }
  }

  async #iterateStreams(): Promise<void> {
    for await (const { chunks } of this.#to.messageStreams()) {
      const parts: Uint8Array[] = [];
      for await (const chunk of chunks) {
        await this.#pass();
        if (typeof chunk !== 'string') parts.push(chunk);
      }
      this.#accept(new Uint8Array(Buffer.concat(parts)));
    }
  }
}

const producer = fc.constantFrom<Producer>('awaits', 'bursts', 'streams');
const consumer = fc.constantFrom<Consumer>('handler', 'iterator', 'streams');

const optionsFor = (consumedBy: Consumer) => ({
  highWaterMarkBytes,
  maxQueuedBytes,
  pingIntervalMs: 0,
  receive: consumedBy === 'streams' ? ('streamed' as const) : ('whole' as const),
});

// Codecs that take their time finish one job in each turn.
async function turnOf(codecs: readonly ToyCodec[]): Promise<void> {
  for (const codec of codecs) if (codec.isPending) codec.release();
  await turn();
}

async function drained(lanes: readonly Lane[], codecs: readonly ToyCodec[]): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await turnOf(codecs);
  // Chunks of 7 bytes take a turn each: enough for all that a scene can send.
  for (let turns = 0; turns < 100_000 && lanes.some((lane) => !lane.isDone); turns++) await turnOf(codecs);
}

async function drive(
  pair: ConnectionPair,
  lanes: readonly Lane[],
  codecs: readonly ToyCodec[],
  steps: readonly (readonly [0 | 1, Step])[],
): Promise<void> {
  const transports = [pair.serverTransport, pair.clientTransport];
  for (const lane of lanes) lane.start();
  for (const [index, now] of steps) {
    const lane = lanes[index];
    if (now.kind === 'produce') lane.produce(now.sizes);
    else if (now.kind === 'halt') lane.halt();
    else if (now.kind === 'take') lane.take(now.count);
    else if (now.kind === 'goOn') lane.goOn();
    else if (now.kind === 'stall') transports[index].stall();
    else transports[index].unstall();
    await turnOf(codecs);
    for (const each of lanes) each.check();
  }
  for (const [index, lane] of lanes.entries()) {
    transports[index].unstall();
    lane.goOn();
  }
  await drained(lanes, codecs);
  // And on it flows.
  for (const lane of lanes) lane.produce([100, 5000, 4]);
  await drained(lanes, codecs);
  for (const lane of lanes) {
    expect(lane.sentBytes).toBe(lane.takenBytes);
    expect(lane.taken).toBe(lane.sent);
  }
  expect([pair.client.readyState, pair.server.readyState]).toEqual(['open', 'open']);
  expect([pair.client.bufferedAmount, pair.server.bufferedAmount]).toEqual([0, 0]);
}

const scene = fc.record({
  producers: fc.tuple(producer, producer),
  consumers: fc.tuple(consumer, consumer),
  maxChunkBytes: fc.constantFrom(7, 333, Infinity),
  codec: fc.constantFrom('none', 'at once', 'later'),
  steps: fc.array(fc.tuple(fc.constantFrom<0 | 1>(0, 1), step), { maxLength: 40 }),
});

describe('whatever producers and consumers do', () => {
  test('what is in between stays within the bound, nothing is lost or reordered, and all of it drains', async () => {
    await fc.assert(
      fc.asyncProperty(scene, async ({ producers, consumers, maxChunkBytes, codec, steps }) => {
        const extensions = {
          client: new ToyExtension({ isAsync: codec === 'later' }),
          server: new ToyExtension({ isAsync: codec === 'later' }),
        };
        const { client, server } = extensions;
        const codecs = [client.deflater, client.inflater, server.deflater, server.inflater];
        const pair = connectionPair({
          capacityBytes,
          maxChunkBytes,
          client: optionsFor(consumers[1]),
          server: optionsFor(consumers[0]),
          ...(codec === 'none' ? {} : { extensions }),
        });
        const lanes = [
          new Lane(pair.client, pair.server, producers[0], consumers[0]),
          new Lane(pair.server, pair.client, producers[1], consumers[1]),
        ];
        await drive(pair, lanes, codecs, steps);
        pair.client.terminate();
      }),
      { numRuns: 300 },
    );
  }, 240_000);
});
