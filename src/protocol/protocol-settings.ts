// How a Protocol behaves, checked and completed once, and the machinery that connections of equal settings take turns
// with: what decodes and what encodes belongs to a connection only while it is in the middle of something. Thousands of
// idle connections share a handful.

import { type Allocate, allocateZeroed, type CopyBytes } from '../base/bytes.ts';
import { describe, FullduplexError } from '../base/errors.ts';
import { cryptoRandom } from '../base/random.ts';
import { portableTextCodec, type TextCodec } from '../base/text-codec.ts';
import type { NegotiatedExtension } from './extensions/extension.ts';
import { type ProtocolLimits, resolveLimits } from './limits.ts';
import { maskInPlace } from './mask.ts';
import { MaskKeyPool } from './mask-key-pool.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { AssembledSink } from './message-assembler.ts';
import { Receiver } from './receiver.ts';
import type { StagingPool } from './staging-pool.ts';
import { Writer } from './writer.ts';

/** How a Protocol behaves. */
export interface ProtocolOptions {
  /** Which side this is: a client masks what it sends (RFC 6455 5.1). */
  readonly role: 'client' | 'server';
  /** Bounds on what the peer may send. */
  readonly limits?: Partial<ProtocolLimits>;
  /** The extension that was negotiated. */
  readonly extension?: NegotiatedExtension;
  /** Whether pings are answered (RFC 6455 5.5.2). @defaultValue true */
  readonly autoPong?: boolean;
  /** Whether incoming text is checked (RFC 6455 8.1). @defaultValue true */
  readonly validateUtf8?: boolean;
  /** Whether messages are delivered piece by piece. @defaultValue false */
  readonly isStreamed?: boolean;
  /** `borrowed` binary messages are valid only during the call. @defaultValue 'copied' */
  readonly binaryMessages?: 'copied' | 'borrowed';
  /** Whether the answer to a close frame repeats its reason beside its code. @defaultValue false */
  readonly repeatsCloseReason?: boolean;
  /**
   * `bytes`: text comes as its bytes, checked but not decoded, to `textBytes` of the sink: for who hands it on, or decodes
   * it later. @defaultValue 'strings'
   */
  readonly textMessages?: 'strings' | 'bytes';
  /** Makes the copy of a message in bytes that is handed out to keep. @defaultValue slice */
  readonly copy?: CopyBytes;
  /** Bounds what connections retain together. */
  readonly budget?: MemoryBudget;
  /** Turns text into bytes and back. */
  readonly text?: TextCodec;
  /** Where masking keys come from. */
  readonly maskKeys?: MaskKeyPool;
  /** Memory for outgoing frames. */
  readonly stagingPool?: StagingPool;
  /** Unmasks what arrives, in place. @defaultValue maskInPlace */
  readonly unmask?: typeof maskInPlace;
  /**
   * Makes the memory of messages that do not arrive in one piece; what is in it is overwritten before anybody sees it.
   * @defaultValue allocateZeroed
   */
  readonly allocate?: Allocate;
}

const sharedMaskKeys = new MaskKeyPool(cryptoRandom);

// How many wait for the next connection that needs one. Many connections are in the middle of a message only when
// they are slow; but all of them write at a time when something is published.
const mostIdleReceivers = 64;
const mostIdleWriters = 1024;

/** What all connections of an endpoint share: checked options, and pools of what connections need now and then. */
export class ProtocolSettings {
  readonly isServer: boolean;
  readonly limits: ProtocolLimits;
  readonly text: TextCodec;
  readonly autoPong: boolean;
  readonly validateUtf8: boolean;
  readonly isStreamed: boolean;
  readonly isBorrowing: boolean;
  readonly repeatsCloseReason: boolean;
  readonly isTextDecoded: boolean;
  readonly copy: CopyBytes;
  readonly budget: MemoryBudget | undefined;
  readonly maskKeys: MaskKeyPool | undefined;
  readonly stagingPool: StagingPool | undefined;
  readonly unmask: typeof maskInPlace;
  readonly allocate: Allocate;
  readonly #receivers: Receiver[] = [];
  readonly #writers: Writer[] = [];

  /** @throws FullduplexError `WS_OPTION_INVALID` for limits or a role that make no sense */
  constructor(options: Omit<ProtocolOptions, 'extension'>) {
    this.isServer = isServerRole(options.role);
    this.isStreamed = options.isStreamed ?? false;
    this.limits = resolveLimits(options.limits, this.isStreamed);
    this.text = options.text ?? portableTextCodec;
    this.autoPong = options.autoPong ?? true;
    this.validateUtf8 = options.validateUtf8 ?? true;
    this.isBorrowing = options.binaryMessages === 'borrowed';
    this.repeatsCloseReason = options.repeatsCloseReason ?? false;
    this.isTextDecoded = options.textMessages !== 'bytes';
    this.copy = options.copy ?? slice;
    this.budget = options.budget;
    this.maskKeys = this.isServer ? undefined : (options.maskKeys ?? sharedMaskKeys);
    this.stagingPool = options.stagingPool;
    this.unmask = options.unmask ?? maskInPlace;
    this.allocate = options.allocate ?? allocateZeroed;
  }

  /** Lends what decodes; it calls `sink` until it is given back. */
  takeReceiver(sink: AssembledSink, extension: NegotiatedExtension | undefined): Receiver {
    const receiver = this.#receivers.pop() ?? new Receiver(this);
    receiver.bind(sink, extension);
    return receiver;
  }

  /** Takes back what decodes, when it is in the middle of nothing. */
  giveReceiver(receiver: Receiver): void {
    receiver.unbind();
    if (this.#receivers.length < mostIdleReceivers) this.#receivers.push(receiver);
  }

  /** Lends what encodes. */
  takeWriter(): Writer {
    return this.#writers.pop() ?? new Writer(this);
  }

  /** Takes back what encodes, when nothing is left in its output. */
  giveWriter(writer: Writer): void {
    writer.encoder.observer = undefined;
    if (this.#writers.length < mostIdleWriters) this.#writers.push(writer);
  }
}

function slice(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return bytes.slice(start, end);
}

function isServerRole(role: unknown): boolean {
  if (role === 'server' || role === 'client') return role === 'server';
  throw new FullduplexError(
    'WS_OPTION_INVALID',
    `option role is ${describe(role)}, expected 'client' or 'server'`,
  );
}
