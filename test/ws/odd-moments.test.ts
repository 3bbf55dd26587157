// Methods that are called in the middle of something: inside of listeners, while paused, before the connection is there, twice.

import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { expectedOf, implementations } from './implementations.ts';
import {
  connectPair,
  connectRaw,
  describeError,
  handshake,
  makeClient,
  maskedFrame,
  portOf,
  record,
  startHttp,
  startServer,
  startTcp,
  thrownBy,
  uncaughtBy,
  until,
  urlOf,
} from './stage.ts';

const everything = ['open', 'message', 'ping', 'pong', 'error', 'close'];
const abandoned = {
  name: 'Error',
  code: undefined,
  message: 'WebSocket was closed before the connection was established',
};

function namesOf(events: readonly unknown[][]): unknown[] {
  return events.map(([name]) => name);
}

describe.each(implementations)('listeners of $name', (implementation) => {
  const { WebSocket: Class } = implementation;

  test('may terminate in the middle of a read', async () => {
    const { socket, peer } = await connectRaw(implementation);
    const events = record(peer, ['message', 'close']);
    peer.on('message', () => peer.terminate());
    socket.write(Buffer.concat([maskedFrame(0x81, 'a'), maskedFrame(0x81, 'b')]));
    await until(peer, 'close');
    expect(namesOf(events)).toEqual([...expectedOf('messages behind terminate', implementation), 'close']);
  });

  test('may pause in the middle of a read', async () => {
    const { socket, peer } = await connectRaw(implementation);
    const events = record(peer, ['message']);
    peer.on('message', () => peer.pause());
    socket.write(Buffer.concat(['a', 'b', 'c'].map((letter) => maskedFrame(0x81, letter))));
    await until(peer, 'message');
    await new Promise(setImmediate);
    expect(events.length).toBe(expectedOf('pause inside of a read', implementation));
    peer.removeAllListeners('message');
    peer.resume();
  });

  test('may close in the middle of a read, and get the rest of it', async () => {
    const { socket, peer } = await connectRaw(implementation);
    const events = record(peer, everything);
    peer.once('message', () => peer.close(1000, 'enough'));
    socket.write(
      Buffer.concat([
        maskedFrame(0x81, 'a'),
        maskedFrame(0x81, 'b'),
        maskedFrame(0x89, 'c'),
        maskedFrame(0x88, Buffer.from([0x03, 0xe8])),
      ]),
    );
    await until(peer, 'close');
    expect(events).toEqual([
      ['message', 'Buffer a', false],
      ['message', 'Buffer b', false],
      ['ping', 'Buffer c'],
      ['close', 1000, 'Buffer '],
    ]);
  });

  test('of ping come behind the pong on the wire', async () => {
    const { socket, peer, received } = await connectRaw(implementation);
    peer.on('ping', () => {
      peer.send('seen');
      peer.close();
    });
    socket.write(maskedFrame(0x89, 'c'));
    socket.once('data', () => socket.write(maskedFrame(0x88)));
    expect((await received).toString('latin1')).toBe('\x8a\x01c\x81\x04seen\x88\x00');
  });

  test('of error may send, ping and close, which comes to nothing', async () => {
    const { socket, peer } = await connectRaw(implementation);
    const order: unknown[] = [];
    peer.on('error', () => {
      order.push(['error', peer.readyState]);
      peer.send('x', (error) => order.push(['send', error?.message]));
      peer.ping();
      peer.close();
    });
    peer.on('close', (code) => {
      order.push(['close', code, peer.bufferedAmount]);
      peer.send('yy', (error) => order.push(['late', error?.message]));
    });
    socket.write(Buffer.concat([maskedFrame(0x83), maskedFrame(0x83)]));
    await expect.poll(() => order.length).toBe(4);
    expect(order).toEqual([
      ['error', Class.CLOSING],
      ['send', 'WebSocket is not open: readyState 2 (CLOSING)'],
      ['close', 1006, 1],
      ['late', 'WebSocket is not open: readyState 3 (CLOSED)'],
    ]);
  });

  test('of close come behind the callbacks of what has not left', async () => {
    const { client } = await connectPair(implementation);
    const order: string[] = [];
    client.on('close', () => order.push('close'));
    client.send('x', () => order.push('callback'));
    client.terminate();
    await until(client, 'close');
    expect(order).toEqual(['callback', 'close']);
  });

  test.each(['open', 'close'])('of %s may throw, which is an uncaught exception', async (name) => {
    const server = await startServer(implementation);
    server.on('connection', (peer) => peer.close());
    const client = makeClient(implementation, urlOf(server));
    const error = await uncaughtBy(() =>
      client.on(name, () => {
        throw new Error('of the listener');
      }),
    );
    expect(describeError(error).message).toBe('of the listener');
  });

  test('may have been removed, all of them, by a program', async () => {
    const { server, client, peer } = await connectPair(implementation);
    peer.removeAllListeners();
    client.close();
    await until(client, 'close');
    await expect.poll(() => peer.readyState).toBe(Class.CLOSED);
    expect(server.clients.size).toBe(expectedOf('clients after removeAllListeners', implementation));
  });
});

