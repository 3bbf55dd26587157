import { Duplex } from 'node:stream';
import { beforeEach, expect, test } from 'vitest';
import { ownSocket, type SocketOwner } from '../../src/node/socket-owner.ts';

class NotedOwner implements SocketOwner {
  readonly heard: string[] = [];
  onReceived: () => void = () => undefined;

  received(bytes: Uint8Array, byteLength: number): void {
    this.heard.push(Buffer.from(bytes.subarray(0, byteLength)).toString());
    this.onReceived();
  }

  ended(): void {
    this.heard.push('ended');
  }

  failed(error: Error): void {
    this.heard.push(`failed: ${error.message}`);
  }

  closed(): void {
    this.heard.push('closed');
  }
}

let socket: Duplex;
let first: NotedOwner;
let second: NotedOwner;

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

beforeEach(() => {
  socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  first = new NotedOwner();
  second = new NotedOwner();
});

test('what happens on a socket is told to the owner of the moment, and no listener is added for the next', async () => {
  ownSocket(socket, first);
  const events = ['data', 'end', 'error', 'close'];
  const counts = events.map((name) => socket.listenerCount(name));
  socket.push('a');
  await turn();
  ownSocket(socket, second);
  ownSocket(socket, second);
  expect(events.map((name) => socket.listenerCount(name))).toEqual(counts);
  socket.push('b');
  socket.push(null);
  await turn();
  socket.destroy(new Error('reset'));
  await turn();
  expect(first.heard).toEqual(['a']);
  expect(second.heard).toEqual(['b', 'ended', 'failed: reset', 'closed']);
});

test('an owner may pass the socket on while it hears of it: what is put back and what follows goes to the next', async () => {
  ownSocket(socket, first);
  first.onReceived = () => {
    socket.pause();
    socket.unshift('rest of a');
    ownSocket(socket, second);
    socket.resume();
  };
  socket.push('a');
  socket.push('b');
  await turn();
  expect(first.heard).toEqual(['a']);
  expect(second.heard.join('|')).toMatch(/^rest of a\|?b$/);
});

test('an error is listened to from the first owner on', async () => {
  ownSocket(socket, first);
  socket.destroy(new Error('at once'));
  await turn();
  expect(first.heard).toEqual(['failed: at once', 'closed']);
});
