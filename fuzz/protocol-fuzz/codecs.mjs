// The extensions that the fuzzed connections negotiate: one that is simple enough to be right by inspection, and
// permessage-deflate over everything that inflates here: zlib's live contexts, its public API, each on the event loop
// and on the thread pool, and our own inflater for platforms without zlib.

/** XOR with the position: what is lost or reordered spoils the rest. Finishes at once, or when it is released. */
class XorCodec {
  #position = 0;
  #job;

  constructor(isAsync) {
    this.isAsync = isAsync;
  }

  get isPending() {
    return this.#job !== undefined;
  }

  async settle() {
    const job = this.#job;
    this.#job = undefined;
    job();
  }

  deflate(input, _isFinal, done) {
    this.#start(input, done);
  }

  inflate(input, _isFinal, _maxOutputBytes, done) {
    this.#start(input, done);
  }

  close() {}

  #start(input, done) {
    const job = () =>
      done(
        undefined,
        input.map((byte) => byte ^ (this.#position++ & 0xff)),
      );
    if (this.isAsync) this.#job = job;
    else job();
  }
}

/** Any inflater, and whether it is at work. */
class WatchedInflater {
  #inflater;
  isPending = false;

  constructor(inflater) {
    this.#inflater = inflater;
  }

  inflate(input, isFinal, maxOutputBytes, done) {
    this.isPending = true;
    // What an owner does with what it gave away must not matter.
    this.#inflater.inflate(input, isFinal, maxOutputBytes, (error, output) => {
      if (!this.isPending) throw new Error('a codec has called back twice');
      this.isPending = false;
      done(error, output);
    });
  }

  close() {
    this.#inflater.close();
    this.isPending = false;
  }

  async settle() {
    while (this.isPending) await new Promise((resolve) => setImmediate(resolve));
  }
}

export const inflatingWays = ['live', 'oneShot', 'portable'];

/** The codecs of the library at this URL, and the memory that those over zlib share. */
export async function openCodecs(library) {
  const inDist = (path) => import(new URL(path, library).href);
  const { createZlibCodec } = await inDist('./node/zlib/zlib-codec.js');
  const { CompressionMemory } = await inDist('./node/zlib/compression-memory.js');
  const { compressionStreamCodec } = await inDist(
    './protocol/extensions/permessage-deflate/compression-stream-codec.js',
  );
  const memory = new CompressionMemory();
  const zlib = (contexts, thresholds) => createZlibCodec({ contexts, memory, ...thresholds });
  const atOnce = { asyncFromBytes: Infinity, syncOutputBytes: Infinity };
  const inPool = { asyncFromBytes: 100, syncOutputBytes: 1000 };
  const portable = compressionStreamCodec();
  const byWay = {
    live: { atOnce: zlib('live', atOnce), inPool: zlib('live', inPool) },
    oneShot: { atOnce: zlib('oneShot', atOnce), inPool: zlib('oneShot', inPool) },
    portable: { atOnce: portable, inPool: portable },
  };

  const xor = (isAsync) => ({
    name: 'x-fuzz',
    parameters: [],
    rsvBit: 0x40,
    shouldDeflate: (_type, byteLength) => byteLength % 3 !== 0,
    deflater: new XorCodec(false),
    inflater: new XorCodec(isAsync),
  });

  const deflate = ({ windowBits, hasTakeover, level, memLevel, way = 'live' }, isAsync) => {
    const sending = { windowBits, level, memLevel };
    const receiving = { windowBits, hasTakeover, maxInflationRatio: 200 };
    const codec = byWay[way][isAsync ? 'inPool' : 'atOnce'];
    return {
      name: 'permessage-deflate',
      parameters: [],
      rsvBit: 0x40,
      shouldDeflate: (_type, byteLength) => byteLength % 3 !== 0,
      deflater: byWay.live.atOnce.createDeflater({ ...sending, hasTakeover }),
      inflater: new WatchedInflater(codec.createInflater(receiving)),
      shared: byWay.live.atOnce.sharedDeflater(sending),
    };
  };

  return {
    /** Makes what a connection has agreed on: `setting` is the name of an extension, or the parameters of deflate. */
    extension: (setting, isAsync) => (setting === 'xor' ? xor(isAsync) : deflate(setting, isAsync)),
    /** What is kept although nothing is in use. */
    keptBytes: () => {
      const { maxBytes } = memory;
      memory.maxBytes = 1;
      const { usedBytes } = memory;
      memory.maxBytes = maxBytes;
      return usedBytes;
    },
  };
}
