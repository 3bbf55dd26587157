import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { expectedOf, implementations } from './implementations.ts';
import {
  connectPair,
  connectRaw,
  describeError,
  makeClient,
  maskedFrame,
  record,
  startServer,
  startTcp,
  thrownBy,
  uncaughtBy,
  until,
  urlOf,
} from './stage.ts';

describe.each(implementations)('closing of $name', (implementation) => {
  const { WebSocket: Class } = implementation;

  test('code and reason reach both sides, as number and Buffer', async () => {
    const { client, peer } = await connectPair(implementation);
    const events = [record(client, ['error', 'close']), record(peer, ['error', 'close'])];
    client.close(4000, 'enough');
    expect(client.readyState).toBe(Class.CLOSING);
    await Promise.all([until(client, 'close'), until(peer, 'close')]);
    expect(events).toEqual([[['close', 4000, 'Buffer enough']], [['close', 4000, 'Buffer enough']]]);
    expect([client.readyState, peer.readyState]).toEqual([Class.CLOSED, Class.CLOSED]);
  });

  test('close without a code is 1005 on both sides', async () => {
    const { client, peer } = await connectPair(implementation);
    const events = [record(client, ['close']), record(peer, ['close'])];
    peer.close();
    await Promise.all([until(client, 'close'), until(peer, 'close')]);
    expect(events).toEqual([[['close', 1005, 'Buffer ']], [['close', 1005, 'Buffer ']]]);
  });

  test('a reason may be a Buffer', async () => {
    const { client, peer } = await connectPair(implementation);
    client.close(1000, Buffer.from('bytes'));
    const [code, reason] = await until(peer, 'close');
    expect([code, String(reason)]).toEqual([1000, 'bytes']);
  });

  test.each<[string, unknown, unknown, object]>([
    [
      '1004',
      1004,
      undefined,
      { name: 'TypeError', message: 'First argument must be a valid error code number' },
    ],
    [
      '1005',
      1005,
      undefined,
      { name: 'TypeError', message: 'First argument must be a valid error code number' },
    ],
    [
      '5000',
      5000,
      undefined,
      { name: 'TypeError', message: 'First argument must be a valid error code number' },
    ],
    [
      'text',
      '1000',
      undefined,
      { name: 'TypeError', message: 'First argument must be a valid error code number' },
    ],
    [
      'a long reason',
      1000,
      'a'.repeat(124),
      { name: 'RangeError', message: 'The message must not be greater than 123 bytes' },
    ],
  ])('close refuses %s and changes nothing', async (_, code, reason, error) => {
    const { client } = await connectPair(implementation);
    expect(describeError(thrownBy(() => client.close(code as number, reason as string)))).toMatchObject(
      error,
    );
    expect(client.readyState).toBe(Class.OPEN);
  });

  test.each([5, true, {}, []])('a reason that has no length, %o, is none', async (reason) => {
    const { client, peer } = await connectPair(implementation);
    client.close(4000, reason as unknown as string);
    const [code, text] = await until(peer, 'close');
    expect([code, String(text)]).toEqual([4000, '']);
  });

  test.each([[[1, 2]], [null]])('close refuses the reason %o', async (reason) => {
    const { client } = await connectPair(implementation);
    const error = thrownBy(() => client.close(1000, reason as unknown as string));
    expect(describeError(error).name).toBe('TypeError');
    expect(client.readyState).toBe(Class.OPEN);
  });

  test('messages that the peer had sent before are still delivered', async () => {
    const { client, peer } = await connectPair(implementation);
    const events = record(client, ['message', 'close']);
    peer.send('one');
    peer.send('two');
    client.close();
    await until(client, 'close');
    expect(events).toEqual([
      ['message', 'Buffer one', false],
      ['message', 'Buffer two', false],
      ['close', 1005, 'Buffer '],
    ]);
  });

  test('terminate gives 1006 on both sides, and no error', async () => {
    const { client, peer } = await connectPair(implementation);
    const events = [record(client, ['error', 'close']), record(peer, ['error', 'close'])];
    client.terminate();
    expect(client.readyState).toBe(Class.CLOSING);
    await Promise.all([until(client, 'close'), until(peer, 'close')]);
    expect(events).toEqual([[['close', 1006, 'Buffer ']], [['close', 1006, 'Buffer ']]]);
  });

  test('a peer that ends the connection without a close frame gives 1006', async () => {
    const { socket, peer } = await connectRaw(implementation);
    const events = record(peer, ['error', 'close']);
    socket.end();
    await until(peer, 'close');
    expect(events).toEqual([['close', 1006, 'Buffer ']]);
  });

  test('a reset gives 1006 and no error', async () => {
    const { socket, peer } = await connectRaw(implementation);
    const events = record(peer, ['error', 'close']);
    socket.resetAndDestroy();
    await until(peer, 'close');
    expect(events).toEqual([['close', 1006, 'Buffer ']]);
  });

  test('a close that is not answered is cut after closeTimeout', async () => {
    const { peer } = await connectRaw(implementation, { closeTimeout: 30 } as object);
    const events = record(peer, ['error', 'close']);
    peer.close(1001);
    await until(peer, 'close');
    expect(events).toEqual([['close', 1006, 'Buffer ']]);
  });

  test('closing twice, or when it is over, changes nothing', async () => {
    const { client, peer } = await connectPair(implementation);
    const events = record(peer, ['close']);
    client.close(4001);
    client.close(4002);
    await Promise.all([until(client, 'close'), until(peer, 'close')]);
    client.close(4003);
    client.terminate();
    client.pause();
    client.resume();
    expect(events).toEqual([['close', 4001, 'Buffer ']]);
  });

  test.each(['send', 'ping', 'pong'] as const)(
    '%s after close tells its callback, and throws nothing',
    async (method) => {
      const { client } = await connectPair(implementation);
      client.close();
      const [closing, closed] = [
        { name: 'Error', code: undefined, message: 'WebSocket is not open: readyState 2 (CLOSING)' },
        { name: 'Error', code: undefined, message: 'WebSocket is not open: readyState 3 (CLOSED)' },
      ];
      const use = (data: string): Promise<unknown> =>
        new Promise((resolve) => {
          if (method === 'send') client.send(data, (error) => resolve(error));
          else client[method](data, undefined, (error) => resolve(error));
        });
      expect(describeError(await use('four'))).toEqual(closing);
      await until(client, 'close');
      expect(describeError(await use('seven77'))).toEqual(closed);
      client[method]('x');
      expect(client.bufferedAmount).toBe('four'.length + 'seven77'.length + 1);
    },
  );

  test.each(['send', 'ping', 'pong'] as const)('%s while connecting throws', async (method) => {
    const server = await startServer(implementation);
    const client = makeClient(implementation, urlOf(server));
    expect(client.readyState).toBe(Class.CONNECTING);
    expect(describeError(thrownBy(() => client[method]('x')))).toEqual({
      name: 'Error',
      code: undefined,
      message: 'WebSocket is not open: readyState 0 (CONNECTING)',
    });
    client.pause();
    client.resume();
    expect(client.isPaused).toBe(false);
  });

  test.each(['close', 'terminate'] as const)(
    '%s while connecting gives an error and 1006',
    async (method) => {
      const server = await startServer(implementation);
      const client = makeClient(implementation, urlOf(server));
      const events = record(client, ['open', 'error', 'close']);
      client[method]();
      expect(client.readyState).toBe(Class.CLOSING);
      expect(events).toEqual([]);
      await until(client, 'close');
      expect(events).toEqual([
        [
          'error',
          {
            name: 'Error',
            code: undefined,
            message: 'WebSocket was closed before the connection was established',
          },
        ],
        ['close', 1006, 'Buffer '],
      ]);
    },
  );

  test('bytes that cannot leave any more have their callbacks called', async () => {
    const { client, peer } = await connectPair(implementation);
    client.pause();
    const big = Buffer.alloc(8 * 1024 * 1024);
    const failed = new Promise((resolve) => peer.send(big, (error) => resolve(error)));
    setImmediate(() => peer.terminate());
    expect((await failed) instanceof Error).toBe(expectedOf('callback of what was cut off', implementation));
  });

  test('wasClean of a CloseEvent says whether both close frames were there', async () => {
    const clean = await connectPair(implementation);
    const dirty = await connectPair(implementation);
    const seen = [clean, dirty].map(
      ({ client }) =>
        new Promise((resolve) => {
          client.onclose = ({ wasClean, code, reason, type, target }) =>
            resolve([wasClean, code, reason, type, target === client]);
        }),
    );
    clean.peer.close(1001, 'bye');
    dirty.peer.terminate();
    expect(await Promise.all(seen)).toEqual([
      [true, 1001, 'bye', 'close', true],
      [false, 1006, '', 'close', true],
    ]);
  });
});

