// Frames as text: as the wire has them (wire/json-codec.ts), in the least code, since pages download it. Bytes are
// {"$bytes":"base64url"}, and a key of an application that looks like that has one "$" more on the way.

import type { ServerFrame } from '../wire/frames.ts';

type Message = ServerFrame | readonly ServerFrame[] | { readonly frames: readonly ServerFrame[] };

/**
 * Reads what a link brought: one frame, an array of frames, or the answer to a POST, which has them in a field. The server is
 * trusted to keep to the protocol; what a newer one adds is left alone.
 * @throws SyntaxError when it is no JSON
 */
export function readFrames(text: string): readonly ServerFrame[] {
  const message: Message = JSON.parse(text, text.includes('$bytes"') ? untagged : undefined);
  if ('frames' in message) return message.frames;
  return isBatch(message) ? message : [message];
}

/** Writes a frame, or the body of a request. */
export function writeJson(value: unknown): string {
  return JSON.stringify(value, tagged);
}

function isBatch(message: ServerFrame | readonly ServerFrame[]): message is readonly ServerFrame[] {
  return Array.isArray(message[0]);
}

// Node's Buffers have a toJSON of their own, which has been asked already when `value` comes: the holder still has the bytes.
function tagged(this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
  const held = this[key];
  if (ArrayBuffer.isView(held)) {
    const bytes = new Uint8Array(held.buffer, held.byteOffset, held.byteLength);
    let binary = '';
    for (const byte of bytes) binary += String.fromCharCode(byte);
    return { $bytes: btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '') };
  }
  return renamed(value, /^(\$+bytes)$/, '$$$1');
}

function untagged(_key: string, value: unknown): unknown {
  if (isRecord(value) && typeof value.$bytes === 'string' && Object.keys(value).length === 1) {
    try {
      const binary = atob(value.$bytes.replaceAll('-', '+').replaceAll('_', '/'));
      return Uint8Array.from(binary, (unit) => unit.charCodeAt(0));
    } catch {
      // Somebody's object that happens to look like ours stays as it is.
    }
  }
  return renamed(value, /^\$(\$+bytes)$/, '$1');
}

function renamed(value: unknown, pattern: RegExp, name: string): unknown {
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key.replace(pattern, name), item]));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
