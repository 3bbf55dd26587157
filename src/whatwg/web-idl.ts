// The conversions that Web IDL puts before the algorithms of the standard, and the shape that it gives to a class:
// members that can be enumerated, constants that cannot be changed, a name for Object.prototype.toString.

import { noBytes } from '../base/bytes.ts';

/** Throws a TypeError when a constructor or method got fewer arguments than it needs. */
export function requireArguments(name: string, given: number, needed: number): void {
  if (given >= needed) return;
  throw new TypeError(`${name} got ${given} arguments, expected at least ${needed}`);
}

/** Web IDL DOMString. A symbol is a TypeError. */
export function toDomString(value: unknown): string {
  // String() alone would take it.
  if (typeof value === 'symbol') throw new TypeError('found a symbol, expected a string');
  return String(value);
}

/** Web IDL USVString: lone surrogates become U+FFFD. */
export function toUsvString(value: unknown): string {
  // With the u flag a surrogate matches only when it is alone.
  return toDomString(value).replace(/\p{Surrogate}/gu, '\ufffd');
}

/** Web IDL `(DOMString or sequence<DOMString>)`. */
export function toStringOrSequence(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null || !(Symbol.iterator in value)) return [toDomString(value)];
  return toStringSequence(value);
}

/** Web IDL `sequence<DOMString>`. */
export function toStringSequence(value: unknown): readonly string[] {
  const isIterable = typeof value === 'object' && value !== null && isIterableObject(value);
  if (!isIterable)
    throw new TypeError('found a value that cannot be iterated, expected a sequence of strings');
  return Array.from(value, toDomString);
}

function isIterableObject(value: object): value is Iterable<unknown> {
  return Symbol.iterator in value && typeof value[Symbol.iterator] === 'function';
}

/** Web IDL `[Clamp] unsigned short`. */
export function clampUnsignedShort(value: unknown): number {
  const number = Number(requireNumeric(value));
  if (Number.isNaN(number)) return 0;
  const clamped = Math.min(Math.max(number, 0), 65_535);
  const floor = Math.floor(clamped);
  const fraction = clamped - floor;
  // Halfway between two integers the even one is meant.
  return fraction > 0.5 || (fraction === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** Web IDL `[EnforceRange] unsigned short`. */
export function enforceUnsignedShort(name: string, value: unknown): number {
  const number = Math.trunc(Number(requireNumeric(value)));
  if (number >= 0 && number <= 65_535) return Math.abs(number);
  throw new TypeError(`${name} is ${String(value)}, expected a number from 0 to 65535`);
}

/** Web IDL `unsigned short`: modulo 65,536. */
export function toUnsignedShort(value: unknown): number {
  return new Uint16Array([Number(requireNumeric(value))])[0];
}

function requireNumeric(value: unknown): unknown {
  if (typeof value === 'bigint') throw new TypeError('found a bigint, expected a number');
  return value;
}

/** Web IDL dictionary: gives its members by name; nothing stands for a dictionary without members. */
export function toDictionary(name: string, value: unknown): (member: string) => unknown {
  if (value === undefined || value === null) return () => undefined;
  if (typeof value !== 'object' && typeof value !== 'function') {
    throw new TypeError(`${name} is a ${typeof value}, expected an object`);
  }
  return (member) => Reflect.get(value, member);
}

/** Web IDL `BufferSource`: gives its bytes without copying, or undefined for anything else. */
export function bytesOfBufferSource(value: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value;
    requirePlainBuffer(buffer);
    return byteLength === 0 ? noBytes : new Uint8Array(buffer, byteOffset, byteLength);
  }
  if (Object.prototype.toString.call(value) !== '[object ArrayBuffer]' || !isArrayBuffer(value))
    return undefined;
  requirePlainBuffer(value);
  // A detached buffer has no bytes, and no view can be made of it.
  return value.byteLength === 0 ? noBytes : new Uint8Array(value);
}

function isArrayBuffer(value: unknown): value is ArrayBuffer {
  // By its internal slot, because the buffer may come from another realm.
  try {
    Reflect.get(ArrayBuffer.prototype, 'byteLength', value);
    return true;
  } catch {
    // The one failure is a TypeError: not an ArrayBuffer.
    return false;
  }
}

// Neither [AllowShared] nor [AllowResizable] stands in the IDL: bytes that may change under us are refused.
function requirePlainBuffer(buffer: ArrayBufferLike): void {
  if (Object.prototype.toString.call(buffer) === '[object SharedArrayBuffer]') {
    throw new TypeError('found shared memory, expected an ArrayBuffer of its own');
  }
  if ('resizable' in buffer && buffer.resizable === true) {
    throw new TypeError('found a resizable ArrayBuffer, expected one of fixed length');
  }
}

/** Gives an ArrayBuffer that holds exactly these bytes; their own memory where it fits. */
export function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer } = bytes;
  const isExact = buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength;
  if (isExact) return buffer;
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return copy;
}

/** Makes a class look like a Web IDL interface. */
export function defineInterface(
  name: string,
  constructor: { readonly prototype: object },
  members: readonly string[],
  constants: Readonly<Record<string, number>> = {},
): void {
  const { prototype } = constructor;
  for (const member of members) Object.defineProperty(prototype, member, { enumerable: true });
  for (const [constant, value] of Object.entries(constants)) {
    const descriptor = { value, enumerable: true, writable: false, configurable: false };
    Object.defineProperty(constructor, constant, descriptor);
    Object.defineProperty(prototype, constant, descriptor);
  }
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
}
