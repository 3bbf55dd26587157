import { once } from 'node:events';
import type { WebSocket } from 'ws';
import { describe, expect, test } from 'vitest';
import { implementations } from './implementations.ts';
import { connectPair, makeClient, plain, startHttp, startServer, urlOf } from './stage.ts';

type Listener = (event: { type: string; target: unknown; data?: unknown }) => void;

describe.each(implementations)('listeners of $name in the manner of browsers', (implementation) => {
  const { WebSocket: Class } = implementation;

  test('get events with type, target and what happened', async () => {
    const server = await startServer(implementation);
    server.on('connection', (socket) => {
      socket.send('text');
      socket.send(Buffer.from('bytes'));
      socket.close(4000, 'enough');
    });
    const client = makeClient(implementation, urlOf(server));
    const seen: unknown[] = [];
    client.addEventListener('open', (event) => seen.push([event.type, event.target === client]));
    client.addEventListener('message', ({ type, target, data }) =>
      seen.push([type, target === client, plain(data)]),
    );
    client.addEventListener('close', ({ type, target, code, reason, wasClean }) =>
      seen.push([type, target === client, code, reason, wasClean]),
    );
    await once(client, 'close');
    expect(seen).toEqual([
      ['open', true],
      ['message', true, 'text'],
      ['message', true, 'Buffer bytes'],
      ['close', true, 4000, 'enough', true],
    ]);
  });

  test('get errors with their message', async () => {
    const http = await startHttp();
    http.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const client = makeClient(implementation, urlOf(http));
    const event = await new Promise<{ type: string; message: string; error: Error; target: unknown }>(
      (resolve) => client.addEventListener('error', resolve),
    );
    expect([event.type, event.message, event.error.message, event.target === client]).toEqual([
      'error',
      'Unexpected server response: 400',
      'Unexpected server response: 400',
      true,
    ]);
  });

  test('are added once, called with the socket as this, and removed', async () => {
    const { client, peer } = await connectPair(implementation);
    const calls: unknown[] = [];
    const listener = function (this: WebSocket, event: { data: unknown }): void {
      calls.push([this === client, event.data]);
    };
    client.addEventListener('message', listener);
    client.addEventListener('message', listener);
    expect(client.listenerCount('message')).toBe(1);
    peer.send('one');
    await once(client, 'message');
    client.removeEventListener('message', listener);
    client.removeEventListener('message', () => undefined);
    expect(client.listenerCount('message')).toBe(0);
    expect(calls).toEqual([[true, 'one']]);
  });

  test('may be objects, and may be called once', async () => {
    const { client, peer } = await connectPair(implementation);
    const calls: unknown[] = [];
    const object = {
      handleEvent(event: { data: unknown }): void {
        calls.push([this === object, event.data]);
      },
    };
    client.addEventListener('message', object, { once: true });
    peer.send('one');
    peer.send('two');
    peer.ping();
    await once(client, 'ping');
    expect(calls).toEqual([[true, 'one']]);
  });

  test.each(['open', 'message', 'error', 'close'] as const)('on%s holds one listener', async (name) => {
    const { client } = await connectPair(implementation);
    const attribute = `on${name}` as const;
    const target = client as unknown as Record<string, unknown>;
    const [first, second]: Listener[] = [() => undefined, () => undefined];
    expect(target[attribute]).toBeNull();
    target[attribute] = first;
    expect(target[attribute]).toBe(first);
    client.addEventListener(name, second as never);
    expect(client.listenerCount(name)).toBe(2);
    target[attribute] = second;
    expect(target[attribute]).toBe(second);
    expect(client.listenerCount(name)).toBe(2);
    client.removeEventListener(name, second as never);
    expect(target[attribute]).toBe(second);
    target[attribute] = null;
    expect(target[attribute]).toBeNull();
    expect(client.listenerCount(name)).toBe(0);
    target[attribute] = 'nonsense';
    expect(target[attribute]).toBeNull();
  });

  test('of events that there are not are not added', async () => {
    const { client } = await connectPair(implementation);
    client.addEventListener('ping' as never, () => undefined);
    expect(client.listenerCount('ping')).toBe(0);
  });

  test('the constants stand on the class and on each socket, and cannot be changed', async () => {
    const { client } = await connectPair(implementation);
    for (const [value, name] of (['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'] as const).entries()) {
      expect([Class[name], client[name]]).toEqual([value, value]);
      expect(Reflect.set(Class, name, 7)).toBe(false);
      expect(Object.getOwnPropertyDescriptor(Class, name)?.enumerable).toBe(true);
    }
  });

  test('properties show when a prototype is looked through', () => {
    const shown = new Set<string>();
    for (const name in Class.prototype) shown.add(name);
    for (const name of [
      'binaryType',
      'bufferedAmount',
      'extensions',
      'isPaused',
      'protocol',
      'readyState',
      'url',
      'onclose',
      'onerror',
      'onmessage',
      'onopen',
      'OPEN',
    ])
      expect(shown).toContain(name);
  });
});
