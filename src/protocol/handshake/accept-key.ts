// The two header values that prove that both sides speak WebSocket and not some other protocol: Sec-WebSocket-Key
// and Sec-WebSocket-Accept (RFC 6455 1.3, 4.1, 4.2.2). The digest is injected; Node's is faster.

import type { RandomSource } from '../../base/random.ts';
import { encodeBase64, portableSha1, type Sha1 } from './sha1.ts';

/** The GUID that RFC 6455 1.3 appends to the key. */
const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Gives the Sec-WebSocket-Accept that answers a Sec-WebSocket-Key (RFC 6455 4.2.2, step 5.4). */
export function computeAccept(key: string, sha1: Sha1 = portableSha1): string {
  return sha1(key + guid);
}

/** Makes a key: 16 random bytes in base64 (RFC 6455 4.1, item 7 of the request). */
export function makeKey(random: RandomSource): string {
  const nonce = new Uint8Array(16);
  // oxlint-disable-next-line unicorn/no-array-fill-with-reference-type -- it fills memory, and is not Array's fill
  random.fill(nonce);
  return encodeBase64(nonce);
}

/** Whether the text is base64 that decodes to 16 bytes: 22 characters of the alphabet and "==" (RFC 6455 4.2.1). */
export function isKey(text: string): boolean {
  if (text.length !== 24 || text.charCodeAt(22) !== 0x3d || text.charCodeAt(23) !== 0x3d) return false;
  for (let index = 0; index < 22; index++) if (!isBase64Char(text.charCodeAt(index))) return false;
  // The last character holds two bits of the nonce and four of padding. RFC 4648 3.5 lets a decoder refuse padding
  // bits that are not zero; we do not: the nonce is never decoded, and the key that RFC 6455 4.1 shows has some.
  return true;
}

function isBase64Char(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) || // a-z
    (code >= 0x41 && code <= 0x5a) || // A-Z
    (code >= 0x2f && code <= 0x39) || // "/" and 0-9
    code === 0x2b // "+"
  );
}
