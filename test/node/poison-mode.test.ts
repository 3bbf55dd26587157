// The switch FULLDUPLEX_POISON, and what has to be overwritten with it. That nobody reads such memory is proved by
// recycled-memory.test.ts, and by all other tests under `npm run test:poison`.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { poisonByte } from '../../src/base/poison.ts';

const isPoison = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === poisonByte);

beforeEach(() => {
  vi.resetModules();
});

afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
});

test.each([
  ['1', true],
  ['0', false],
  [undefined, false],
])('with FULLDUPLEX_POISON %s memory is overwritten when it is recycled: %s', async (value, isOn) => {
  vi.stubEnv('FULLDUPLEX_POISON', value);
  const { protocolSettings } = await import('../../src/node/platform.ts');
  const { defaultConnectionOptions } = await import('../../src/connection/connection-options.ts');
  const { poison } = await import('../../src/base/poison.ts');
  protocolSettings('server', defaultConnectionOptions);
  const bytes = new Uint8Array(4);
  poison(bytes);
  expect(isPoison(bytes)).toBe(isOn);
});

describe('what is overwritten', () => {
  beforeEach(() => {
    vi.stubEnv('FULLDUPLEX_POISON', '1');
  });

  async function platform() {
    const { protocolSettings } = await import('../../src/node/platform.ts');
    const { Protocol } = await import('../../src/protocol/protocol.ts');
    const { defaultConnectionOptions } = await import('../../src/connection/connection-options.ts');
    return { protocolSettings, Protocol, defaultConnectionOptions };
  }

  test('what was read, and borrowed messages and payloads as soon as their handler has returned', async () => {
    const { protocolSettings, Protocol, defaultConnectionOptions } = await platform();
    const options = { ...defaultConnectionOptions, binaryMessages: 'borrowed' } as const;
    const kept: Uint8Array[] = [];
    const states: boolean[] = [];
    const keep = (bytes: Uint8Array): void => {
      expect([...bytes]).toEqual([1, 2, 3]);
      states.push(...kept.map(isPoison));
      kept.push(bytes);
    };
    const nothing = (): undefined => undefined;
    const sink = {
      text: nothing,
      binary: keep,
      messageStart: nothing,
      messageChunk: nothing,
      messageEnd: nothing,
      ping: keep,
      pong: keep,
      close: nothing,
      failure: nothing,
      outputReady: nothing,
    };
    const protocol = new Protocol(protocolSettings('client', options), sink);
    const frames = [0x82, 0x89, 0x8a].flatMap((firstByte) => [firstByte, 3, 1, 2, 3]);
    const chunk = Uint8Array.from(frames);
    protocol.receive(chunk);
    expect(kept.map((bytes) => bytes.buffer)).toEqual([chunk.buffer, chunk.buffer, chunk.buffer]);
    expect(states).toEqual([true, true, true]);
    expect(isPoison(chunk)).toBe(true);
  });

  test('buffers for output, as soon as they are given back', async () => {
    const { protocolSettings, Protocol, defaultConnectionOptions } = await platform();
    const sink = { outputReady: () => undefined };
    const protocol = new Protocol(
      protocolSettings('server', defaultConnectionOptions),
      Object.assign(Object.create(null), sink),
    );
    const written: Uint8Array[] = [];
    for (const isFree of [false, true]) {
      protocol.sendText('abc');
      protocol.flush({
        write: (chunks) => {
          written.push(...chunks);
          return isFree;
        },
      });
    }
    const [held, given] = written;
    expect(isPoison(given)).toBe(true);
    expect([...held]).toEqual([0x81, 3, 97, 98, 99]);
  });

  test('where zlib has written to', async () => {
    await platform();
    const { OutputBytes } = await import('../../src/node/zlib/output-bytes.ts');
    const { poisonIfAsked } = await import('../../src/node/poison-mode.ts');
    poisonIfAsked();
    const output = new OutputBytes();
    for (const drop of ['take', 'keep', 'clear'] as const) {
      output.makeRoomNow(10);
      const memory = output.buffer;
      memory.set([1, 2, 3]);
      output.wrote(3);
      const taken = output[drop]();
      expect(isPoison(memory.subarray(0, 3))).toBe(true);
      if (taken !== undefined) expect([...taken]).toEqual([1, 2, 3]);
      output.clear();
    }
  });
});
