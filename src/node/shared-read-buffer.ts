// All plain sockets of a server read into one buffer, since who hears `received` has done with the bytes when it
// returns (ByteTransport): no read allocates 64 KiB of its own. Node offers this for sockets that it is asked to make
// (`onread`), not for those that a server accepts. This file gives an accepted socket the three fields that `onread`
// would have set. They are undocumented: found by what a socket with `onread` has, used only where all of it is as
// expected, and without them sockets are read by 'data' events as ever.

import { Socket } from 'node:net';
import { poison } from '../base/poison.ts';
import { isPortableMode } from './portable-mode.ts';
import { fastMemory } from './wasm-unmask.ts';

interface ReadFields {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly generator: symbol;
}

function findFields(): ReadFields | undefined {
  const callback = (): boolean => true;
  const sample: unknown = Reflect.construct(Socket, [{ onread: { buffer: fastMemory, callback } }]);
  if (!(sample instanceof Socket)) return undefined;
  const named = (name: string): symbol | undefined =>
    Object.getOwnPropertySymbols(sample).find(({ description }) => description === name);
  const fields = { buffer: named('kBuffer'), callback: named('kBufferCb'), generator: named('kBufferGen') };
  if (fields.buffer === undefined || fields.callback === undefined || fields.generator === undefined)
    return undefined;
  const isAsExpected =
    Reflect.get(sample, fields.buffer) === fastMemory &&
    Reflect.get(sample, fields.callback) === callback &&
    Reflect.get(sample, fields.generator) === null;
  return isAsExpected
    ? { buffer: fields.buffer, callback: fields.callback, generator: fields.generator }
    : undefined;
}

const fields = isPortableMode ? undefined : findFields();

/** Hears what was read: `bytes[0..byteLength)`, valid during the call; `this` is the socket. */
export type SharedReadCallback = (this: Socket, bytes: Uint8Array, byteLength: number) => void;

/**
 * Makes the socket read into the shared buffer and call `received` with what came.
 * @returns false when that is not possible: listen to 'data' instead
 */
export function readIntoSharedBuffer(socket: unknown, received: SharedReadCallback): boolean {
  if (fields === undefined || !(socket instanceof Socket)) return false;
  if (Reflect.get(socket, fields.buffer) !== null) return false;
  const handle: unknown = Reflect.get(socket, '_handle');
  if (typeof handle !== 'object' || handle === null || !('useUserBuffer' in handle)) return false;
  if (typeof handle.useUserBuffer !== 'function') return false;
  Reflect.set(socket, fields.buffer, fastMemory);
  Reflect.set(socket, fields.callback, callbackFor(received));
  handle.useUserBuffer(fastMemory);
  return true;
}

// What Node calls as a method of the socket; one function for all sockets with the same listener.
type NodeReadCallback = (this: Socket, byteLength: number) => boolean;

const callbacks = new WeakMap<SharedReadCallback, NodeReadCallback>();

function callbackFor(received: SharedReadCallback): NodeReadCallback {
  const known = callbacks.get(received);
  if (known !== undefined) return known;
  const callback: NodeReadCallback = function (byteLength) {
    received.call(this, fastMemory, byteLength);
    poison(fastMemory, 0, byteLength);
    return true;
  };
  callbacks.set(received, callback);
  return callback;
}
