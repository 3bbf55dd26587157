// SHA-1 (RFC 3174) and base64 (RFC 4648 4) for any JavaScript platform. SHA-1 protects nothing here: RFC 6455 10.8
// notes that the handshake needs none of its security properties. Web Crypto is of no use, since it only promises.

/** Gives the SHA-1 of an ASCII text in base64. */
export type Sha1 = (ascii: string) => string;

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Gives the bytes in base64, padded. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  let index = 0;
  for (; index + 2 < bytes.length; index += 3) {
    const group = (bytes[index] << 16) | (bytes[index + 1] << 8) | bytes[index + 2];
    text +=
      alphabet[group >> 18] +
      alphabet[(group >> 12) & 63] +
      alphabet[(group >> 6) & 63] +
      alphabet[group & 63];
  }
  const left = bytes.length - index;
  if (left === 1) {
    text += `${alphabet[bytes[index] >> 2]}${alphabet[(bytes[index] & 3) << 4]}==`;
  } else if (left === 2) {
    const group = (bytes[index] << 8) | bytes[index + 1];
    text += `${alphabet[group >> 10]}${alphabet[(group >> 4) & 63]}${alphabet[(group & 15) << 2]}=`;
  }
  return text;
}

/** The message schedule of one block; shared, because a call never leaves it in use. */
const schedule = new Int32Array(80);

/** The portable default: the same digest without anything from the platform. */
export const portableSha1: Sha1 = (ascii) => {
  // RFC 3174 4: a one bit, zeros, and the length in bits as 64-bit integer fill up to whole blocks of 64 bytes.
  const bytes = new Uint8Array(((ascii.length + 8) >> 6) * 64 + 64);
  for (let index = 0; index < ascii.length; index++) bytes[index] = ascii.charCodeAt(index);
  bytes[ascii.length] = 0x80;
  const view = new DataView(bytes.buffer);
  view.setUint32(bytes.length - 8, Math.floor(ascii.length / 0x20000000));
  view.setUint32(bytes.length - 4, ascii.length << 3);

  const state = new Int32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]);
  for (let offset = 0; offset < bytes.length; offset += 64) digestBlock(view, offset, state);

  for (let index = 0; index < 5; index++) view.setInt32(index * 4, state[index]);
  return encodeBase64(bytes.subarray(0, 20));
};

/** RFC 3174 6.1, steps a to e. */
function digestBlock(view: DataView, offset: number, state: Int32Array): void {
  for (let index = 0; index < 16; index++) schedule[index] = view.getInt32(offset + index * 4);
  for (let index = 16; index < 80; index++) {
    const word = schedule[index - 3] ^ schedule[index - 8] ^ schedule[index - 14] ^ schedule[index - 16];
    schedule[index] = (word << 1) | (word >>> 31);
  }

  let [a, b, c, d, e] = state;
  for (let index = 0; index < 80; index++) {
    let mixed: number;
    if (index < 20) mixed = ((b & c) | (~b & d)) + 0x5a827999;
    else if (index < 40) mixed = (b ^ c ^ d) + 0x6ed9eba1;
    else if (index < 60) mixed = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    else mixed = (b ^ c ^ d) + 0xca62c1d6;
    const next = (((a << 5) | (a >>> 27)) + mixed + e + schedule[index]) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
}
