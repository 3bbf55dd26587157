// Node's TLS encrypts what it is given before `write` returns, or copies it when it cannot yet: it never looks at that
// memory again, although its stream says only later that the write is over. This is not documented. It is so in every Node from 12 on
// (TLSWrap::DoWrite in src/crypto/crypto_tls.cc), the tests hold each version to it, and any other socket is left alone.

import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { isPortableMode } from './portable-mode.ts';

/** Whether a write to the socket, when nothing waits before it, has done with the memory as it returns. */
export function encryptsAtOnce(socket: unknown): boolean {
  if (isPortableMode || !(socket instanceof TLSSocket) || Object.hasOwn(socket, 'write')) return false;
  const handle: unknown = Reflect.get(socket, '_handle');
  return typeof handle === 'object' && handle !== null && handle.constructor.name === 'TLSWrap';
}

/** Whether a write to the stream of such a socket goes on to TLS: nothing waits before it, as far as can be seen. */
export function encryptsNow(socket: Duplex): boolean {
  return socket.writableLength === 0 && !('connecting' in socket && socket.connecting === true);
}

/** Whether the stream keeps a write for later, as it does behind one of no bytes, with which a renegotiation begins. */
export function keepsWrites(socket: Duplex): boolean {
  const state: unknown = Reflect.get(socket, '_writableState');
  if (typeof state !== 'object' || state === null || !('bufferedRequestCount' in state)) return true;
  return state.bufferedRequestCount !== 0;
}
