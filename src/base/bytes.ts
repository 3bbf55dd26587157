// The few operations on bytes that every floor shares. A Uint8Array is the only currency; nothing here
// knows about Node's Buffer.

/** No bytes; shared, and safe to share because it has no content to change. */
export const noBytes: Uint8Array = new Uint8Array(0);

/** Gives a Uint8Array over the same memory as `data`, without copying. */
export function viewOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(data);
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
