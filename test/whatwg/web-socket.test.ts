import { expect, test } from 'vitest';
import { FullduplexError } from '../../src/base/errors.ts';
import { createWebSocketClass } from '../../src/whatwg/web-socket.ts';
import { call, connectedSocket, fakePlatform, openSocket, outcomeOf } from './fake-platform.ts';

const { WebSocket } = fakePlatform();

test.each([
  ['ws://host', 'ws://host/'],
  ['wss://host:443/a?b', 'wss://host/a?b'],
  ['http://host:80/x', 'ws://host/x'],
  ['https://host', 'wss://host/'],
  ['https://host:8443/', 'wss://host:8443/'],
  ['WS://HOST/%7Euser/ü', 'ws://host/%7Euser/%C3%BC'],
  ['ws://user:secret@host/', 'ws://user:secret@host/'],
  ['ws://[::1]:81', 'ws://[::1]:81/'],
])('the URL %s is connected to as %s', (given, expected) => {
  const platform = fakePlatform();
  const socket = new platform.WebSocket(given);
  expect(socket.url).toBe(expected);
  expect(platform.lastDial().url.href).toBe(expected);
});

test.each([
  '/relative',
  '',
  'ws://',
  'ws://host:99999/',
  'ftp://host/',
  'file:///x',
  'ws+unix:/socket',
  'about:blank',
  'ws://host/#fragment',
  'ws://host/#',
])('the URL %j is a SyntaxError', (url) => {
  expect(() => new WebSocket(url)).toThrow(expect.objectContaining({ name: 'SyntaxError', code: 12 }));
});

test('a relative URL is relative to the base URL of the platform', () => {
  const platform = fakePlatform('https://page.example/dir/index.html?x#y');
  expect(new platform.WebSocket('../chat').url).toBe('wss://page.example/chat');
});

test.each([
  ['none', undefined, []],
  ['an empty list', [], []],
  ['a string', 'chat', ['chat']],
  ['a list', ['chat', 'superchat'], ['chat', 'superchat']],
  ['another iterable', new Set(['a', 'b']), ['a', 'b']],
  ['tokens with every kind of mark', ["!#$%&'*+-.^_`|~09azAZ"], ["!#$%&'*+-.^_`|~09azAZ"]],
  ['names that differ in case', ['chat', 'Chat'], ['chat', 'Chat']],
])('subprotocols given as %s are offered', (_, given, expected) => {
  const platform = fakePlatform();
  const socket = new platform.WebSocket('ws://host', given);
  expect(platform.lastDial().protocols).toEqual(expected);
  expect(socket.protocol).toBe('');
});

test.each([
  ['an empty string', ''],
  ['a space', 'a b'],
  ['a comma', 'a,b'],
  ['a control character', 'a\u0000'],
  ['a letter beyond ASCII', 'ä'],
  ['a separator', 'a/b'],
  ['a duplicate', ['chat', 'chat']],
  ['an empty name in a list', ['chat', '']],
  ['an object that is no list', {}],
])('subprotocols with %s are a SyntaxError', (_, given) => {
  expect(outcomeOf(() => Reflect.construct(WebSocket, ['ws://host', given]))).toBe('SyntaxError');
});

test('arguments are converted as Web IDL says', () => {
  expect(outcomeOf(() => Reflect.construct(WebSocket, []))).toBe('TypeError');
  expect(outcomeOf(() => Reflect.construct(WebSocket, [Symbol('x')]))).toBe('TypeError');
  expect(outcomeOf(() => Reflect.apply(WebSocket, undefined, ['ws://host']))).toBe('TypeError');
  expect(outcomeOf(() => Reflect.construct(WebSocket, ['ws://host', [Symbol('x')]]))).toBe('TypeError');
  const platform = fakePlatform();
  expect(Reflect.construct(platform.WebSocket, [{ toString: () => 'ws://object' }]).url).toBe('ws://object/');
  Reflect.construct(platform.WebSocket, ['ws://host', null]);
  expect(platform.lastDial().protocols).toEqual(['null']);
  Reflect.construct(platform.WebSocket, ['ws://host', 7]);
  expect(platform.lastDial().protocols).toEqual(['7']);
});

test('nothing is dialled when an argument is wrong', () => {
  const platform = fakePlatform();
  outcomeOf(() => new platform.WebSocket('ftp://host'));
  outcomeOf(() => new platform.WebSocket('ws://host', ['a', 'a']));
  expect(platform.dials).toEqual([]);
});

test('the third argument reaches the dialer, and what the dialer throws at once is thrown by the constructor', () => {
  const platform = fakePlatform();
  const headers = { 'x-token': 'abc' };
  void new platform.WebSocket('ws://host', [], { headers });
  expect(platform.lastDial().options).toEqual({ headers });
  const Refusing = createWebSocketClass({
    dialer: {
      dial: () => {
        throw new FullduplexError('WS_OPTION_INVALID', 'option headers is 5, expected an object');
      },
    },
  });
  expect(() => new Refusing('ws://host')).toThrow('option headers is 5');
});