describe.each(implementations)('a paused WebSocket of $name', (implementation) => {
  test('that is terminated', async () => {
    const { client, peer } = await connectPair(implementation);
    const events = record(peer, ['message', 'close']);
    peer.pause();
    await new Promise((resolve) => client.send('held', resolve));
    await new Promise((resolve) => setTimeout(resolve, 20));
    peer.terminate();
    await until(peer, 'close');
    expect(namesOf(events)).toEqual([
      ...expectedOf('messages held back at terminate', implementation),
      'close',
    ]);
  });

  test('hears of the end behind the messages, when it goes on', async () => {
    const { client, peer } = await connectPair(implementation);
    const events = record(peer, ['message', 'close']);
    peer.pause();
    client.send('held');
    client.close(1000, 'bye');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([events, peer.readyState]).toEqual([[], peer.OPEN]);
    peer.resume();
    await until(peer, 'close');
    expect(events).toEqual([
      ['message', 'Buffer held', false],
      ['close', 1000, 'Buffer bye'],
    ]);
  });

  test('whose peer resets the connection', async () => {
    const { socket, peer } = await connectRaw(implementation);
    peer.pause();
    const closed = until(peer, 'close');
    socket.resetAndDestroy();
    if (expectedOf('reset while paused', implementation) === 'when it goes on') {
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(peer.readyState).toBe(peer.OPEN);
      peer.resume();
    }
    expect((await closed)[0]).toBe(1006);
  });

  test('may be paused as soon as it is open, not before', async () => {
    const server = await startServer(implementation);
    server.on('connection', (peer) => peer.send('hello'));
    const client = makeClient(implementation, urlOf(server));
    const events = record(client, ['message']);
    client.pause();
    expect(client.isPaused).toBe(false);
    client.on('open', () => client.pause());
    await once(client, 'open');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([client.isPaused, events]).toEqual([true, []]);
    client.resume();
    await until(client, 'message');
  });
});

