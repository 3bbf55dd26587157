import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { FullduplexError } from '../../src/base/errors.ts';
import { nodeScheduler } from '../../src/node/node-scheduler.ts';
import { connectionPair, settle } from '../../src/testing.ts';
import { createWebSocketClass, type WebSocket } from '../../src/whatwg/web-socket.ts';
import { connectedSocket, fakePlatform, microtasks, openSocket, recordEvents } from './fake-platform.ts';

test('open, messages and close come in order, each as a task of its own', async () => {
  const { socket, server, scheduler, log } = await connectedSocket();
  server.send('one');
  server.send(new Uint8Array([1]));
  server.send('three');
  void server.close(4000, 'bye');
  await settle();
  // open, three messages, CLOSING, and two for the end.
  expect(log).toEqual([]);
  await scheduler.runTask();
  expect(log).toEqual(['open 1']);
  await scheduler.runTask();
  expect(log).toEqual(['open 1', 'message one']);
  expect(socket.readyState).toBe(1);
  await scheduler.runAll();
  expect(log.slice(2)).toEqual(['message [object Blob]', 'message three', 'close 3 4000 "bye" clean']);
});

test('messages that came before the close frame are delivered, then the state is CLOSING, then CLOSED', async () => {
  const { socket, server, scheduler, log } = await openSocket();
  server.send('last words');
  void server.close(1000);
  await settle();
  expect(socket.readyState).toBe(1);
  await scheduler.runTask();
  expect([log.at(-1), socket.readyState]).toEqual(['message last words', 1]);
  await scheduler.runTask();
  expect([log.at(-1), socket.readyState]).toEqual(['message last words', 2]);
  await scheduler.runAll();
  expect(log).toEqual(['message last words', 'close 3 1000 "" clean']);
});

test('microtasks of a listener run to their end before the next event, on Node within one turn of the loop', async () => {
  const pair = connectionPair({ scheduler: nodeScheduler });
  const NodeWebSocket = createWebSocketClass({
    dialer: { dial: () => Promise.resolve(pair.client) },
    scheduler: nodeScheduler,
  });
  const socket = new NodeWebSocket('ws://host');
  const log: string[] = [];
  let turns = 0;
  const countTurns = (): void => {
    turns++;
    if (log.length < 6) setImmediate(countTurns);
  };
  socket.addEventListener('open', () => {
    for (const message of ['a', 'b', 'c']) pair.server.send(message);
  });
  const done = new Promise<void>((resolve) => {
    socket.onmessage = async ({ data }) => {
      if (log.length === 0) countTurns();
      log.push(data);
      await Promise.resolve();
      await Promise.resolve().then(() => Promise.resolve());
      log.push(`${data} later at turn ${turns}`);
      if (data === 'c') resolve();
    };
  });
  await done;
  expect(log).toEqual(['a', 'a later at turn 1', 'b', 'b later at turn 1', 'c', 'c later at turn 1']);
});

test('microtasks run between the error event and the close event', async () => {
  const { socket, clientTransport, scheduler } = await openSocket();
  const log: string[] = [];
  socket.onerror = () => {
    log.push('error');
    queueMicrotask(() => log.push('microtask'));
  };
  socket.onclose = () => log.push('close');
  clientTransport.fail(new Error('reset'));
  await scheduler.runAll();
  expect(log).toEqual(['error', 'microtask', 'close']);
});

test('a text message is given as a string, a binary one as the binary type of the moment says', async () => {
  const { socket, server, scheduler } = await openSocket();
  const data: unknown[] = [];
  socket.onmessage = (event) => data.push(event.data);
  server.send('\ufefftext');
  server.send(new Uint8Array([1, 2, 3]));
  server.send(new Uint8Array([4, 5]));
  server.send(new Uint8Array(0));
  await settle();
  await scheduler.runTask();
  await scheduler.runTask();
  // The messages are here already; the type is looked at when their event is fired.
  socket.binaryType = 'arraybuffer';
  await scheduler.runAll();
  expect(data[0]).toBe('\ufefftext');
  const blob = data[1];
  if (!(blob instanceof Blob)) throw new Error('the second message is no Blob');
  expect([blob.type, new Uint8Array(await blob.arrayBuffer())]).toEqual(['', new Uint8Array([1, 2, 3])]);
  expect(data.slice(2).map((buffer) => buffer instanceof ArrayBuffer && [...new Uint8Array(buffer)])).toEqual(
    [[4, 5], []],
  );
});

