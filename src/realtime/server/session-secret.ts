// The ids and secrets of sessions. The id is public: others see it in presence. The secret, 128 random bits, is the client's alone;
// the engine holds its SHA-256, so that whoever reads the engine can resume nothing.

import type { RandomSource } from '../../base/random.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Random text of 6 bits a character. */
export function randomText(random: RandomSource, characters: number): string {
  const bytes = new Uint8Array(characters);
  random.fill(bytes);
  let text = '';
  for (const byte of bytes) text += alphabet[byte & 63];
  return text;
}

/** Makes the id of a session: 96 bits. */
export function newSessionId(random: RandomSource): string {
  return randomText(random, 16);
}

/** Makes the secret of a session: 132 bits. */
export function newSecret(random: RandomSource): string {
  return randomText(random, 22);
}

/** The SHA-256 of a secret, in base64url. */
export async function hashSecret(secret: string): Promise<string> {
  const digest = new Uint8Array(
    await globalThis.crypto.subtle.digest('SHA-256', new TextEncoder().encode(secret)),
  );
  let text = '';
  for (let index = 0; index < digest.length; index += 3) {
    const group = (digest[index] << 16) | ((digest[index + 1] ?? 0) << 8) | (digest[index + 2] ?? 0);
    for (let shift = 18; shift >= 0; shift -= 6) text += alphabet[(group >> shift) & 63];
  }
  return text.slice(0, 43);
}

/** Compares two texts of the same kind in a time that does not tell where they differ. */
export function isSameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index++) difference |= a.charCodeAt(index) ^ b.charCodeAt(index);
  return difference === 0;
}