describe.each(implementations)('a connecting client of $name', (implementation) => {
  const { WebSocket: Class } = implementation;

  test('is closed whatever the arguments, once', async () => {
    const server = await startServer(implementation);
    const client = makeClient(implementation, urlOf(server));
    const events = record(client, everything);
    client.close(5, 'not allowed elsewhere');
    client.terminate();
    client.close();
    await until(client, 'close');
    client.close();
    client.send('abc', (error) => events.push(['send', error?.message]));
    client.ping('d');
    expect(client.bufferedAmount).toBe(4);
    await new Promise(setImmediate);
    expect(events).toEqual([
      ['error', abandoned],
      ['close', 1006, 'Buffer '],
      ['send', 'WebSocket is not open: readyState 3 (CLOSED)'],
    ]);
  });

  test('that is terminated ends the process when nobody listens for its error', async () => {
    const server = await startServer(implementation);
    const client = new Class(urlOf(server));
    const error = await uncaughtBy(() => client.terminate());
    expect(describeError(error)).toEqual(abandoned);
  });

  test('may be closed at a redirect', async () => {
    const http = await startHttp();
    http.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 302 Found\r\nLocation: /next\r\n\r\n'));
    const client = makeClient(implementation, urlOf(http), { followRedirects: true });
    const events = record(client, ['error', 'close']);
    client.on('redirect', () => client.close());
    await until(client, 'close');
    expect(events).toEqual([
      ['error', abandoned],
      ['close', 1006, 'Buffer '],
    ]);
  });

  test('has its request destroyed with an error of the program', async () => {
    const server = await startServer(implementation);
    const client = makeClient(implementation, urlOf(server), {
      finishRequest: (request) => request.destroy(new Error('mine')),
    });
    const events = record(client, ['error', 'close']);
    await until(client, 'close');
    expect(events).toEqual([
      ['error', { name: 'Error', code: undefined, message: 'mine' }],
      ['close', 1006, 'Buffer '],
    ]);
  });

  test.each<[string, string, object]>([
    ['nothing', '', { code: 'ECONNRESET', message: 'socket hang up' }],
    ['no HTTP', 'nonsense\r\n\r\n', { code: 'HPE_INVALID_CONSTANT' }],
    ['an ordinary page', 'HTTP/1.1 200 OK\r\n\r\nok', { message: 'Unexpected server response: 200' }],
  ])('is answered with %s', async (_, answer, expected) => {
    const server = await startTcp((socket) => socket.end(answer));
    const client = makeClient(implementation, urlOf(server));
    const events = record(client, everything);
    await until(client, 'close');
    expect(namesOf(events)).toEqual(['error', 'close']);
    expect(events[0][1]).toMatchObject(expected);
  });

  test.each<[string, unknown[], object]>([
    [
      'a header that is none',
      ['ws://127.0.0.1', { headers: { 'a b': 'c' } }],
      { code: 'ERR_INVALID_HTTP_TOKEN' },
    ],
    ['a port that is none', ['ws://127.0.0.1:99999'], { name: 'SyntaxError' }],
    ['null for the subprotocols', ['ws://127.0.0.1', null], { name: 'SyntaxError' }],
    ['nothing', [], { name: 'SyntaxError', message: 'Invalid URL: undefined' }],
  ])('is not even made with %s', (_, parameters, expected) => {
    expect(describeError(thrownBy(() => Reflect.construct(Class, parameters)))).toMatchObject(expected);
  });
});

