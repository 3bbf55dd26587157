// What may be sent, and the bytes of it.

import { Blob, Buffer } from 'node:buffer';

/** Everything that `send`, `ping` and `pong` take: what Buffer.from knows, a number as its digits, a Blob. */
export type BufferLike =
  | string
  | Buffer
  | DataView
  | number
  | ArrayBufferView
  | Uint8Array
  | ArrayBuffer
  | SharedArrayBuffer
  | Blob
  | readonly unknown[]
  | readonly number[]
  | { valueOf(): ArrayBuffer }
  | { valueOf(): SharedArrayBuffer }
  | { valueOf(): Uint8Array }
  | { valueOf(): readonly number[] }
  | { valueOf(): string }
  | { [Symbol.toPrimitive](hint: string): string };

/** What can be sent at once. */
export type ReadyData = string | Uint8Array;

const noBytes = Buffer.alloc(0);
// Of any value: more than its types say.
const bufferFrom: (value: unknown) => Buffer = (value) =>
  Reflect.apply(Reflect.get(Buffer, 'from'), Buffer, [value]);

/** Whether the bytes of a value have to be waited for. */
export function isBlob(value: unknown): value is Blob {
  if (value instanceof Blob) return true;
  if (typeof value !== 'object' || value === null) return false;
  if (!('arrayBuffer' in value) || typeof value.arrayBuffer !== 'function') return false;
  return 'stream' in value && typeof value.stream === 'function' && 'size' in value;
}

/**
 * Gives a value as it is sent: nothing (null, undefined, false) as no bytes.
 * @throws TypeError what Buffer.from throws for what has no bytes
 */
export function readyDataOf(value: unknown): ReadyData {
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  if (typeof value === 'number') return String(value);
  if (value === undefined || value === null || value === false) return noBytes;
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  // It throws for what it does not know.
  return bufferFrom(value);
}

/** Gives the bytes of what is sent. */
export function bytesOf(data: ReadyData): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data) : data;
}