test('the class and its instances have the constants, which cannot be changed', () => {
  const socket = new WebSocket('ws://host');
  for (const [name, value] of Object.entries({ CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 })) {
    const fixed = { value, enumerable: true, writable: false, configurable: false };
    expect(Object.getOwnPropertyDescriptor(WebSocket, name)).toEqual(fixed);
    expect(Object.getOwnPropertyDescriptor(WebSocket.prototype, name)).toEqual(fixed);
    expect(Reflect.get(socket, name)).toBe(value);
  }
});

test('the interface has the shape that Web IDL gives it', () => {
  expect(WebSocket.name).toBe('WebSocket');
  expect(WebSocket.length).toBe(1);
  expect(WebSocket.prototype.send.length).toBe(1);
  expect(WebSocket.prototype.close.length).toBe(0);
  expect(Object.prototype.toString.call(new WebSocket('ws://host'))).toBe('[object WebSocket]');
  const names = ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED', 'url', 'readyState', 'bufferedAmount'];
  names.push(
    'onopen',
    'onerror',
    'onclose',
    'onmessage',
    'extensions',
    'protocol',
    'binaryType',
    'close',
    'send',
  );
  expect(Object.keys(WebSocket.prototype).sort()).toEqual(names.sort());
  for (const name of ['url', 'readyState', 'bufferedAmount', 'extensions', 'protocol']) {
    const descriptor = Object.getOwnPropertyDescriptor(WebSocket.prototype, name);
    expect(descriptor).toMatchObject({ enumerable: true, configurable: true, set: undefined });
  }
});

test('members refuse a receiver that is no WebSocket', () => {
  for (const name of [
    'url',
    'readyState',
    'bufferedAmount',
    'extensions',
    'protocol',
    'binaryType',
    'onopen',
  ]) {
    expect(outcomeOf(() => Reflect.get(WebSocket.prototype, name, {}))).toBe('TypeError');
  }
  expect(outcomeOf(() => call(WebSocket.prototype, 'send', ['x'], {}))).toBe('TypeError');
  expect(outcomeOf(() => call(WebSocket.prototype, 'close', [], {}))).toBe('TypeError');
});

test('a new socket is CONNECTING and knows nothing of the server', () => {
  const socket = new WebSocket('ws://host', 'chat');
  expect(socket).toMatchObject({
    readyState: 0,
    bufferedAmount: 0,
    protocol: '',
    extensions: '',
    binaryType: 'blob',
  });
  expect([socket.onopen, socket.onmessage, socket.onerror, socket.onclose]).toEqual([null, null, null, null]);
});

test('subclasses and instanceof work', async () => {
  class Chat extends WebSocket {
    readonly room = 'lobby';
    override send(data: string): void {
      super.send(`${this.room}: ${data}`);
    }
  }
  const chat = new Chat('ws://host');
  expect(chat).toBeInstanceOf(WebSocket);
  expect(chat).toBeInstanceOf(EventTarget);
  expect(chat.room).toBe('lobby');
  expect(Chat.OPEN).toBe(1);
  expect(outcomeOf(() => chat.send('x'))).toBe('InvalidStateError');
});

test('what was agreed shows with the open event and not before', async () => {
  const { socket, scheduler, log } = await connectedSocket({
    protocol: 'chat',
    protocols: ['chat', 'other'],
  });
  expect([socket.readyState, socket.protocol]).toEqual([0, '']);
  await scheduler.runTask();
  expect([socket.readyState, socket.protocol, socket.extensions]).toEqual([1, 'chat', '']);
  expect(log).toEqual(['open 1']);
});

test.each([
  ['none of those offered', ['a', 'b'], ''],
  ['one that was not offered', ['a', 'b'], 'c'],
  ['one although none was offered', [], 'c'],
])('the connection fails when the server picks %s', async (_, protocols, protocol) => {
  const { socket, server, scheduler, log } = await connectedSocket({ protocols, protocol });
  await scheduler.runAll();
  expect(log).toEqual(['error 3', 'close 3 1006 "" unclean']);
  expect([socket.readyState, socket.protocol]).toEqual([3, '']);
  expect((await server.closed).clean).toBe(false);
});

test('binaryType takes its two values and ignores all others', async () => {
  const { socket } = await openSocket();
  socket.binaryType = 'arraybuffer';
  for (const ignored of ['nodebuffer', 'ArrayBuffer', '', null, undefined, 1, {}]) {
    Reflect.set(socket, 'binaryType', ignored);
    expect(socket.binaryType).toBe('arraybuffer');
  }
  socket.binaryType = 'blob';
  expect(socket.binaryType).toBe('blob');
  expect(outcomeOf(() => Reflect.set(socket, 'binaryType', Symbol('x')))).toBe('TypeError');
});
