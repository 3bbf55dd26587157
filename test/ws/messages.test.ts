import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { expectedOf, implementations } from './implementations.ts';
import { connectPair, connectRaw, maskedFrame, plain, record, thrownBy, describeError } from './stage.ts';

describe.each(implementations)('messages of $name', (implementation) => {
  test('text arrives as a Buffer that is not binary, bytes as a Buffer that is', async () => {
    const { client, peer } = await connectPair(implementation);
    const events = record(peer, ['message']);
    client.send('grüße');
    client.send(Buffer.from('bytes'));
    client.send('');
    client.send(new Uint8Array(0));
    await expect.poll(() => events.length).toBe(4);
    expect(events).toEqual([
      ['message', `Buffer ${Buffer.from('grüße').toString('latin1')}`, false],
      ['message', 'Buffer bytes', true],
      ['message', 'Buffer ', false],
      ['message', 'Buffer ', true],
    ]);
  });

  test.each<[string, unknown, string, boolean]>([
    ['a number', 42, '42', false],
    ['an ArrayBuffer', new Uint8Array([65, 66]).buffer, 'AB', true],
    ['a DataView', new DataView(new Uint8Array([64, 65, 66]).buffer, 1), 'AB', true],
    ['a Uint16Array', new Uint16Array([0x4241]), 'AB', true],
    ['a list of numbers', [65, 66], 'AB', true],
    ['a Blob', new Blob(['AB']), 'AB', true],
    ['nothing', undefined, '', true],
    ['null', null, '', true],
  ])('%s can be sent', async (_, data, bytes, isBinary) => {
    const { client, peer } = await connectPair(implementation);
    const events = record(peer, ['message']);
    client.send(data as string);
    await expect.poll(() => events).toEqual([['message', `Buffer ${bytes}`, isBinary]]);
  });

  test('an object without bytes is not sent', async () => {
    const { client } = await connectPair(implementation);
    expect(describeError(thrownBy(() => client.send({} as string)))).toMatchObject({
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
    });
  });

  test('the option binary decides between text and binary', async () => {
    const { client, peer } = await connectPair(implementation);
    const events = record(peer, ['message']);
    client.send('text', { binary: true });
    client.send(Buffer.from('bytes'), { binary: false });
    await expect
      .poll(() => events)
      .toEqual([
        ['message', 'Buffer text', true],
        ['message', 'Buffer bytes', false],
      ]);
  });

  test('fragments make one message, whose kind is that of the first one', async () => {
    const { client, peer } = await connectPair(implementation);
    const events = record(peer, ['message', 'ping']);
    client.send('one ', { fin: false });
    client.ping('between');
    client.send(Buffer.from('two '), { fin: false });
    client.send('three', { fin: true });
    client.send('next');
    await expect
      .poll(() => events)
      .toEqual([
        ['ping', 'Buffer between'],
        ['message', 'Buffer one two three', false],
        ['message', 'Buffer next', false],
      ]);
  });

  test('what is sent behind a Blob comes behind it', async () => {
    const { client, peer } = await connectPair(implementation);
    const events = record(peer, ['message', 'ping', 'close']);
    client.send(new Blob(['first']), { binary: false });
    client.send('second');
    client.ping('third');
    client.send(new Blob(['fourth']));
    client.close(1000, 'fifth');
    expect(client.readyState).toBe(implementation.WebSocket.CLOSING);
    await once(client, 'close');
    await expect
      .poll(() => events)
      .toEqual([
        ['message', 'Buffer first', false],
        ['message', 'Buffer second', false],
        ['ping', 'Buffer third'],
        ['message', 'Buffer fourth', true],
        ['close', 1000, 'Buffer fifth'],
      ]);
  });

  test('the callback of send is called when the message has left, later than send returns', async () => {
    const { client } = await connectPair(implementation);
    const order: unknown[] = [];
    const done = new Promise<void>((resolve) => {
      client.send('one', (error) => {
        order.push(['one', error ?? 'sent']);
      });
      client.send('two', { binary: true }, (error) => {
        order.push(['two', error ?? 'sent']);
        resolve();
      });
      order.push('returned');
    });
    await done;
    expect(order).toEqual(['returned', ['one', 'sent'], ['two', 'sent']]);
  });

  test.each(['ping', 'pong'] as const)('%s sends what it is given and calls back', async (kind) => {
    const { client, peer } = await connectPair(implementation);
    const events = record(peer, [kind]);
    const called = await Promise.all([
      new Promise((resolve) => client[kind]('text', undefined, (error: unknown) => resolve(error ?? 'sent'))),
      new Promise((resolve) =>
        (client[kind] as (callback: (error: unknown) => void) => void)((error) => resolve(error ?? 'sent')),
      ),
    ]);
    client[kind](7);
    expect(called).toEqual(['sent', 'sent']);
    await expect
      .poll(() => events)
      .toEqual([
        [kind, 'Buffer text'],
        [kind, 'Buffer '],
        [kind, 'Buffer 7'],
      ]);
  });

  test.each(['ping', 'pong'] as const)('%s refuses more than 125 bytes', async (kind) => {
    const { client } = await connectPair(implementation);
    expect(describeError(thrownBy(() => client[kind]('a'.repeat(126))))).toEqual({
      name: 'RangeError',
      code: undefined,
      message: 'The data size must not be greater than 125 bytes',
    });
  });

  test('pings are answered, and are not with autoPong off', async () => {
    const answered = await connectPair(implementation);
    answered.client.ping('hello');
    const [pong] = await once(answered.client, 'pong');
    expect(plain(pong)).toBe('Buffer hello');

    const silent = await connectPair(implementation, { autoPong: false });
    const events = record(silent.client, ['pong', 'message']);
    silent.peer.on('ping', () => silent.peer.send('seen'));
    silent.client.ping('hello');
    await once(silent.client, 'message');
    expect(events).toEqual([['message', 'Buffer seen', false]]);
  });

  test.each([
    ['nodebuffer', 'Buffer onetwo'],
    ['arraybuffer', 'ArrayBuffer onetwo'],
  ] as const)('binaryType %s gives %s', async (binaryType, expected) => {
    const { client, peer } = await connectPair(implementation);
    peer.binaryType = binaryType;
    expect(peer.binaryType).toBe(binaryType);
    const events = record(peer, ['message']);
    client.send(Buffer.from('one'), { fin: false });
    client.send(Buffer.from('two'));
    client.send('text');
    await expect
      .poll(() => events)
      .toEqual([
        ['message', expected, true],
        ['message', 'Buffer text', false],
      ]);
  });

  test('binaryType arraybuffer gives a buffer that holds nothing else', async () => {
    const { client, peer } = await connectPair(implementation);
    peer.binaryType = 'arraybuffer';
    client.send(Buffer.from('abc'));
    const [data] = await once(peer, 'message');
    expect(data).toBeInstanceOf(ArrayBuffer);
    expect((data as ArrayBuffer).byteLength).toBe(3);
  });

  test('binaryType fragments gives a list of Buffers', async () => {
    const { client, peer } = await connectPair(implementation);
    peer.binaryType = 'fragments';
    client.send(Buffer.from('one'), { fin: false });
    client.send(Buffer.from('two'));
    const [data, isBinary] = await once(peer, 'message');
    expect(data).toHaveLength(expectedOf('fragments', implementation));
    expect([plain(Buffer.concat(data as Buffer[])), isBinary]).toEqual(['Buffer onetwo', true]);
  });

  test('binaryType blob gives a Blob', async () => {
    const { client, peer } = await connectPair(implementation);
    (peer as { binaryType: string }).binaryType = 'blob';
    client.send(Buffer.from('abc'));
    const [data] = await once(peer, 'message');
    expect(data).toBeInstanceOf(Blob);
    expect(await (data as Blob).text()).toBe('abc');
  });

  test('an unknown binaryType changes nothing', async () => {
    const { peer } = await connectPair(implementation);
    (peer as { binaryType: string }).binaryType = 'nonsense';
    expect(peer.binaryType).toBe('nodebuffer');
  });

  test('a message is yours to keep', async () => {
    const { client, peer } = await connectPair(implementation);
    const kept: Buffer[] = [];
    peer.on('message', (data) => kept.push(data as Buffer));
    for (let index = 0; index < 50; index++) client.send(Buffer.alloc(20, index));
    for (let index = 0; index < 20; index++) client.send(Buffer.alloc(20_000, index));
    await expect.poll(() => kept.length).toBe(70);
    for (const [index, data] of kept.entries()) {
      const filled = index < 50 ? index : index - 50;
      expect(data.equals(Buffer.alloc(index < 50 ? 20 : 20_000, filled))).toBe(true);
    }
  });

  test('memory that was sent may be written to as soon as send has returned', async () => {
    const { client, peer } = await connectPair(implementation);
    const events: number[] = [];
    client.on('message', (data) => events.push((data as Buffer)[0]));
    const memory = Buffer.alloc(40_000);
    for (let index = 1; index <= 3; index++) {
      memory.fill(index);
      peer.send(memory);
    }
    await expect.poll(() => events).toEqual([1, 2, 3]);
  });

  test('pause stops the messages, resume lets them go on', async () => {
    const { client, peer } = await connectPair(implementation);
    const events = record(peer, ['message']);
    peer.pause();
    expect(peer.isPaused).toBe(true);
    client.send('one');
    await new Promise((resolve) => client.send('two', resolve));
    client.ping();
    expect(events).toEqual([]);
    peer.resume();
    expect(peer.isPaused).toBe(false);
    await once(client, 'pong');
    expect(events.length).toBe(2);
  });

  test('several messages of one read come in one turn, and in one each when that is asked for', async () => {
    for (const allowSynchronousEvents of [true, false]) {
      const { socket, peer } = await connectRaw(implementation, { allowSynchronousEvents });
      let turn = 0;
      const turns: [string, number][] = [];
      const count = (): void => {
        turn++;
        if (turns.length < 4) setImmediate(count);
      };
      peer.once('message', () => setImmediate(count));
      for (const name of ['message', 'ping', 'pong']) peer.on(name, () => turns.push([name, turn]));
      socket.write(
        Buffer.concat([
          maskedFrame(0x81, 'a'),
          maskedFrame(0x81, 'b'),
          maskedFrame(0x89, 'c'),
          maskedFrame(0x8a, 'd'),
        ]),
      );
      await expect.poll(() => turns.length).toBe(4);
      expect(turns.map(([name]) => name)).toEqual(['message', 'message', 'ping', 'pong']);
      const distinct = new Set(turns.map(([, at]) => at)).size;
      expect(distinct === 1).toBe(allowSynchronousEvents);
    }
  });

  test('a message of 1 MiB arrives whole in both directions', async () => {
    const { client, peer } = await connectPair(implementation);
    const bytes = Buffer.alloc(1024 * 1024, 'abcdefg');
    peer.on('message', (data, isBinary) => peer.send(data as Buffer, { binary: isBinary }));
    client.send(bytes);
    const [back, isBinary] = await once(client, 'message');
    expect(isBinary).toBe(true);
    expect(bytes.equals(back as Buffer)).toBe(true);
  });

  test('what send was given counts as buffered', async () => {
    const { peer } = await connectPair(implementation);
    peer.send('hello');
    expect(peer.bufferedAmount).toBe(expectedOf('bufferedAmount in the same turn', implementation));
    await expect.poll(() => peer.bufferedAmount).toBe(0);
  });
});

