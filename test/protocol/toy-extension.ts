// An extension for tests. Its cipher XORs each byte with one that depends on how many went before on the connection,
// as the window of a compressor does: a piece that is lost, repeated or out of order spoils everything after it. The
// asynchronous one works only when a test releases it, on the very memory that it was lent, and checks the rules of
// the seam that its callers have to keep.

import type {
  CodecCallback,
  Deflater,
  Inflater,
  NegotiatedExtension,
  RsvBit,
} from '../../src/protocol/extensions/extension.ts';
import { ProtocolError } from '../../src/protocol/protocol-error.ts';

export interface ToyOptions {
  readonly isAsync?: boolean;
  readonly rsvBit?: RsvBit;
  /** How often the inflater repeats each byte: 1, or more for a bomb. */
  readonly expansion?: number;
  /** Whether the inflater gives more than it was allowed to, as a careless codec would. */
  readonly isCareless?: boolean;
  /** Which outgoing messages are transformed; all of them unless told otherwise. */
  readonly shouldDeflate?: (type: 'text' | 'binary', byteLength: number) => boolean;
}

const noOutput = new Uint8Array(0);

/** One direction of the cipher. */
class Cipher {
  #position = 0;

  transform(input: Uint8Array, expansion: number): Uint8Array {
    const output = new Uint8Array(input.length * expansion);
    for (const [index, byte] of input.entries()) {
      output.fill(byte ^ ((this.#position++ * 7 + 0x5a) & 0xff), index * expansion, (index + 1) * expansion);
    }
    return output;
  }
}

/** Runs one job at a time: at once, or when it is released. */
export class ToyCodec implements Deflater, Inflater {
  #cipher = new Cipher();
  readonly #isAsync: boolean;
  readonly #expansion: number;
  readonly #isCareless: boolean;
  #job: (() => void) | undefined;
  closedCount = 0;
  /** What the next job ends with, instead of its output. */
  failure: Error | undefined;
  /** The limits that `inflate` was called with. */
  readonly allowances: number[] = [];

  constructor({ isAsync = false, expansion = 1, isCareless = false }: ToyOptions) {
    this.#isAsync = isAsync;
    this.#expansion = expansion;
    this.#isCareless = isCareless;
  }

  /** Whether a job waits to be released. */
  get isPending(): boolean {
    return this.#job !== undefined;
  }

  /** Finishes the job that waits. */
  release(): void {
    const job = this.#job;
    if (job === undefined) throw new Error('no job waits');
    this.#job = undefined;
    job();
  }

  deflate(input: Uint8Array, _isFinal: boolean, done: CodecCallback): void {
    this.#start(input, Infinity, done);
  }

  inflate(input: Uint8Array, _isFinal: boolean, maxOutputBytes: number, done: CodecCallback): void {
    this.allowances.push(maxOutputBytes);
    this.#start(input, maxOutputBytes, done);
  }

  reset(): void {
    this.#cipher = new Cipher();
  }

  close(): void {
    this.closedCount++;
  }

  #start(input: Uint8Array, maxOutputBytes: number, done: CodecCallback): void {
    if (this.closedCount > 0) throw new Error('a closed codec was called');
    if (this.#job !== undefined) throw new Error('a codec was called before it was done');
    const job = (): void => {
      if (this.failure !== undefined) done(this.failure, noOutput);
      else if (!this.#isCareless && input.length * this.#expansion > maxOutputBytes) {
        const message = `output of ${input.length * this.#expansion} bytes, at most ${maxOutputBytes}`;
        done(new ProtocolError('WS_MESSAGE_TOO_LARGE', 1009, 'RFC 7692 8', message), noOutput);
      } else done(undefined, this.#cipher.transform(input, this.#expansion));
    };
    if (this.#isAsync) this.#job = job;
    else job();
  }
}

/** The extension as it works on one connection. */
export class ToyExtension implements NegotiatedExtension {
  readonly name = 'x-toy';
  readonly parameters = [];
  readonly rsvBit: RsvBit;
  readonly deflater: ToyCodec;
  readonly inflater: ToyCodec;
  readonly #shouldDeflate: (type: 'text' | 'binary', byteLength: number) => boolean;

  constructor(options: ToyOptions = {}) {
    this.rsvBit = options.rsvBit ?? 0x40;
    this.deflater = new ToyCodec({ ...options, expansion: 1 });
    this.inflater = new ToyCodec(options);
    this.#shouldDeflate = options.shouldDeflate ?? (() => true);
  }

  shouldDeflate(type: 'text' | 'binary', byteLength: number): boolean {
    return this.#shouldDeflate(type, byteLength);
  }
}

/** Payload bytes as the toy's peer would send them, for frames that tests build by hand; continues over calls. */
export function toyCipher(): (payload: Uint8Array) => Uint8Array {
  const cipher = new Cipher();
  return (payload) => cipher.transform(payload, 1);
}