describe.each(implementations)('a server of $name', (implementation) => {
  const { WebSocket: Class, WebSocketServer: Server } = implementation;

  test('stays with its clients until they are gone, and calls back once each time', async () => {
    const { server, client } = await connectPair(implementation);
    const order: unknown[] = [];
    server.on('close', () => order.push('close'));
    server.close((error) => order.push(['first', error?.message]));
    server.close((error) => order.push(['second', error?.message]));
    await new Promise(setImmediate);
    expect([order, client.readyState, server.clients.size]).toEqual([[], Class.OPEN, 1]);
    client.terminate();
    await once(server, 'close');
    server.close((error) => order.push(['third', error?.message]));
    await once(server, 'close');
    expect(order).toEqual([
      'close',
      ['first', undefined],
      ['second', undefined],
      'close',
      ['third', 'The server is not running'],
    ]);
  });

  test('without tracking does not wait for clients on an HTTP server of somebody else', async () => {
    const http = await startHttp();
    const server = new Server({ server: http, clientTracking: false });
    const client = makeClient(implementation, urlOf(http));
    await once(client, 'open');
    server.close();
    await once(server, 'close');
    expect(client.readyState).toBe(Class.OPEN);
  });

  test('closes before it listens, and after it could not', async () => {
    const early = new Server({ port: 0, host: '127.0.0.1' });
    const events = record(early, ['listening', 'close']);
    early.close();
    await once(early, 'close');
    expect(events).toEqual([['close']]);
    const first = await startServer(implementation);
    const second = new Server({ port: portOf(first), host: '127.0.0.1' });
    await once(second, 'error');
    second.close();
    await once(second, 'close');
  });

  test('lets subclasses decide in shouldHandle and handleUpgrade', async () => {
    const seen: unknown[] = [];
    class Chosen extends Server {
      override shouldHandle(request: { url?: string }): boolean {
        seen.push(['shouldHandle', request.url]);
        return request.url === '/yes';
      }
      override handleUpgrade(...parameters: Parameters<InstanceType<typeof Server>['handleUpgrade']>): void {
        seen.push(['handleUpgrade', parameters.length]);
        super.handleUpgrade(...parameters);
      }
    }
    const server = await startServer({ ...implementation, WebSocketServer: Chosen as typeof Server });
    const [error] = await once(makeClient(implementation, urlOf(server, '/no')), 'error');
    expect(describeError(error).message).toBe('Unexpected server response: 400');
    await once(makeClient(implementation, urlOf(server, '/yes')), 'open');
    expect(seen).toEqual([
      ['handleUpgrade', 4],
      ['shouldHandle', '/no'],
      ['handleUpgrade', 4],
      ['shouldHandle', '/yes'],
    ]);
  });

  test('emits by way of the methods of a subclass of its sockets', async () => {
    const seen: unknown[] = [];
    class Watched extends Class {
      override emit(name: string | symbol, ...parameters: unknown[]): boolean {
        seen.push(name);
        return super.emit(name, ...parameters);
      }
      override pong(...parameters: Parameters<InstanceType<typeof Class>['pong']>): void {
        seen.push('pong()');
        super.pong(...parameters);
      }
      override close(...parameters: Parameters<InstanceType<typeof Class>['close']>): void {
        seen.push('close()');
        super.close(...parameters);
      }
    }
    const server = await startServer(implementation, { WebSocket: Watched as never });
    const [client, connected] = [makeClient(implementation, urlOf(server)), once(server, 'connection')];
    await once(client, 'open');
    const [peer] = await connected;
    expect(peer).toBeInstanceOf(Watched);
    client.ping('x');
    await once(client, 'pong');
    client.close();
    await until(peer as InstanceType<typeof Class>, 'close');
    const isOwnCall = (name: unknown): boolean => name === 'pong()' || name === 'close()';
    expect(seen.filter((name) => !isOwnCall(name))).toEqual(['open', 'ping', 'close']);
    expect(seen.filter(isOwnCall)).toEqual(expectedOf('own calls of pong and close', implementation));
  });

  test('has a socket in clients from connection to close', async () => {
    const server = await startServer(implementation);
    const sizes: unknown[] = [];
    server.on('connection', (peer) => {
      sizes.push(server.clients.has(peer));
      peer.on('close', () => sizes.push(server.clients.has(peer)));
    });
    const client = makeClient(implementation, urlOf(server));
    await once(client, 'open');
    client.close();
    await expect.poll(() => sizes).toEqual([true, false]);
  });

  test('leaves a socket that is gone alone, also when verifyClient takes its time', async () => {
    const http = await startHttp();
    const handed = new Server({ noServer: true });
    http.on('upgrade', (request, socket, head) => {
      socket.destroy();
      handed.handleUpgrade(request, socket, head, () => expect.fail('a connection'));
    });
    await once(makeClient(implementation, urlOf(http)), 'error');

    let decide: ((isVerified: boolean) => void) | undefined;
    const server = await startServer(implementation, {
      verifyClient: (_info, callback) => {
        decide = callback;
      },
    });
    server.on('connection', () => expect.fail('a connection'));
    const { connect } = await import('node:net');
    const socket = connect(portOf(server), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`${handshake.join('\r\n')}\r\n\r\n`);
    await expect.poll(() => decide).toBeDefined();
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(thrownBy(() => decide?.(true))).toBeUndefined();
  });

  test('passes on what verifyClient throws', async () => {
    const server = await startServer(implementation, {
      verifyClient: () => {
        throw new Error('of verifyClient');
      },
    });
    const error = await uncaughtBy(() =>
      makeClient(implementation, urlOf(server)).on('error', () => undefined),
    );
    expect(describeError(error).message).toBe('of verifyClient');
  });

  test('takes options that change later', async () => {
    const { server, client } = await connectPair(implementation);
    client.terminate();
    server.options.maxPayload = 3;
    const late = makeClient(implementation, urlOf(server));
    const [[peer]] = await Promise.all([once(server, 'connection'), once(late, 'open')]);
    const outcome = Promise.race([
      until(peer as typeof late, 'message').then(() => 'taken'),
      until(peer as typeof late, 'error').then(() => 'refused'),
    ]);
    late.send('12345');
    expect(await outcome).toBe(expectedOf('maxPayload that changes later', implementation));
  });
});
