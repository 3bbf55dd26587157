// What carries the bytes of a WebSocket: the socket that it was given, or a stream of HTTP/2 whose transport was made when its
// headers were exchanged.

import type { Duplex } from 'node:stream';
import type { ByteTransport } from '../connection/byte-transport.ts';
import { SocketTransport } from '../node/socket-transport.ts';

const overHttp2 = new WeakMap<Duplex, ByteTransport>();

/** Says what carries the bytes of a stream. */
export function setTransport(stream: Duplex, transport: ByteTransport): void {
  overHttp2.set(stream, transport);
}

/** Gives what carries the bytes of a stream. */
export function transportOf(stream: Duplex): ByteTransport {
  return overHttp2.get(stream) ?? new SocketTransport(stream);
}
