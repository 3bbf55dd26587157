// What arrived, as a listener of 'message' gets it: a Buffer of its own, or what `binaryType` asks for.

import { Blob, Buffer } from 'node:buffer';
import type { BinaryType } from './ready-state.ts';

/** A message; a Blob only when that was asked for. */
export type RawData = Buffer | ArrayBuffer | Buffer[];

/** A message in the event of a browser. */
export type Data = string | RawData;

// Up to here a loop costs less than a view and a call.
const loopBytes = 48;
// Small messages share memory, so that not each of them is an allocation; what is kept of them keeps no more than this, as much as with ws.
const slabBytes = 64 * 1024;
const mostSharedBytes = 4 * 1024;

let slab = Buffer.allocUnsafeSlow(slabBytes);
let slabOffset = 0;

/** Copies a message out of the memory that was read into. */
export function copyToBuffer(bytes: Uint8Array, start: number, end: number): Buffer {
  const length = end - start;
  if (length > mostSharedBytes) {
    const alone = Buffer.allocUnsafeSlow(length);
    alone.set(bytes.subarray(start, end));
    return alone;
  }
  if (slabOffset + length > slabBytes) {
    slab = Buffer.allocUnsafeSlow(slabBytes);
    slabOffset = 0;
  }
  const copy = slab.subarray(slabOffset, slabOffset + length);
  // As Node's own pool: each begins where words do.
  slabOffset = (slabOffset + length + 7) & ~7;
  if (length <= loopBytes) for (let index = 0; index < length; index++) copy[index] = bytes[start + index];
  else copy.set(bytes.subarray(start, end));
  return copy;
}

/** Gives a Buffer over the same memory. */
export function bufferOver(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A binary message in the form that was asked for. */
export function binaryDataOf(message: Buffer, binaryType: BinaryType): RawData | Blob {
  if (binaryType === 'arraybuffer') return arrayBufferOf(message);
  if (binaryType === 'fragments') return message.length === 0 ? [] : [message];
  return binaryType === 'blob' ? new Blob([message]) : message;
}

/** Text as a string. */
export function textOf(data: RawData): string {
  if (data instanceof ArrayBuffer) return Buffer.from(data).toString();
  return (Array.isArray(data) ? Buffer.concat(data) : data).toString();
}

function arrayBufferOf({ buffer, byteOffset, byteLength }: Buffer): ArrayBuffer {
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) return buffer;
  const copy = new ArrayBuffer(byteLength);
  new Uint8Array(copy).set(new Uint8Array(buffer, byteOffset, byteLength));
  return copy;
}
