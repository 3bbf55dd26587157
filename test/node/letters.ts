// Messages of which every byte tells where it belongs: who sent which one, how long it is, and content that follows
// from these. Whoever receives one knows the whole of it, and notices a byte of any other.

export type Content = string | Uint8Array;

const tableLength = 1 << 18;

// Words of a small vocabulary in random order: as compressible as real messages, and no stretch is like another.
function tableOf(words: readonly string[]): string {
  let state = 0x2545f491;
  let table = '';
  while (table.length < tableLength * 2) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    table += words[(state >>> 16) % words.length];
  }
  return table;
}

const asciiWords = ['alpha ', 'beta, ', 'gamma-', 'delta: ', '"epsilon" ', '0x7f ', 'zeta.\n', '{eta} '];
const latinTable = tableOf([...asciiWords, 'größe ', 'naïve ', 'señor ']);
const chineseTable = tableOf(['中文 ', '消息', '连接，', '缓冲区', '。', ' ok ', '第']);
const asciiTable = tableOf(asciiWords);
const textTables = [asciiTable, latinTable, chineseTable];
const byteTable = new TextEncoder().encode(asciiTable);
const headBytes = 12;
/** Longer letters repeat a few words, so that very little is sent of them when they are compressed. */
const longestVaried = tableLength;
const repeatedLength = 96;

const offsetOf = (stream: number, seq: number): number =>
  (Math.imul(stream * 4099 + seq + 1, 0x9e37_79b1) >>> 0) % tableLength;

/** Writes a letter of about `length` bytes or characters. */
export function letter(stream: number, seq: number, type: 'text' | 'binary', length: number): Content {
  const from = offsetOf(stream, seq);
  const isVaried = length <= longestVaried;
  if (type === 'text') {
    const table = textTables[(stream + seq) % textTables.length];
    const body = isVaried
      ? table.slice(from, from + length)
      : table.slice(from, from + repeatedLength).repeat(Math.ceil(length / repeatedLength));
    return `${stream}:${seq}:${length}:${body}`;
  }
  const bytes = new Uint8Array(headBytes + length);
  const head = new DataView(bytes.buffer);
  head.setUint32(0, stream);
  head.setUint32(4, seq);
  head.setUint32(8, length);
  const step = isVaried ? length : repeatedLength;
  for (let at = 0; at < length; at += step) {
    bytes.set(byteTable.subarray(from, from + Math.min(step, length - at)), headBytes + at);
  }
  return bytes;
}

function headOf(content: Content): [stream: number, seq: number, length: number] {
  if (typeof content === 'string') {
    const [, stream, seq, length] = /^(\d+):(\d+):(\d+):/.exec(content) ?? [];
    return [Number(stream), Number(seq), Number(length)];
  }
  if (content.length < headBytes) return [Number.NaN, Number.NaN, Number.NaN];
  const head = new DataView(content.buffer, content.byteOffset);
  return [head.getUint32(0), head.getUint32(4), head.getUint32(8)];
}

/** Reads a letter. @throws Error when any byte is not what was written */
export function read(content: Content): { readonly stream: number; readonly seq: number } {
  const [stream, seq, length] = headOf(content);
  const type = typeof content === 'string' ? 'text' : 'binary';
  // Not so for NaN: no letter then.
  const isPossible = stream + seq >= 0 && length <= content.length;
  const expected = isPossible ? letter(stream, seq, type, length) : undefined;
  const isSame =
    typeof expected === 'string' || typeof content === 'string'
      ? expected === content
      : expected !== undefined && Buffer.compare(expected, content) === 0;
  if (isSame) return { stream, seq };
  const start =
    typeof content === 'string' ? content.slice(0, 40) : Buffer.from(content.subarray(0, 40)).toString('hex');
  throw new Error(`${type} of ${content.length} that nobody has written: ${start}`);
}

/** Takes letters, whose order in each stream has to be that in which they were written. */
export class Postbox {
  /** How many have to come, and how many have come. */
  expected = 0;
  count = 0;
  readonly #owner: string;
  readonly #last = new Map<number, number>();
  #kept: Content[] = [];

  constructor(owner: string) {
    this.#owner = owner;
  }

  /** Reads one. @throws Error when a byte or the order is wrong */
  take(content: Content): { readonly stream: number; readonly seq: number } {
    const found = this.#read(content);
    const last = this.#last.get(found.stream) ?? -1;
    if (found.seq <= last)
      throw new Error(`${this.#owner} got ${found.seq} of ${found.stream} behind ${last}`);
    this.#last.set(found.stream, found.seq);
    this.count++;
    return found;
  }

  /** Keeps one to be read again. */
  keep(content: Content): void {
    this.#kept.push(content);
  }

  /** Reads once more all that was kept. @throws Error when it has changed */
  readAgain(): void {
    for (const content of this.#kept) this.#read(content);
    this.#kept = [];
  }

  #read(content: Content): { readonly stream: number; readonly seq: number } {
    try {
      return read(content);
    } catch (error) {
      throw new Error(`${this.#owner} has got what was not for it`, { cause: error });
    }
  }
}
