// What happens around a message that a codec takes its time for, over real sockets: peers that are gone meanwhile leave
// nothing behind, pings are answered, Close overtakes nothing, and a small budget of memory is shared by many.

import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket as PeerWebSocket } from 'ws';
import {
  binary,
  deflated,
  fin,
  frame,
  inflated,
  KiB,
  MiB,
  nextFrame,
  noise,
  ping,
  pong,
  rsv1,
  text,
} from './deflate-frames.ts';
import { DeflateTarget, largeMessage, ways } from './deflate-target.ts';
import { closeFrame, textFrame, until } from './raw-client.ts';

let target: DeflateTarget;

describe.each(ways)('over %s', (_, isPortable) => {
  afterEach(async () => {
    await target.close();
  });

  describe('a peer that is gone while its message is in the codec', () => {
    test.each(['reset', 'end'] as const)('leaves nothing behind: received messages, %s', async (how) => {
      target = await DeflateTarget.open(isPortable, { clientNoContextTakeover: false });
      const kept = target.keptBytes();
      const message = frame(fin | rsv1 | binary, deflated(noise(2 * MiB)));
      const attackers = await Promise.all(
        Array.from({ length: 12 }, (__, index) => target.attack(index % 2 === 0 ? 'alone' : 'takeover')),
      );
      for (const client of attackers) client.write(message);
      // The first is in the codec, the others wait for it.
      await until(() => target.heard.length > 0);
      for (const client of attackers) {
        if (how === 'reset') client.reset();
        else client.socket.end();
      }
      await until(() => target.ends.length === attackers.length);
      expect(target.server.connections.size).toBe(1);
      await until(() => target.keptBytes() <= kept);
      await target.expectUnharmed();
    });

    test('leaves nothing behind: messages that are sent to it', async () => {
      target = await DeflateTarget.open(isPortable, { serverNoContextTakeover: false });
      const kept = target.keptBytes();
      const attackers = await target.attackBy(12, 'takeover');
      for (const client of attackers) client.write(textFrame('send'));
      await until(() => target.heard.length === attackers.length);
      for (const client of attackers) client.reset();
      await until(() => target.ends.length === attackers.length);
      expect(target.server.connections.size).toBe(1);
      await until(() => target.keptBytes() <= kept);
      await target.expectUnharmed();
    });
  });

  describe('while a large message is in the codec', () => {
    test('pings are answered before the message that is sent leaves', async () => {
      target = await DeflateTarget.open(isPortable);
      const client = await target.attack();
      client.write(Buffer.concat([textFrame('send'), frame(fin | ping, Buffer.from('first'))]));
      const answer = await nextFrame(client);
      expect([answer.firstByte, answer.payload.toString()]).toEqual([fin | pong, 'first']);
      const message = await nextFrame(client);
      expect(message.firstByte).toBe(fin | rsv1 | binary);
      expect(Buffer.compare(inflated(message.payload), largeMessage)).toBe(0);
    });

    test('what comes behind the message that is received waits for it, and all of it is heard', async () => {
      target = await DeflateTarget.open(isPortable);
      const client = await target.attack();
      const message = frame(fin | rsv1 | binary, deflated(noise(MiB)));
      const behind = [frame(fin | ping, Buffer.from('first')), textFrame('second'), frame(fin | ping)];
      client.write(Buffer.concat([message, ...behind]));
      const frames = [];
      for (let count = 0; count < 4; count++) frames.push(await nextFrame(client));
      expect(frames.map(({ firstByte, payload }) => [firstByte, payload.toString()])).toEqual([
        [fin | text, `${MiB}`],
        [fin | pong, 'first'],
        [fin | text, '6'],
        [fin | pong, ''],
      ]);
    });

    test('our close frame does not overtake what is sent', async () => {
      target = await DeflateTarget.open(isPortable);
      const client = await target.attack();
      client.write(textFrame('send and close'));
      const message = await nextFrame(client);
      expect(Buffer.compare(inflated(message.payload), largeMessage)).toBe(0);
      expect(await client.closeCode()).toBe(4000);
      client.write(closeFrame(4000));
      await until(() => target.ends.length > 0);
      expect(target.ends).toMatchObject([{ code: 4000, clean: true, by: 'local' }]);
    });

    test('the close frame of the peer does not overtake what it has sent, nor our answers', async () => {
      target = await DeflateTarget.open(isPortable);
      const client = await target.attack();
      client.write(
        Buffer.concat([
          frame(fin | rsv1 | binary, deflated(noise(MiB))),
          textFrame('send'),
          closeFrame(4001),
          textFrame('nobody hears this'),
        ]),
      );
      expect(await client.text()).toBe(`${MiB}`);
      const message = await nextFrame(client);
      expect(Buffer.compare(inflated(message.payload), largeMessage)).toBe(0);
      expect(await client.closeCode()).toBe(4001);
      await until(() => target.ends.length > 0);
      expect(target.ends).toMatchObject([{ code: 4001, clean: true, by: 'remote' }]);
      expect(target.heard).toEqual([MiB, 4]);
    });
  });

  test('200 connections that take contexts over share a small budget, and none of them reads a wrong byte', async () => {
    const compression = {
      serverNoContextTakeover: false,
      clientNoContextTakeover: false,
      thresholdBytes: 0,
    };
    target = await DeflateTarget.open(isPortable, compression, MiB);
    target.server.endpoint(
      '/echo',
      { perMessageDeflate: compression },
      { message: (connection, message) => connection.send(message) },
    );
    const clients: PeerWebSocket[] = [];
    let windows = 0;
    for (let count = 0; count < 200; count++) {
      const client = new PeerWebSocket(`${target.server.url}/echo`, { perMessageDeflate: { threshold: 0 } });
      const [[response]] = await Promise.all([once(client, 'upgrade'), once(client, 'open')]);
      if (!response.headers['sec-websocket-extensions'].includes('client_no_context_takeover')) windows++;
      clients.push(client);
    }
    // A window cannot be taken back: without room for one the client is asked to do without.
    expect(windows).toBeGreaterThan(20);
    expect(windows * 32 * KiB).toBeLessThanOrEqual(MiB);
    for (let round = 0; round < 4; round++) {
      await Promise.all(
        clients.map(async (client, index) => {
          const message = `${index} of ${round}: ${noise(300 * (1 + (index % 7))).toString('base64')}`;
          client.send(message);
          const [data] = await once(client, 'message');
          expect(String(data)).toBe(message);
        }),
      );
      // What is in work may pass the bound: a context for each of a few messages.
      expect(target.memory.usedBytes).toBeLessThan(2 * MiB);
    }
    for (const client of clients) client.terminate();
    await until(() => target.server.connections.size === 1);
    expect(target.keptBytes()).toBeLessThanOrEqual(64 * KiB);
    await target.expectUnharmed();
  });
});
