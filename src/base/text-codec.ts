// UTF-8 as an interface: validate, decode, measure, encode. The portable default rests on TextDecoder and
// TextEncoder; the Node floor injects Buffer's faster primitives. Lone surrogates are encoded as U+FFFD, as in
// the WHATWG USVString conversion, so that what we send is always valid UTF-8.

/** Turns strings into UTF-8 and back. */
export interface TextCodec {
  /** Whether `bytes[start..end)` is well-formed UTF-8 (RFC 3629). */
  isValid(bytes: Uint8Array, start: number, end: number): boolean;
  /** Decodes; a byte order mark is kept, bytes that are not well-formed become U+FFFD. */
  decode(bytes: Uint8Array, start: number, end: number): string;
  /** Decodes, or gives undefined when the bytes are not well-formed UTF-8. */
  decodeStrict(bytes: Uint8Array, start: number, end: number): string | undefined;
  /** How many bytes the text takes in UTF-8. */
  byteLength(text: string): number;
  /** Writes the text at `offset` and gives the count of bytes; the caller has made room for them all. */
  encodeInto(text: string, target: Uint8Array, offset: number): number;
}

const encoder = new TextEncoder();
const lenientDecoder = new TextDecoder('utf-8', { ignoreBOM: true });
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeStrict(bytes: Uint8Array, start: number, end: number): string | undefined {
  try {
    return strictDecoder.decode(bytes.subarray(start, end));
  } catch {
    // The one failure of a fatal TextDecoder is a TypeError: the bytes are not UTF-8.
    return undefined;
  }
}

function byteLength(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      bytes += 1;
    } else {
      bytes += 2;
      // A surrogate pair is two units and four bytes: two more than its units, not four.
      if (unit >= 0xd800 && unit < 0xdc00 && index + 1 < text.length) {
        const next = text.charCodeAt(index + 1);
        if (next >= 0xdc00 && next < 0xe000) index++;
      }
    }
  }
  return bytes;
}

/** The text codec of any JavaScript platform. */
export const portableTextCodec: TextCodec = Object.freeze({
  isValid: (bytes: Uint8Array, start: number, end: number): boolean =>
    decodeStrict(bytes, start, end) !== undefined,
  decode: (bytes: Uint8Array, start: number, end: number): string =>
    lenientDecoder.decode(bytes.subarray(start, end)),
  decodeStrict,
  byteLength,
  encodeInto: (text: string, target: Uint8Array, offset: number): number =>
    encoder.encodeInto(text, target.subarray(offset)).written,
});
