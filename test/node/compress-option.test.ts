// The option `compress` of one message, on every way that a message can be sent, with an extension of the tests' own and
// with permessage-deflate. What went out is read from the frames: RSV1 marks a transformed message (RFC 7692 6).

import { afterEach, describe, expect, test } from 'vitest';
import type { SendOptions } from '../../src/connection/connection-handlers.ts';
import { connect } from '../../src/node/connect.ts';
import { serve } from '../../src/node/serve.ts';
import type { WebSocketServer } from '../../src/node/web-socket-server.ts';
import { PreparedMessage } from '../../src/protocol/prepared-message.ts';
import { Opcode } from '../../src/protocol.ts';
import type { ServerConnection } from '../../src/server/server-connection.ts';
import { connectionPair } from '../../src/testing.ts';
import { ToyExtension } from '../protocol/toy-extension.ts';

const compressible = 'again and '.repeat(300);
const short = 'again and again and again and again';

/** Notes RSV1 of the first frame of each outgoing message. */
function notedBy(notes: boolean[]): Parameters<ServerConnection<unknown>['observe']>[0] {
  return {
    header: (direction, { opcode, rsv }) => {
      if (direction === 'in') return;
      if (opcode === Opcode.text || opcode === Opcode.binary) notes.push(rsv === 0x40);
      else expect(rsv).toBe(0);
    },
    payload: () => undefined,
  };
}

interface Sender {
  send(data: string, options?: SendOptions): unknown;
}

/** Every way to send a message on a connection. */
function waysOf(connection: ServerConnection<unknown>, server: WebSocketServer): Record<string, Sender> {
  return {
    'send(text)': { send: (data, options) => connection.send(data, options) },
    'send(bytes)': { send: (data, options) => connection.send(Buffer.from(data), options) },
    sendFragment: {
      send: (data, options) => {
        void connection.sendFragment(data.slice(0, 9), { ...options, fin: false });
        return connection.sendFragment(data.slice(9), { fin: true });
      },
    },
    sendStream: {
      send: (data, options) => connection.sendStream('text', [data.slice(0, 5), data.slice(5)], options),
    },
    publish: { send: (data, options) => server.publish('all', data, options) },
    sendPrepared: {
      send: (data, options = {}) => connection.sendPrepared(new PreparedMessage(data, options)),
    },
  };
}

describe('over a connection in memory', () => {
  test.each<[boolean | undefined, boolean]>([
    [undefined, true],
    [true, true],
    [false, false],
  ])('compress %s', async (compress, isTransformed) => {
    const extensions = { client: new ToyExtension(), server: new ToyExtension() };
    const { client, server } = connectionPair({ extensions });
    const notes: boolean[] = [];
    const received: unknown[] = [];
    server.observe(notedBy(notes));
    client.attach({ message: (_, message) => received.push(message) });
    const options = compress === undefined ? {} : { compress };
    await server.send('a', options);
    await server.sendFragment('b', { fin: false, ...options });
    // Only that of the first fragment counts.
    await server.sendFragment('c', { fin: true, compress: compress !== true });
    await server.sendStream('text', ['d', 'e'], options);
    await server.sendPrepared(new PreparedMessage('f', options));
    await server.close();
    expect(received).toEqual(['a', 'bc', 'de', 'f']);
    expect(notes).toEqual(Array.from({ length: 4 }, () => isTransformed));
  });

  test('where no extension was agreed it changes nothing', async () => {
    const { client, server } = connectionPair();
    const notes: boolean[] = [];
    const received: unknown[] = [];
    server.observe(notedBy(notes));
    client.attach({ message: (_, message) => received.push(message) });
    await server.send('a', { compress: true });
    await server.sendPrepared(new PreparedMessage('b', { compress: true }));
    await server.close();
    expect([received, notes]).toEqual([
      ['a', 'b'],
      [false, false],
    ]);
  });
});

describe('with permessage-deflate', () => {
  let server: WebSocketServer;

  afterEach(async () => {
    await server.close();
  });

  test.each([true, false])('every way of sending does as it is told (no takeover: %s)', async (isWithout) => {
    const notes: boolean[] = [];
    const received: string[] = [];
    const perMessageDeflate = { serverNoContextTakeover: isWithout };
    const connections: ServerConnection<unknown>[] = [];
    server = await serve(
      { port: 0, host: '127.0.0.1', perMessageDeflate },
      {
        open: (connection) => {
          connection.subscribe('all');
          connection.observe(notedBy(notes));
          connections.push(connection);
        },
      },
    );
    const client = await connect(
      server.url,
      { perMessageDeflate },
      { message: (_, message) => received.push(Buffer.from(message).toString()) },
    );
    const expected: string[] = [];
    const marks: boolean[] = [];
    for (const [name, way] of Object.entries(waysOf(connections[0], server))) {
      // A message in fragments counts as long: nobody knows its length before its end.
      const isInFragments = name === 'sendFragment' || name === 'sendStream';
      for (const [data, options, isMarked] of [
        [compressible, undefined, true],
        [compressible, { compress: false }, false],
        [short, undefined, isInFragments],
        [short, { compress: true }, true],
      ] as const) {
        await way.send(data, options);
        expected.push(data);
        marks.push(isMarked);
      }
    }
    await connections[0].close();
    await client.closed;
    expect(received).toEqual(expected);
    expect(notes).toEqual(marks);
  });
});