interface Violation {
  readonly what: string;
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly code: string;
  readonly message?: string;
  readonly closeCode: number;
}

const inFrame = 'Invalid WebSocket frame: ';
const violations: readonly Violation[] = [
  {
    what: 'RSV1',
    bytes: maskedFrame(0xc1, 'a'),
    name: 'RangeError',
    code: 'WS_ERR_UNEXPECTED_RSV_1',
    message: `${inFrame}RSV1 must be clear`,
    closeCode: 1002,
  },
  {
    what: 'RSV2',
    bytes: maskedFrame(0xa1, 'a'),
    name: 'RangeError',
    code: 'WS_ERR_UNEXPECTED_RSV_2_3',
    message: `${inFrame}RSV2 and RSV3 must be clear`,
    closeCode: 1002,
  },
  {
    what: 'an unknown opcode',
    bytes: maskedFrame(0x83),
    name: 'RangeError',
    code: 'WS_ERR_INVALID_OPCODE',
    closeCode: 1002,
  },
  {
    what: 'a continuation of nothing',
    bytes: maskedFrame(0x80, 'a'),
    name: 'RangeError',
    code: 'WS_ERR_INVALID_OPCODE',
    message: `${inFrame}invalid opcode 0`,
    closeCode: 1002,
  },
  {
    what: 'a message inside of another',
    bytes: Buffer.concat([maskedFrame(0x01, 'a'), maskedFrame(0x81, 'b')]),
    name: 'RangeError',
    code: 'WS_ERR_INVALID_OPCODE',
    closeCode: 1002,
  },
  {
    what: 'no mask',
    bytes: Buffer.from([0x81, 0x01, 0x61]),
    name: 'RangeError',
    code: 'WS_ERR_EXPECTED_MASK',
    message: `${inFrame}MASK must be set`,
    closeCode: 1002,
  },
  {
    what: 'a fragmented ping',
    bytes: maskedFrame(0x09, 'a'),
    name: 'RangeError',
    code: 'WS_ERR_EXPECTED_FIN',
    message: `${inFrame}FIN must be set`,
    closeCode: 1002,
  },
  {
    what: 'a ping of 126 bytes',
    bytes: maskedFrame(0x89, 'a'.repeat(126)),
    name: 'RangeError',
    code: 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH',
    closeCode: 1002,
  },
  {
    what: 'a close body of 1 byte',
    bytes: maskedFrame(0x88, 'a'),
    name: 'RangeError',
    code: 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH',
    message: `${inFrame}invalid payload length 1`,
    closeCode: 1002,
  },
  {
    what: 'a forbidden close code',
    bytes: maskedFrame(0x88, Buffer.from([0x03, 0xee])),
    name: 'RangeError',
    code: 'WS_ERR_INVALID_CLOSE_CODE',
    closeCode: 1002,
  },
  {
    what: 'text that is not UTF-8',
    bytes: maskedFrame(0x81, Buffer.from([0xff])),
    name: 'Error',
    code: 'WS_ERR_INVALID_UTF8',
    message: `${inFrame}invalid UTF-8 sequence`,
    closeCode: 1007,
  },
  {
    what: 'long text that is not UTF-8',
    bytes: maskedFrame(0x81, Buffer.alloc(100, 0xff)),
    name: 'Error',
    code: 'WS_ERR_INVALID_UTF8',
    message: `${inFrame}invalid UTF-8 sequence`,
    closeCode: 1007,
  },
  {
    what: 'a close reason that is not UTF-8',
    bytes: maskedFrame(0x88, Buffer.from([0x03, 0xe8, 0xff])),
    name: 'Error',
    code: 'WS_ERR_INVALID_UTF8',
    message: `${inFrame}invalid UTF-8 sequence`,
    closeCode: 1007,
  },
  {
    what: 'a message above maxPayload',
    bytes: maskedFrame(0x82, 'a'.repeat(1001)),
    name: 'RangeError',
    code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
    message: 'Max payload size exceeded',
    closeCode: 1009,
  },
  {
    what: 'fragments above maxPayload',
    bytes: Buffer.concat([maskedFrame(0x02, 'a'.repeat(600)), maskedFrame(0x80, 'a'.repeat(600))]),
    name: 'RangeError',
    code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
    message: 'Max payload size exceeded',
    closeCode: 1009,
  },
];

