// What hostile peers send with permessage-deflate over real sockets: every attack ends with the close code of the rule
// that it breaks, in bounded memory and time, and others on the server do not notice. All of it with live contexts of
// zlib and with its public API.

import { constants, deflateRawSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import {
  binary,
  bombOf,
  continuation,
  deflated,
  fin,
  frame,
  KiB,
  MiB,
  noise,
  ping,
  pong,
  rsv1,
  text,
} from './deflate-frames.ts';
import { DeflateTarget, watchBuffers, ways } from './deflate-target.ts';
import { type RawClient, until } from './raw-client.ts';

const smallBomb = bombOf(64);
const largeBomb = bombOf(1024);

let target: DeflateTarget;

describe.each(ways)('over %s', (_, isPortable) => {
  afterEach(async () => {
    await target.close();
  });

  describe('a bomb', () => {
    test.each<[string, (client: RawClient) => void]>([
      ['in one frame', (client) => client.write(frame(fin | rsv1 | binary, largeBomb))],
      [
        'in fragments',
        (client) => {
          client.write(frame(rsv1 | binary, largeBomb.subarray(0, 1000)));
          for (let at = 1000; at < largeBomb.length; at += 1000)
            client.write(frame(continuation, largeBomb.subarray(at, at + 1000)));
          client.write(frame(fin | continuation));
        },
      ],
    ])('%s costs no more than a message may, and ends with 1009', async (__, send) => {
      target = await DeflateTarget.open(isPortable, { maxInflationRatio: Infinity });
      const client = await target.attack();
      const mostBytes = watchBuffers();
      send(client);
      expect(await client.closeCode()).toBe(1009);
      // The message as it came, what it became up to the limit of 4 MiB, and what has not been collected yet, for which
      // newer Nodes take more time.
      const [major] = process.versions.node.split('.');
      expect(mostBytes()).toBeLessThan((Number(major) >= 24 ? 64 : 24) * MiB);
      expect(target.heard).toEqual([]);
      await target.expectUnharmed();
    });

    test('is stopped by its ratio long before it is too large', async () => {
      target = await DeflateTarget.open(isPortable);
      const client = await target.attack();
      client.write(frame(fin | rsv1 | binary, bombOf(3)));
      expect(await client.closeCode()).toBe(1009);
      await until(() => target.ends.length > 0);
      expect(target.ends[0].cause?.message).toContain('at most 200 times (maxInflationRatio)');
      // As large, with a ratio of 100.
      const innocent = await target.attack();
      innocent.write(
        frame(fin | rsv1 | binary, deflated(Buffer.concat([noise(30 * KiB), Buffer.alloc(3 * MiB)]))),
      );
      expect(await innocent.text()).toBe(`${3 * MiB + 30 * KiB}`);
    });

    test('on each of thirty connections at once takes turns', async () => {
      target = await DeflateTarget.open(isPortable, { maxInflationRatio: Infinity });
      const attackers = await target.attackBy(30);
      const mostBytes = watchBuffers();
      for (const client of attackers) client.write(frame(fin | rsv1 | binary, smallBomb));
      await target.expectUnharmed();
      expect(await Promise.all(attackers.map((client) => client.closeCode()))).toEqual(
        attackers.map(() => 1009),
      );
      expect(mostBytes()).toBeLessThan(96 * MiB);
      await target.expectUnharmed();
    });
  });

  test('messages of 1 MiB from 1 KiB each, many in a row, are allowed, and leave turns to others', async () => {
    target = await DeflateTarget.open(isPortable);
    const client = await target.attack();
    const count = 100;
    const message = frame(fin | rsv1 | binary, bombOf(1));
    const mostBytes = watchBuffers();
    client.write(Buffer.concat(Array.from({ length: count }, () => message)));
    await target.expectUnharmed();
    expect(target.heard.length).toBeLessThan(count);
    for (let index = 0; index < count; index++) expect(await client.text()).toBe(`${MiB}`);
    expect(mostBytes()).toBeLessThan(96 * MiB);
  });

  test('messages of 256 KiB from 300 bytes each are spread over turns of the event loop', async () => {
    target = await DeflateTarget.open(isPortable);
    const client = await target.attack();
    const message = frame(fin | rsv1 | binary, deflated(Buffer.alloc(256 * KiB)));
    let turn = 0;
    let timer = setImmediate(function next() {
      turn++;
      timer = setImmediate(next);
    });
    const inTurn: number[] = [];
    const count = 100;
    client.write(Buffer.concat(Array.from({ length: count }, () => message)));
    await until(() => {
      inTurn[turn] = target.heard.length;
      return target.heard.length === count;
    });
    clearImmediate(timer);
    let before = 0;
    for (const after of Object.values(inTurn)) {
      expect((after - before) * 256 * KiB).toBeLessThanOrEqual(2 * (4 * MiB + 256 * KiB));
      before = after;
    }
    for (let index = 0; index < count; index++) expect(await client.text()).toBe(`${256 * KiB}`);
  });

  describe('bad data ends its own connection only, with 1007', () => {
    const good = deflated('a message, a message, a message '.repeat(20));
    // Further back than all that was sent.
    const [dictionary, finishFlush] = [noise(2000), constants.Z_SYNC_FLUSH];
    const beyond = deflateRawSync(dictionary.subarray(0, 200), { dictionary, finishFlush }).subarray(0, -4);
    test.each<[string, Buffer]>([
      ['a block of the reserved type', Buffer.from([0x06])],
      ['cut short', good.subarray(0, -5)],
      ['that is not compressed', Buffer.from('a message that is not compressed at all')],
      ['that refers to what was never sent', beyond],
      ['of 1 MiB of noise', noise(MiB)],
      [
        'with more final blocks than anybody has a reason to send',
        Buffer.concat(Array.from({ length: 5000 }, () => Buffer.from([3, 0]))),
      ],
    ])('%s', async (__, payload) => {
      target = await DeflateTarget.open(isPortable, { clientNoContextTakeover: false });
      for (const offer of ['alone', 'takeover'] as const) {
        const count = target.ends.length;
        const client = await target.attack(offer);
        client.write(frame(fin | rsv1 | binary, good));
        expect(await client.text()).toBe('640');
        client.write(frame(fin | rsv1 | text, payload));
        expect(await client.closeCode()).toBe(1007);
        await until(() => target.ends.length > count);
        expect(target.ends.at(-1)).toMatchObject({ code: 1007, cause: { code: 'WS_CODEC_FAILED' } });
      }
      expect(target.heard).toEqual([640, 640]);
      await target.expectUnharmed();
    });

    test('text that is not UTF-8 once it is decompressed', async () => {
      target = await DeflateTarget.open(isPortable);
      const client = await target.attack();
      client.write(frame(fin | rsv1 | text, deflated(Buffer.from([0x61, 0xdb, 0xdb]))));
      expect(await client.closeCode()).toBe(1007);
      await until(() => target.ends.length > 0);
      expect(target.ends[0].cause).toMatchObject({ code: 'WS_TEXT_INVALID' });
    });
  });

  describe('floods', () => {
    test('of empty compressed fragments end with 1009, and harm nobody before', async () => {
      target = await DeflateTarget.open(isPortable);
      const empty = frame(continuation);
      const fragments = Buffer.concat(Array.from({ length: 10_000 }, () => empty));
      const client = await target.attack();
      const mostBytes = watchBuffers();
      client.write(frame(rsv1 | text));
      for (let count = 0; count < 13; count++) client.write(fragments);
      await target.expectUnharmed();
      expect(target.ends).toEqual([]);
      client.write(fragments);
      expect(await client.closeCode()).toBe(1009);
      expect(mostBytes()).toBeLessThan(16 * MiB);
      await target.expectUnharmed();
    });

    test('of blocks of one byte each are read as what they are', async () => {
      target = await DeflateTarget.open(isPortable);
      const client = await target.attack();
      // RFC 1951 3.2.4: a stored block with one byte.
      const block = Buffer.from([0, 1, 0, 0xfe, 0xff, 0x61]);
      const count = 100_000;
      const blocks = Buffer.concat([...Array.from({ length: count }, () => block), Buffer.alloc(1)]);
      client.write(frame(fin | rsv1 | text, blocks));
      await target.expectUnharmed();
      expect(await client.text()).toBe(`${count}`);
    });

    test('of messages of one byte each, and of no byte, are answered one by one', async () => {
      target = await DeflateTarget.open(isPortable);
      const client = await target.attack();
      const count = 5000;
      const messages = [
        frame(fin | rsv1 | text, deflated('x')),
        frame(fin | rsv1 | text, Buffer.alloc(1)),
        frame(fin | rsv1 | text),
      ];
      client.write(Buffer.concat(Array.from({ length: count }, () => messages).flat()));
      await target.expectUnharmed();
      for (let index = 0; index < count; index++) {
        expect([await client.text(), await client.text(), await client.text()]).toEqual(['1', '0', '0']);
      }
    });

    test('of marked frames on connections that have agreed on nothing end at the first of them', async () => {
      target = await DeflateTarget.open(isPortable);
      const flood = Buffer.concat(
        Array.from({ length: 20_000 }, () => frame(fin | rsv1 | text, Buffer.alloc(1))),
      );
      const attackers = await target.attackBy(20, 'nothing');
      for (const client of attackers) client.write(flood);
      for (const client of attackers) expect(await client.closeCode()).toBe(1002);
      expect(target.heard).toEqual([]);
      await target.expectUnharmed();
    });
  });

  test.each([
    ['a ping', [frame(fin | rsv1 | ping, deflated('x'))]],
    ['a pong', [frame(fin | rsv1 | pong, deflated('x'))]],
    ['a close frame', [frame(fin | rsv1 | 8, deflated('x'))]],
    ['a continuation', [frame(rsv1 | text, deflated('x')), frame(fin | rsv1 | continuation, deflated('x'))]],
    ['a ping between fragments', [frame(rsv1 | text, deflated('x')), frame(fin | rsv1 | ping)]],
    ['RSV2', [frame(fin | rsv1 | 0x20 | text, deflated('x'))]],
    ['RSV3', [frame(fin | 0x10 | text, deflated('x'))]],
  ])('the mark where it must not be ends with 1002: %s', async (__, frames) => {
    target = await DeflateTarget.open(isPortable);
    const client = await target.attack();
    client.write(Buffer.concat(frames));
    expect(await client.closeCode()).toBe(1002);
    await until(() => target.ends.length > 0);
    expect(target.ends[0].cause).toMatchObject({ code: 'WS_FRAME_RSV_UNEXPECTED' });
    expect(target.heard).toEqual([]);
  });
});
