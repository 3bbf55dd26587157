// A mode that makes the misuse of recycled memory visible: what is about to be used again is overwritten at once, so
// that whoever still reads it sees bytes that nobody has sent, and not by chance the right ones. Off, it costs a
// branch where memory comes back. Node switches it on (node/poison-mode.ts), and so do tests.

/** What recycled memory is filled with: no text in UTF-8 holds two of them in a row. */
export const poisonByte = 0xdb;

let isPoisoning = false;

/** Overwrites recycled memory from now on, for the whole process. */
export function startPoisoning(): void {
  isPoisoning = true;
}

/** Marks `bytes[start..end)` as memory that nobody may read any more. */
export function poison(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
  if (isPoisoning) bytes.fill(poisonByte, start, end);
}
