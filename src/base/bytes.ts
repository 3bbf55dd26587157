// The few operations on bytes that every floor shares. A Uint8Array is the only currency; nothing here
// knows about Node's Buffer.

import { describe, FullduplexError } from './errors.ts';

/** No bytes; shared, and safe to share because it has no content to change. */
export const noBytes: Uint8Array = new Uint8Array(0);

/** Makes memory of a length; what is in it may be anything. */
export type Allocate = (byteLength: number) => Uint8Array;

/** Makes a copy of `bytes[start..end)` that its receiver may keep. */
export type CopyBytes = (bytes: Uint8Array, start: number, end: number) => Uint8Array;

/** The `Allocate` of any platform. */
export function allocateZeroed(byteLength: number): Uint8Array {
  return new Uint8Array(byteLength);
}

/**
 * Gives a Uint8Array over the same memory as `data`, without copying.
 * @throws FullduplexError `WS_ARGUMENT_INVALID` for anything else: `new Uint8Array(5)` would be five bytes of nothing
 */
export function viewOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  // Not instanceof: the buffer may come from another realm (an iframe, node:vm).
  const tag = Object.prototype.toString.call(data);
  if (tag === '[object ArrayBuffer]' || tag === '[object SharedArrayBuffer]') return new Uint8Array(data);
  throw new FullduplexError(
    'WS_ARGUMENT_INVALID',
    `data is ${describe(data)}, expected an ArrayBuffer or a view of one`,
  );
}

/** Gives the same bytes without the class of a subclass: `slice` of a Node Buffer is a view, not a copy. */
export function plainView(bytes: Uint8Array): Uint8Array {
  return Object.getPrototypeOf(bytes) === Uint8Array.prototype
    ? bytes
    : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Gives a copy of `bytes[start..end)` in memory of its own (never a slice of a pool). */
export function copyOf(bytes: Uint8Array, start = 0, end: number = bytes.length): Uint8Array {
  const copy = new Uint8Array(end - start);
  copy.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
  return copy;
}

/** Joins the chunks into one new array; a single chunk is returned as it is. */
export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0];
  let total = 0;
  for (const chunk of chunks) total += chunk.length;
  const joined = new Uint8Array(total);
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}
