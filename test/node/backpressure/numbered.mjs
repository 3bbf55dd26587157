// Messages that know their number and of which every byte follows from it: who receives one sees at once whether
// something was lost, repeated, reordered or mixed up.

const tableLength = 1 << 16;
const table = new Uint8Array(tableLength);
for (let index = 0, state = 0x2545f491; index < tableLength; index++) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  // Sixteen letters in random order: deflate halves it, as it does most text.
  table[index] = 97 + (state >>> 28);
}

/** Makes the message with this number, of four bytes at least. */
export function numbered(seq, byteLength) {
  const bytes = new Uint8Array(Math.max(4, byteLength));
  new DataView(bytes.buffer).setUint32(0, seq);
  let at = 4;
  let from = (seq * 7919) % tableLength;
  while (at < bytes.length) {
    const count = Math.min(bytes.length - at, tableLength - from);
    bytes.set(table.subarray(from, from + count), at);
    at += count;
    from = 0;
  }
  return bytes;
}

/** Gives what is wrong with a message that should have this number; undefined when nothing is. */
export function faultOf(bytes, seq) {
  const found = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  if (found !== seq) return `message ${found} of ${bytes.length} bytes, expected ${seq}`;
  return Buffer.compare(numbered(seq, bytes.length), bytes) === 0 ? undefined : `message ${seq} is spoilt`;
}
