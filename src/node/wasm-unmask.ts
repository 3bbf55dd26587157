// Unmasking (RFC 6455 5.3) by 16 bytes at a time, for memory that WebAssembly can see: the buffer that sockets read
// into (shared-read-buffer.ts). 45 GB/s against 8 GB/s of the portable loop (npm run bench, 1 MiB). Where WebAssembly
// or its vectors are missing, the memory is an ordinary one and so is the loop.

import { maskInPlace } from '../protocol/mask.ts';
import { isPortableMode } from './portable-mode.ts';

// Large enough that a message of 1 MiB takes few reads, small enough for the processor's cache (npm run bench, 1 MiB:
// 64, 128 and 256 KiB give 0.89, 1.07 and 1.23 times ws; small messages are the same with all of them).
const pageBytes = 64 * 1024;
const pages = 4;
// What one turn of the loop below takes; below two of them the call costs more than it saves.
const blockBytes = 64;
const vectorsFromBytes = 2 * blockBytes;

// The module in binary, since a build step for a dozen instructions would cost more than it explains:
//   (func (export "mask") (param $from i32) (param $to i32) (param $key i32) (local $keys v128)
//     $keys = i32x4.splat($key); until $from >= $to: v128.store at $from, +16, +32, +48 of v128.load xor $keys; $from += 64)
const moduleHex = [
  '0061736d01000000', // header
  '01070160037f7f7f00', // types: (i32, i32, i32) -> ()
  '020801016d016d020001', // memory of one page at least, given as m.m
  '03020100', // functions
  '070801046d61736b0000', // export "mask"
  '0a63016101017b2002fd11210302400340200020014f0d0120002000fd0000002003fd51fd0b000020002000fd0000102003',
  'fd51fd0b001020002000fd0000202003fd51fd0b002020002000fd0000302003fd51fd0b0030200041c0006a21000c000b0b',
  '0b',
].join('');

interface Vectors {
  readonly memory: ArrayBuffer;
  mask(from: number, to: number, key: number): void;
}

function instantiate(): Vectors | undefined {
  try {
    const bytes = Uint8Array.from({ length: moduleHex.length / 2 }, (_, index) =>
      Number.parseInt(moduleHex.slice(index * 2, index * 2 + 2), 16),
    );
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { m: { m: memory } });
    const { mask } = exports;
    if (typeof mask !== 'function') return undefined;
    return {
      memory: memory.buffer,
      mask: (from, to, key) => {
        mask(from, to, key);
      },
    };
  } catch {
    // No WebAssembly (--jitless) or a processor without vectors.
    return undefined;
  }
}

const vectors = isPortableMode ? undefined : instantiate();

/** Memory of 256 KiB in which `unmask` is fast. */
export const fastMemory: Uint8Array = new Uint8Array(vectors?.memory ?? new ArrayBuffer(pages * pageBytes));

/** Unmasks `bytes[start..end)` in place, as maskInPlace does, and faster when they lie in `fastMemory`. */
export function unmask(bytes: Uint8Array, start: number, end: number, key: number): void {
  if (vectors === undefined || bytes.buffer !== vectors.memory || end - start < vectorsFromBytes) {
    maskInPlace(bytes, start, end, key);
    return;
  }
  // WebAssembly is little-endian: the key's first byte is the lowest.
  const word = (key >>> 24) | ((key >>> 8) & 0xff00) | ((key << 8) & 0xff0000) | (key << 24);
  const from = bytes.byteOffset + start;
  const blocksEnd = start + ((end - start) & -blockBytes);
  vectors.mask(from, from + blocksEnd - start, word);
  // The blocks are multiples of four bytes, so the key is due at its first byte again.
  maskInPlace(bytes, blocksEnd, end, key);
}
