// Who a socket belongs to at the moment: the opening handshake first, then the connection. The listeners are the same
// functions for all sockets and stay on them; what changes hands is the owner that they tell. So an idle connection
// holds no closures, and a handshake adds and removes no listeners.

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { poison } from '../base/poison.ts';
import { deliverTurn } from './node-scheduler.ts';
import { readIntoSharedBuffer } from './shared-read-buffer.ts';
import { fastMemory } from './wasm-unmask.ts';

/** Hears what happens on a socket. */
export interface SocketOwner {
  /** Bytes arrived, `bytes[0..byteLength)`; valid during the call, and may be overwritten. */
  received(bytes: Uint8Array, byteLength: number, isMoreLikely?: boolean): void;
  /** The peer sends nothing more. */
  ended(): void;
  /** The socket has failed; `closed` follows. */
  failed(error: Error): void;
  /** The socket is gone. */
  closed(): void;
}

// Behind so much of one TLS record another is likely, which Node hands on at once: what was sent waits for it, since a
// write below TLS is a record, a system call and a callback of its own (docs/performance.md).
const burstBytes = 4096;

// A chunk may come while another is being handled: `unshift` in a handler emits it at once.
let isFastMemoryInUse = false;

const ownerKey = Symbol('owner');

interface OwnedSocket extends Duplex {
  [ownerKey]?: SocketOwner | undefined;
}

/** Gives the socket to an owner, in place of the one before. Errors have a listener from here on. */
export function ownSocket(socket: Duplex, owner: SocketOwner): void {
  const owned: OwnedSocket = socket;
  const isNew = owned[ownerKey] === undefined;
  owned[ownerKey] = owner;
  if (!isNew) return;
  if (socket instanceof Socket) readIntoSharedBuffer(socket, received);
  socket.on('error', failed);
  // What had been read before comes as 'data' in any case, and before anything that is read from now on.
  socket.on('data', receivedChunk);
  socket.on('end', ended);
  socket.on('close', closed);
}

function received(this: OwnedSocket, bytes: Uint8Array, byteLength: number): void {
  isFastMemoryInUse = true;
  try {
    // TLS may decrypt several records below one callback of Node.
    if ('encrypted' in this) this[ownerKey]?.received(bytes, byteLength, byteLength >= burstBytes);
    else deliverTurn(this[ownerKey], bytes, byteLength);
  } finally {
    isFastMemoryInUse = false;
  }
}

/** Takes what a socket with the documented `onread` has read into `fastMemory`: for its owner, or as 'data' before it has one. */
export function hearRead(socket: Duplex, byteLength: number): void {
  const owned: OwnedSocket = socket;
  if (owned[ownerKey] === undefined) socket.emit('data', fastMemory.subarray(0, byteLength));
  else received.call(owned, fastMemory, byteLength);
  poison(fastMemory, 0, byteLength);
}

function receivedChunk(this: OwnedSocket, chunk: Uint8Array): void {
  const byteLength = chunk.length;
  if (isFastMemoryInUse || byteLength > fastMemory.length) {
    this[ownerKey]?.received(chunk, byteLength);
    return;
  }
  // Where payloads are unmasked fast; what Node has read into memory of its own (TLS) is free at once.
  isFastMemoryInUse = true;
  try {
    fastMemory.set(chunk);
    this[ownerKey]?.received(fastMemory, byteLength);
  } finally {
    isFastMemoryInUse = false;
    poison(fastMemory, 0, byteLength);
  }
}

function ended(this: OwnedSocket): void {
  this[ownerKey]?.ended();
}

function failed(this: OwnedSocket, error: Error): void {
  this[ownerKey]?.failed(error);
}

function closed(this: OwnedSocket): void {
  this[ownerKey]?.closed();
}
