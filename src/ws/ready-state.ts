// The constants that ws has: the states of a WebSocket, as in the WHATWG standard, and the kinds of binary data.

/** The opening handshake is under way. */
export const CONNECTING = 0;
/** Messages can be sent. */
export const OPEN = 1;
/** The end has begun. */
export const CLOSING = 2;
/** The connection is gone, or never came about. */
export const CLOSED = 3;

/** One of the four states. */
export type ReadyState = typeof CONNECTING | typeof OPEN | typeof CLOSING | typeof CLOSED;

const names: { readonly [state in ReadyState]: string } = Object.freeze({
  [CONNECTING]: 'CONNECTING',
  [OPEN]: 'OPEN',
  [CLOSING]: 'CLOSING',
  [CLOSED]: 'CLOSED',
});

/** The error of who sends in the wrong state. */
export function notOpen(state: ReadyState): Error {
  return new Error(`WebSocket is not open: readyState ${state} (${names[state]})`);
}

/**
 * How binary messages are handed out: as a Buffer, an ArrayBuffer of their own, a list of Buffers (always of one, see
 * docs/migrating-from-ws.md), or a Blob.
 */
export type BinaryType = 'nodebuffer' | 'arraybuffer' | 'fragments' | 'blob';

/** Whether a value names a kind of binary data. */
export function isBinaryType(value: unknown): value is BinaryType {
  return value === 'nodebuffer' || value === 'arraybuffer' || value === 'fragments' || value === 'blob';
}
