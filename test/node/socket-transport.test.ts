import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { SocketTransport } from '../../src/node/socket-transport.ts';

/** A stream whose writes are over when the test says so. */
class SlowDuplex extends Duplex {
  #finish: (() => void)[] = [];

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    this.#finish.push(done);
  }

  override _read(): void {
    // Nothing ever comes.
  }

  finishOne(): void {
    this.#finish.shift()?.();
  }
}

test('a peer that reads shows progress, also when as much waits as the last time that one looked', async () => {
  const stream = new SlowDuplex();
  const transport = new SocketTransport(stream);
  let drains = 0;
  const ignore = (): void => undefined;
  transport.attach({ received: ignore, ended: ignore, drained: () => drains++, closed: ignore });
  transport.write([new Uint8Array(1000)]);
  const before = transport.writeProgress;
  expect(transport.writeProgress).toBe(before);
  stream.finishOne();
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  expect(drains).toBe(1);
  transport.write([new Uint8Array(1000)]);
  expect(transport.bufferedBytes).toBe(1000);
  expect(transport.writeProgress).not.toBe(before);
  stream.destroy();
});

test('a write that is cut off is no drain, although the stream calls back as if it were done', async () => {
  const stream = new SlowDuplex();
  const transport = new SocketTransport(stream);
  const told: string[] = [];
  const ignore = (): void => undefined;
  const closed = new Promise<void>((resolve) => {
    transport.attach({
      received: ignore,
      ended: ignore,
      drained: () => told.push('drained'),
      closed: () => {
        told.push('closed');
        resolve();
      },
    });
  });
  transport.write([new Uint8Array(1000)]);
  transport.destroy();
  // Node's own sockets do this from within destroy().
  stream.finishOne();
  await closed;
  expect(told).toEqual(['closed']);
});
