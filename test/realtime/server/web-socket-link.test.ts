import { afterEach, describe, expect, test } from 'vitest';
import type { Connection } from '../../../src/connection/connection.ts';
import { connect } from '../../../src/node/connect.ts';
import { Hub } from '../../../src/node/realtime/hub.ts';
import { serve } from '../../../src/node/serve.ts';
import type { WebSocketServer } from '../../../src/node/web-socket-server.ts';
import { jsonSubprotocol } from '../../../src/realtime/wire/frames.ts';
import { chat, type Chat, fields, list } from './hub-stage.ts';

let server: WebSocketServer | undefined;
let hub: Hub<Chat> | undefined;

afterEach(async () => {
  await hub?.close();
  await server?.close({ timeoutMs: 100 });
  server = undefined;
});

interface Client {
  readonly connection: Connection;
  readonly frames: unknown[][];
  /** Resolves when the condition holds, which is looked at whenever something arrives. */
  until(condition: (frames: readonly unknown[][]) => boolean): Promise<void>;
}

async function client(url: string, subs: readonly unknown[]): Promise<Client> {
  const connection = await connect(url, { protocols: [jsonSubprotocol] });
  const frames: unknown[][] = [];
  let look: () => void = () => undefined;
  connection.attach({
    message: (_connection, message) => {
      const items = list(JSON.parse(String(message)));
      for (const item of Array.isArray(items[0]) ? items : [items]) frames.push([...list(item)]);
      look();
    },
  });
  const until = (condition: (frames: readonly unknown[][]) => boolean): Promise<void> =>
    new Promise((resolve) => {
      look = () => {
        if (condition(frames)) resolve();
      };
      look();
    });
  void connection.send(JSON.stringify([1, { v: 1, subs }]));
  await until(() => frames.some((frame) => frame[0] === 1));
  return { connection, frames, until };
}

async function start(): Promise<{
  readonly hub: Hub<Chat>;
  readonly url: string;
  readonly server: WebSocketServer;
}> {
  const made = new Hub(chat);
  made.channel('chat:{room}', { publish: () => true, retention: { maxEntries: 10_000 } });
  const { options, handlers } = made.webSocket();
  const serving = await serve({ ...options, port: 0, host: '127.0.0.1' }, handlers);
  [hub, server] = [made, serving];
  return { hub: made, url: serving.url, server: serving };
}

describe('a hub over WebSocket', () => {
  test('carries a publication from one client to the others, in one frame for all', async () => {
    const { url } = await start();
    const [ann, bob] = await Promise.all([client(url, [[1, 'chat:1']]), client(url, [[1, 'chat:1']])]);
    expect(ann.connection.protocol).toBe('fullduplex.v1.json');
    void ann.connection.send(JSON.stringify([4, 1, 'chat:1', 'message', { text: 'grüße' }]));
    for (const receiver of [ann, bob]) {
      await receiver.until((frames) => frames.some((frame) => frame[0] === 2));
      expect(receiver.frames.find((frame) => frame[0] === 2)?.[4]).toEqual({ text: 'grüße' });
    }
  });

  test('ends what a client does wrong with the close code of its goodbye', async () => {
    const { url } = await start();
    const connection = await connect(url, { protocols: [jsonSubprotocol] });
    connection.attach({});
    void connection.send('[1,{"v":9}]');
    expect(await connection.closed).toMatchObject({
      code: 4004,
      reason: 'PROTOCOL_INCOMPATIBLE',
      by: 'remote',
    });
    const binary = await connect(url, { protocols: [jsonSubprotocol] });
    binary.attach({});
    void binary.send(new Uint8Array([1, 2, 3]));
    expect(await binary.closed).toMatchObject({ code: 4000, reason: 'BAD_FRAME' });
  });

  test('refuses who does not ask for the subprotocol', async () => {
    const { url } = await start();
    await expect(connect(url)).rejects.toMatchObject({ status: 400 });
  });

  test('holds no more than its bound for a client that stops reading, and no one else waits', async () => {
    const { hub: chatHub, url, server: serving } = await start();
    const healthy = await client(url, [[1, 'chat:1']]);
    const slow = await client(url, [[1, 'chat:1']]);
    slow.connection.pause();
    const text = 'x'.repeat(10_000);
    let mostBytes = 0;
    const count = 1_500;
    for (let index = 1; index <= count; index++) {
      await chatHub.channel('chat:1').publish('message', { text: `${index} ${text}` });
      if (index % 10 === 0)
        await healthy.until((frames) => frames.filter((frame) => frame[0] === 2).length >= index);
      for (const { bufferedAmount } of serving.connections) mostBytes = Math.max(mostBytes, bufferedAmount);
    }
    expect(healthy.frames.filter((frame) => frame[0] === 2)).toHaveLength(count);
    // The mark above which nothing more is sent, and one message that goes beyond it.
    expect(mostBytes).toBeLessThan(64 * 1024 * 3);
    expect(chatHub.snapshot().slowConsumers).toBeGreaterThan(0);
    slow.connection.resume();
    await slow.until((frames) => frames.filter((frame) => frame[0] === 2).length >= count);
    expect(
      slow.frames
        .filter((frame) => frame[0] === 2)
        .map((frame) => Number.parseInt(String(fields(frame[4]).text), 10)),
    ).toEqual(Array.from({ length: count }, (_, index) => index + 1));
  });
});