test('message events are MessageEvents with the origin of the URL and nothing else set', async () => {
  const platform = fakePlatform();
  const socket = new platform.WebSocket('https://user:pw@Server.example:8443/path?query');
  const { client, server } = connectionPair();
  platform.lastDial().accept(client);
  const events: MessageEvent[] = [];
  socket.addEventListener('message', (event) => events.push(event));
  server.send('hello');
  await platform.scheduler.runAll();
  const [event] = events;
  expect(event).toBeInstanceOf(MessageEvent);
  expect(event).toMatchObject({ type: 'message', data: 'hello', origin: 'wss://server.example:8443' });
  expect(event).toMatchObject({ lastEventId: '', source: null, bubbles: false, cancelable: false });
  expect(event.target).toBe(socket);
});

test('open and error are plain events, close is a CloseEvent', async () => {
  const { socket, clientTransport, scheduler } = await connectedSocket();
  const events: Event[] = [];
  for (const type of ['open', 'error', 'close']) socket.addEventListener(type, (event) => events.push(event));
  clientTransport.fail();
  await scheduler.runAll();
  expect(events.map((event) => [event.type, Object.prototype.toString.call(event)])).toEqual([
    ['open', '[object Event]'],
    ['error', '[object Event]'],
    // Deno's own CloseEvent calls itself an Event.
    ['close', process.versions.deno === undefined ? '[object CloseEvent]' : '[object Event]'],
  ]);
  for (const event of events) expect(event).toMatchObject({ bubbles: false, cancelable: false });
});

test('handlers and listeners are called in the order in which they were first set', async () => {
  const { socket, server, scheduler } = await openSocket();
  const log: string[] = [];
  socket.addEventListener('message', () => log.push('listener 1'));
  socket.onmessage = () => log.push('never');
  socket.addEventListener('message', () => log.push('listener 2'));
  const handler = (): unknown => log.push('handler');
  socket.onmessage = handler;
  expect(socket.onmessage).toBe(handler);
  server.send('x');
  await scheduler.runAll();
  expect(log.splice(0)).toEqual(['listener 1', 'handler', 'listener 2']);
  socket.onmessage = null;
  server.send('x');
  await scheduler.runAll();
  expect(log.splice(0)).toEqual(['listener 1', 'listener 2']);
  // Set again it stands at the end.
  socket.onmessage = handler;
  server.send('x');
  await scheduler.runAll();
  expect(log).toEqual(['listener 1', 'listener 2', 'handler']);
});

test('a handler is called with the socket as this, and only objects are kept as handlers', async () => {
  const { socket, server, scheduler } = await openSocket();
  const seen: unknown[] = [];
  socket.onmessage = function record(this: WebSocket) {
    seen.push(this);
  };
  server.send('x');
  await scheduler.runAll();
  expect(seen).toEqual([socket]);
  for (const notAnObject of ['function', 5, undefined, true, Symbol('x')]) {
    socket.onmessage = () => undefined;
    Reflect.set(socket, 'onmessage', notAnObject);
    expect(socket.onmessage).toBeNull();
  }
  const object = { handleEvent: () => seen.push('never') };
  Reflect.set(socket, 'onmessage', object);
  expect(socket.onmessage).toBe(object);
  server.send('x');
  await scheduler.runAll();
  expect(seen).toHaveLength(1);
});

test('a listener may be removed, called once, or stop the others', async () => {
  const { socket, server, scheduler } = await openSocket();
  const log: string[] = [];
  const removed = (): unknown => log.push('removed');
  socket.addEventListener('message', removed);
  socket.removeEventListener('message', removed);
  socket.addEventListener('message', () => log.push('once'), { once: true });
  socket.addEventListener('message', (event) => {
    log.push('stops');
    event.stopImmediatePropagation();
  });
  socket.addEventListener('message', () => log.push('never'));
  server.send('x');
  server.send('y');
  await scheduler.runAll();
  expect(log).toEqual(['once', 'stops', 'stops']);
});

