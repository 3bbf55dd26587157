// The options that servers and clients of ws share, and what they mean for a Connection. Sockets with the same options share the
// settings that follow from them.

import { FullduplexError } from '../base/errors.ts';
import type { RandomSource } from '../base/random.ts';
import { type ConnectionOptions, resolveConnectionOptions } from '../connection/connection-options.ts';
import type { ReceiveRateLimits } from '../connection/receive-rates.ts';
import { protocolSettings } from '../node/platform.ts';
import { MaskKeyPool } from '../protocol/mask-key-pool.ts';
import type { ProtocolSettings } from '../protocol/protocol-settings.ts';
import { type ReceiveLimitOptions, receiveLimitsOf } from '../server/receive-limits.ts';
import { copyToBuffer } from './received-data.ts';

/** Beyond ws: the options of our connections that a WebSocket takes too, under their own names. */
export type OwnSocketOptions = Partial<
  Pick<
    ConnectionOptions,
    'highWaterMarkBytes' | 'maxQueuedBytes' | 'pauseOnBackpressure' | 'pingIntervalMs' | 'pongTimeoutMs'
  >
>;

/** How a WebSocket behaves once it is open. */
export interface SocketOptions extends OwnSocketOptions, ReceiveLimitOptions {
  /** Whether several messages may be emitted in one turn of the event loop. @defaultValue true */
  readonly allowSynchronousEvents?: boolean | undefined;
  /** Whether pings are answered by themselves. @defaultValue true */
  readonly autoPong?: boolean | undefined;
  /** How long the closing handshake may take, in milliseconds. @defaultValue 30,000 */
  readonly closeTimeout?: number | undefined;
  /** Fills the masking key of each frame that a client sends. @defaultValue unpredictable keys */
  generateMask?(mask: Buffer): void;
  /** Accepted, and without effect: what arrives in pieces is joined as it comes. */
  readonly maxBufferedChunks?: number | undefined;
  /** The most fragments of one message. @defaultValue 16,384 */
  readonly maxFragments?: number | undefined;
  /** The longest message in bytes; 0 is no limit. @defaultValue 100 MiB */
  readonly maxPayload?: number | undefined;
  /** Accepted, and without effect: a peer that does not read its pongs is not read either. */
  readonly maxPendingAutoPongs?: number | undefined;
  /** Whether text is not checked. @defaultValue false */
  readonly skipUTF8Validation?: boolean | undefined;
}

/** What the options of a WebSocket come to. */
export interface SocketSettings {
  readonly connection: ConnectionOptions;
  readonly protocol: ProtocolSettings;
  readonly receiveLimits: ReceiveRateLimits | undefined;
  readonly allowSynchronousEvents: boolean;
}

const MiB = 1024 * 1024;
const defaultMaxPayload = 100 * MiB;
const defaultMaxFragments = 16 * 1024;
const defaultCloseTimeoutMs = 30_000;

const known = {
  client: new WeakMap<object, SocketSettings>(),
  server: new WeakMap<object, SocketSettings>(),
};

/**
 * Gives what options come to; the same object gives the same settings, so that sockets share their machinery.
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function settingsOf(options: SocketOptions, role: 'client' | 'server'): SocketSettings {
  let settings = known[role].get(options);
  if (settings === undefined) {
    settings = makeSettings(options, role);
    known[role].set(options, settings);
  }
  return settings;
}

function makeSettings(options: SocketOptions, role: 'client' | 'server'): SocketSettings {
  const maxPayload = limitOf(options.maxPayload, defaultMaxPayload);
  const { pingIntervalMs, pongTimeoutMs, highWaterMarkBytes, pauseOnBackpressure } = options;
  const connection = resolveConnectionOptions({
    maxMessageBytes: maxPayload,
    maxFrameBytes: Math.max(125, maxPayload),
    maxFragments: limitOf(options.maxFragments, defaultMaxFragments),
    // A message that is whole, and what follows it in the same read.
    maxRetainedBytes: maxPayload + 16 * MiB,
    closeTimeoutMs: Math.max(1, Math.min(options.closeTimeout ?? defaultCloseTimeoutMs, 0x7fff_ffff)),
    autoPong: options.autoPong !== false,
    validateUtf8: options.skipUTF8Validation !== true,
    // ws queues whatever is sent.
    maxQueuedBytes: options.maxQueuedBytes ?? Infinity,
    ...(pingIntervalMs === undefined ? {} : { pingIntervalMs }),
    ...(pongTimeoutMs === undefined ? {} : { pongTimeoutMs }),
    ...(highWaterMarkBytes === undefined ? {} : { highWaterMarkBytes }),
    ...(pauseOnBackpressure === undefined ? {} : { pauseOnBackpressure }),
  });
  const maskKeys = options.generateMask === undefined ? undefined : new GivenMaskKeys(options);
  const protocol = protocolSettings(role, connection, undefined, {
    textMessages: 'bytes',
    repeatsCloseReason: true,
    copy: copyToBuffer,
    ...(maskKeys === undefined ? {} : { maskKeys }),
  });
  const receiveLimits = receiveLimitsOf(options);
  return {
    connection,
    protocol,
    receiveLimits,
    allowSynchronousEvents: options.allowSynchronousEvents !== false,
  };
}

// As ws has it: what is no positive number is no limit.
function limitOf(given: number | undefined, fallback: number): number {
  const limit = Math.trunc(given ?? fallback);
  return limit > 0 ? limit : Infinity;
}

const unused: RandomSource = {
  fill: () => {
    throw new FullduplexError('WS_STATE_INVALID', 'masking keys come from generateMask');
  },
};

/** Masking keys that the application makes. */
class GivenMaskKeys extends MaskKeyPool {
  readonly #options: SocketOptions;
  readonly #key = Buffer.alloc(4);

  constructor(options: SocketOptions) {
    super(unused);
    this.#options = options;
  }

  override next(): number {
    this.#options.generateMask?.(this.#key);
    return this.#key.readUInt32BE(0);
  }
}
