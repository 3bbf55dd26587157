// permessage-deflate over node:zlib. One codec serves the whole process: connections with the same parameters share
// its contexts, so that without context takeover a connection keeps nothing between messages.

import { FullduplexError } from '../../base/errors.ts';
import type { Deflater, Inflater, SharedDeflater } from '../../protocol/extensions/extension.ts';
import type {
  DeflateCodec,
  DeflateCodecFeatures,
  DeflateParameters,
  InflateParameters,
} from '../../protocol/extensions/permessage-deflate/codec.ts';
import { PortableInflater } from '../../protocol/extensions/permessage-deflate/portable-inflater.ts';
import { isPortableMode } from '../portable-mode.ts';
import { AsyncTurns } from './async-turns.ts';
import { type CompressionMemory, compressionMemory } from './compression-memory.ts';
import { type Compressor, deflateWindowBits, LiveCompressor, OneShotCompressor } from './compressor.ts';
import { LeasedPool } from './leased-pool.ts';
import type { InflatedMessage } from './inflated-message.ts';
import type { Inflation, InflationThresholds } from './inflation.ts';
import { LiveInflation } from './live-inflation.ts';
import { LoopTurns } from './loop-turns.ts';
import { OneShotInflation } from './one-shot-inflation.ts';
import { readsRawDictionary } from './raw-dictionary.ts';
import { type ZlibBinding, zlibBinding } from './zlib-binding.ts';
import { contextBytes, ZlibContext, type ZlibContextOptions } from './zlib-context.ts';
import { type DeflaterEnvironment, ZlibDeflater, ZlibSharedDeflater } from './zlib-deflater.ts';
import { ZlibInflater } from './zlib-inflater.ts';

/** How a codec works. */
export interface ZlibCodecOptions {
  /**
   * Over live zlib contexts, or over the public one-shot API of node:zlib.
   * @defaultValue live contexts where Node's binding to zlib is as expected
   */
  readonly contexts?: 'live' | 'oneShot';
  /** What it may keep. @defaultValue `compressionMemory` */
  readonly memory?: CompressionMemory;
  /** Input of this many bytes or more is worked on in the thread pool. @defaultValue 32,768 */
  readonly asyncFromBytes?: number;
  /** What follows so much decompressed output of a piece is worked on in the thread pool. @defaultValue 262,144 */
  readonly syncOutputBytes?: number;
}

// Either keeps the event loop for about 0.3 ms at most; the way through the thread pool costs 20 to 50 us of CPU
// (docs/decisions/0007-permessage-deflate.md).
const defaultAsyncFromBytes = 32 * 1024;
const defaultSyncOutputBytes = 256 * 1024;

interface SharedParts {
  readonly environment: DeflaterEnvironment;
  readonly deflater: SharedDeflater;
}

class ZlibCodec implements DeflateCodec {
  readonly supports: DeflateCodecFeatures = Object.freeze({ minDeflateWindowBits: 8, takeover: true });
  readonly #binding: ZlibBinding | undefined;
  readonly #memory: CompressionMemory;
  readonly #thresholds: InflationThresholds;
  readonly #turns = new AsyncTurns();
  readonly #loopTurns = new LoopTurns();
  readonly #deflating = new Map<string, SharedParts>();
  readonly #inflating = new Map<number, LeasedPool<ZlibContext>>();

  constructor(options: ZlibCodecOptions) {
    const contexts = options.contexts ?? (isPortableMode ? 'oneShot' : undefined);
    this.#binding = contexts === 'oneShot' ? undefined : zlibBinding();
    if (contexts === 'live' && this.#binding === undefined) {
      throw new FullduplexError('WS_UNSUPPORTED', 'this platform has no live zlib contexts');
    }
    this.#memory = options.memory ?? compressionMemory;
    this.#thresholds = {
      asyncFromBytes: options.asyncFromBytes ?? defaultAsyncFromBytes,
      syncOutputBytes: options.syncOutputBytes ?? defaultSyncOutputBytes,
    };
  }

  hasRoomForContext(windowBits: number): boolean {
    return this.#memory.hasRoomFor(1 << windowBits);
  }

  createDeflater(parameters: DeflateParameters & { readonly hasTakeover: boolean }): Deflater {
    return new ZlibDeflater(this.#sharedParts(parameters).environment, parameters.hasTakeover);
  }

  createInflater(parameters: InflateParameters): Inflater {
    const { windowBits } = parameters;
    if (this.#binding === undefined && !readsRawDictionary()) return new PortableInflater(parameters);
    return new ZlibInflater(
      {
        memory: this.#memory,
        contextBytes: contextBytes(inflateOptions(windowBits)),
        isContextCounted: this.#binding !== undefined,
        turns: this.#loopTurns,
        inflation: (message) => this.#inflation(message, windowBits),
      },
      parameters,
    );
  }

  sharedDeflater(parameters: DeflateParameters): SharedDeflater {
    return this.#sharedParts(parameters).deflater;
  }

  #sharedParts(parameters: DeflateParameters): SharedParts {
    const { windowBits, level, memLevel } = parameters;
    const key = `${windowBits} ${level} ${memLevel}`;
    const known = this.#deflating.get(key);
    if (known !== undefined) return known;
    const environment = {
      compressors: this.#compressors({ windowBits, level, memLevel }),
      turns: this.#turns,
      asyncFromBytes: this.#thresholds.asyncFromBytes,
    };
    const made = { environment, deflater: new ZlibSharedDeflater(environment) };
    this.#deflating.set(key, made);
    return made;
  }

  #compressors(parameters: DeflateParameters): LeasedPool<Compressor> {
    const binding = this.#binding;
    if (binding === undefined) {
      return new LeasedPool<Compressor>(
        () => new OneShotCompressor(parameters),
        1 << parameters.windowBits,
        this.#memory,
      );
    }
    const options: ZlibContextOptions = {
      ...parameters,
      mode: 'deflate',
      windowBits: deflateWindowBits(parameters.windowBits),
    };
    return new LeasedPool<Compressor>(
      () => new LiveCompressor(new ZlibContext(binding, options)),
      contextBytes(options),
      this.#memory,
    );
  }

  #inflation(message: InflatedMessage, windowBits: number): Inflation {
    const binding = this.#binding;
    return binding === undefined
      ? new OneShotInflation(message, windowBits, this.#turns, this.#thresholds)
      : new LiveInflation(
          message,
          this.#inflatingContexts(binding, windowBits),
          this.#turns,
          this.#thresholds,
        );
  }

  #inflatingContexts(binding: ZlibBinding, windowBits: number): LeasedPool<ZlibContext> {
    const known = this.#inflating.get(windowBits);
    if (known !== undefined) return known;
    const options = inflateOptions(windowBits);
    const made = new LeasedPool(() => new ZlibContext(binding, options), contextBytes(options), this.#memory);
    this.#inflating.set(windowBits, made);
    return made;
  }
}

// Inflating, level and memLevel mean nothing, but have to be valid.
function inflateOptions(windowBits: number): ZlibContextOptions {
  return { mode: 'inflate', windowBits, level: 1, memLevel: 8 };
}

/**
 * Makes a codec for permessage-deflate. All connections of a process should use the same one, to share its contexts.
 * @throws FullduplexError `WS_UNSUPPORTED` when live contexts are asked for where there are none
 */
export function createZlibCodec(options: ZlibCodecOptions = {}): DeflateCodec {
  return new ZlibCodec(options);
}