test('a listener that throws is reported and harms neither the other listeners nor the connection', async () => {
  const reported: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => reported.push(error));
  try {
    const { socket, server, scheduler, log } = await openSocket();
    socket.onmessage = () => {
      throw new Error('from a handler');
    };
    socket.addEventListener('message', () => log.push('after the throw'));
    server.send('1');
    server.send('2');
    await scheduler.runAll();
    expect(log).toEqual(['message 1', 'after the throw', 'message 2', 'after the throw']);
    expect(reported.map(String)).toEqual(['Error: from a handler', 'Error: from a handler']);
    expect([socket.readyState, server.readyState]).toEqual([1, 'open']);
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
});

test('a handshake that fails gives error and close, as tasks', async () => {
  const platform = fakePlatform();
  const failures: Error[] = [];
  const socket = new platform.WebSocket('ws://host', [], { onFailure: (error) => failures.push(error) });
  const log = recordEvents(socket);
  const refusal = new FullduplexError('WS_HANDSHAKE_REFUSED', '404 Not Found');
  platform.lastDial().refuse(refusal);
  await microtasks();
  expect([log, socket.readyState]).toEqual([[], 0]);
  await platform.scheduler.runAll();
  expect(log).toEqual(['error 3', 'close 3 1006 "" unclean']);
  // What the events must not tell, the option does.
  expect(failures).toEqual([refusal]);
});

test('nothing is thrown when nobody listens to a failure', async () => {
  const unhandled = vi.fn();
  process.on('unhandledRejection', unhandled);
  const platform = fakePlatform();
  const socket = new platform.WebSocket('ws://host');
  platform.lastDial().refuse(new Error('no'));
  await platform.scheduler.runAll();
  await delay(0);
  process.off('unhandledRejection', unhandled);
  expect(socket.readyState).toBe(3);
  expect(unhandled).not.toHaveBeenCalled();
});

test('a connection that is lost gives error, and close with 1006', async () => {
  const { server, serverTransport, scheduler, log } = await openSocket();
  server.send('before');
  await settle();
  serverTransport.fail(new Error('reset by peer'));
  await scheduler.runAll();
  expect(log).toEqual(['message before', 'error 3', 'close 3 1006 "" unclean']);
});

test('a peer that ends the transport without a close frame gives error, and close with 1006', async () => {
  const { serverTransport, scheduler, log } = await openSocket();
  serverTransport.end();
  await scheduler.runAll();
  expect(log).toEqual(['error 3', 'close 3 1006 "" unclean']);
});

test('a peer that breaks the protocol gives error, and close with 1006: no close frame was received', async () => {
  const { serverTransport, scheduler, socket, log } = await openSocket();
  // RSV1 without an extension.
  serverTransport.write([new Uint8Array([0xc1, 0x00])]);
  await scheduler.runAll();
  serverTransport.end();
  await scheduler.runAll();
  expect(log).toEqual(['error 3', 'close 3 1006 "" unclean']);
  expect(socket.readyState).toBe(3);
});

test.each([
  ['a code and a reason', 4001, 'grüße', 'close 3 4001 "grüße" clean'],
  ['a code that no application may send', 1011, 'oops', 'close 3 1011 "oops" clean'],
  ['a code alone', 1001, '', 'close 3 1001 "" clean'],
])('the close event has what the peer said: %s', async (_, code, reason, expected) => {
  const { server, scheduler, log } = await openSocket();
  void server.close(code, reason);
  await scheduler.runAll();
  expect(log).toEqual([expected]);
});

test('the close event has 1005 when the close frame of the peer has no code', async () => {
  const { server, scheduler, log } = await openSocket();
  void server.closeWithoutCode();
  await scheduler.runAll();
  expect(log).toEqual(['close 3 1005 "" clean']);
});