describe.each(implementations)('compressed messages of $name', (implementation) => {
  test.each([true, {}, { threshold: 0, zlibDeflateOptions: { level: 9, memLevel: 8 } }])(
    'permessage-deflate is agreed with %o and carries messages',
    async (perMessageDeflate) => {
      const { client, peer } = await connectPair(implementation, { perMessageDeflate });
      expect([client.extensions, peer.extensions]).toEqual(['permessage-deflate', 'permessage-deflate']);
      const events = record(peer, ['message']);
      const text = 'compress me '.repeat(500);
      client.send(text);
      client.send(text, { compress: false });
      client.send('short');
      client.send('in ', { fin: false });
      client.send('pieces');
      await expect
        .poll(() => events.map(([, data]) => data))
        .toEqual([text, text, 'short', 'in pieces'].map((data) => `Buffer ${data}`));
    },
  );

  test('without it on one side there is none', async () => {
    const { client, peer } = await connectPair(
      implementation,
      { perMessageDeflate: true },
      { perMessageDeflate: false },
    );
    expect([client.extensions, peer.extensions]).toEqual(['', '']);
  });

  test('the parameters stand in the headers as asked for', async () => {
    const headersOf = async (server: object, client: object): Promise<(string | undefined)[]> => {
      const pair = await connectPair(
        implementation,
        {
          perMessageDeflate: server,
          verifyClient: ({ req }: { req: IncomingMessage }) => {
            offers.push(req.headers['sec-websocket-extensions']);
            return true;
          },
        },
        {
          perMessageDeflate: client,
          finishRequest: (request) => {
            request.on('upgrade', (response) => answers.push(response.headers['sec-websocket-extensions']));
            request.end();
          },
        },
      );
      pair.client.close();
      return [offers.at(-1), answers.at(-1)];
    };
    const offers: (string | undefined)[] = [];
    const answers: (string | undefined)[] = [];
    expect(await headersOf({}, {})).toEqual([
      'permessage-deflate; client_max_window_bits',
      'permessage-deflate',
    ]);
    expect(await headersOf({ serverNoContextTakeover: true, clientNoContextTakeover: true }, {})).toEqual([
      'permessage-deflate; client_max_window_bits',
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    ]);
    expect(await headersOf({}, { clientMaxWindowBits: 10, serverNoContextTakeover: true })).toEqual([
      'permessage-deflate; server_no_context_takeover; client_max_window_bits=10',
      'permessage-deflate; server_no_context_takeover; client_max_window_bits=10',
    ]);
  });
});