describe.each(implementations)('errors of $name', (implementation) => {
  test.each(violations)(
    '$what is an error with $code, then 1006, and the peer gets $closeCode',
    async (violation) => {
      const { socket, peer, received } = await connectRaw(implementation, { maxPayload: 1000 });
      const order: unknown[] = [];
      peer.on('message', (data) => order.push(String(data)));
      peer.on('error', (error) => {
        order.push([error.name, 'code' in error ? error.code : undefined, peer.readyState]);
        if (violation.message !== undefined) expect(error.message).toBe(violation.message);
      });
      peer.on('close', (code, reason) => order.push([code, String(reason), peer.readyState]));
      socket.write(
        Buffer.concat([maskedFrame(0x81, 'before'), violation.bytes, maskedFrame(0x81, 'behind')]),
      );
      const bytes = await received;
      await expect.poll(() => order.length).toBe(3);
      expect(order).toEqual(['before', [violation.name, violation.code, 2], [1006, '', 3]]);
      const closeFrame = bytes.subarray(0, 4);
      expect([closeFrame[0], closeFrame.readUInt16BE(2)]).toEqual([0x88, violation.closeCode]);
    },
  );

  test('too many fragments are an error', async () => {
    const { socket, peer, received } = await connectRaw(implementation, { maxFragments: 2 } as object);
    socket.write(Buffer.concat([0x01, 0x00, 0x00].map((firstByte) => maskedFrame(firstByte, 'a'))));
    const [error] = await once(peer, 'error');
    expect(describeError(error)).toEqual({
      name: 'RangeError',
      code: 'WS_ERR_TOO_MANY_BUFFERED_PARTS',
      message: 'Too many message fragments',
    });
    expect((await received).readUInt16BE(2)).toBe(expectedOf('too many fragments', implementation));
  });

  test('a length that nobody can mean', async () => {
    const { socket, peer, received } = await connectRaw(implementation);
    socket.write(Buffer.from([0x82, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]));
    const [error] = await once(peer, 'error');
    expect(describeError(error)).toMatchObject({
      name: 'RangeError',
      code: 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
    });
    expect((await received).readUInt16BE(2)).toBe(
      expectedOf('length with its highest bit set', implementation),
    );
  });

  test('a length that is longer than it need be', async () => {
    const { socket, peer } = await connectRaw(implementation);
    const outcome = Promise.race([
      once(peer, 'message').then(() => 'taken'),
      new Promise((resolve) => peer.on('error', (error) => resolve('code' in error ? error.code : error))),
    ]);
    socket.write(Buffer.from([0x81, 0xfe, 0x00, 0x01, 0, 0, 0, 0, 0x61]));
    expect(await outcome).toBe(expectedOf('length not in its shortest form', implementation));
  });

  test('skipUTF8Validation lets any bytes through', async () => {
    const { socket, peer } = await connectRaw(implementation, { skipUTF8Validation: true });
    socket.write(maskedFrame(0x81, Buffer.from([0xff])));
    const [data, isBinary] = await once(peer, 'message');
    expect([[...(data as Buffer)], isBinary]).toEqual([[0xff], false]);
  });

  test('maxPayload 0 is no limit', async () => {
    const { socket, peer } = await connectRaw(implementation, { maxPayload: 0 });
    socket.write(maskedFrame(0x82, Buffer.alloc(60_000)));
    const [data] = await once(peer, 'message');
    expect((data as Buffer).length).toBe(60_000);
  });

  test('a client hears of masked frames', async () => {
    const server = await startTcp((socket, request) => {
      const key = /Sec-WebSocket-Key: (.*)\r\n/i.exec(request)?.[1] ?? '';
      void import('node:crypto').then(({ createHash }) => {
        const accept = createHash('sha1')
          .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
          .digest('base64');
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
        );
        socket.write(maskedFrame(0x81, 'a'));
      });
    });
    const client = makeClient(implementation, urlOf(server));
    const [error] = await once(client, 'error');
    expect(describeError(error)).toEqual({
      name: 'RangeError',
      code: 'WS_ERR_UNEXPECTED_MASK',
      message: 'Invalid WebSocket frame: MASK must be clear',
    });
  });

  test.each([
    ['an exception in a listener', 'message'],
    ['an error without a listener', 'error'],
  ])('%s is an uncaught exception', async (_, kind) => {
    const { socket, peer } = await connectRaw(implementation);
    if (kind === 'message') {
      peer.on('message', () => {
        throw new Error('of the listener');
      });
    }
    const error = await uncaughtBy(() => socket.write(maskedFrame(kind === 'message' ? 0x81 : 0x83, 'a')));
    expect(describeError(error)).toMatchObject(
      kind === 'message' ? { message: 'of the listener' } : { code: 'WS_ERR_INVALID_OPCODE' },
    );
  });
});
