// What compressing a message costs and saves: by level, by memory, on the event loop or off it, with live zlib contexts
// or without. `node bench/compression/run.mjs` (after `npm run build`) prints the tables behind
// docs/decisions/0007-permessage-deflate.md; it needs no server and takes about two minutes.
import { CompressionMemory } from '../../dist/node/zlib/compression-memory.js';
import { contextBytes } from '../../dist/node/zlib/zlib-context.js';
import { createZlibCodec } from '../../dist/node/zlib/zlib-codec.js';
import { chatMessages } from './chat-messages.mjs';

const sizes = [128, 1024, 16_384];
const defaults = { windowBits: 15, level: 3, memLevel: 8, hasTakeover: false };
// Many short ones: on a busy machine some of them run undisturbed.
const rounds = 100;
const roundMs = 1.5;
const never = 2 ** 30;

/** @typedef {import('../../dist/protocol/extensions/extension.js').Deflater} Deflater */
/** @typedef {import('../../dist/protocol/extensions/extension.js').Inflater} Inflater */

/** @param {Partial<import('../../dist/node/zlib/zlib-codec.js').ZlibCodecOptions>} [options] */
function newCodec(options = {}) {
  const onLoop = { asyncFromBytes: never, syncOutputBytes: never };
  return createZlibCodec({ ...onLoop, ...options, memory: new CompressionMemory() });
}

/**
 * The time of a call in microseconds: the lower decile of many short rounds, since what else the machine does adds to it.
 * @param {(index: number) => void} act gets a number that grows from call to call
 */
function usualMicroseconds(act) {
  let calls = 1;
  let position = 0;
  const time = () => {
    const start = performance.now();
    for (let call = 0; call < calls; call++) act(position++);
    return (performance.now() - start) * 1000;
  };
  for (let warmUp = 0; warmUp < 50; warmUp++) time();
  while (time() < roundMs * 1000) calls *= 2;
  const times = Array.from({ length: rounds }, () => time() / calls);
  return times.sort((a, b) => a - b)[Math.floor(rounds / 10)];
}

/**
 * @param {import('../../dist/protocol/extensions/permessage-deflate/codec.js').DeflateCodec} codec
 * @param {typeof defaults} parameters @param {Uint8Array[]} messages
 */
function measure(codec, parameters, messages) {
  const { hasTakeover, windowBits } = parameters;
  const deflater = codec.createDeflater(parameters);
  /** @type {Uint8Array[]} */
  const deflated = [];
  for (const message of messages) deflater.deflate(message, true, (_, output) => deflated.push(output));
  const totalBytes = deflated.reduce((sum, { length }) => sum + length, 0);
  const plainBytes = messages.reduce((sum, { length }) => sum + length, 0);
  const count = messages.length;
  const deflateUs = usualMicroseconds((index) =>
    deflater.deflate(messages[index % count], true, () => undefined),
  );
  const inflater = codec.createInflater({ windowBits, hasTakeover, maxInflationRatio: Infinity });
  // The stream is read in its order, over and over: its first message refers to nothing before it.
  const inflateUs = usualMicroseconds((index) => {
    inflater.inflate(deflated[index % count], true, Infinity, (error) => {
      if (error) throw error;
    });
  });
  return { deflateUs, inflateUs, share: totalBytes / plainBytes };
}

/** @param {string[]} cells */
const row = (cells) => console.log(`| ${cells.join(' | ')} |`);

/** @param {string[]} titles */
function head(titles) {
  row(titles);
  row(titles.map(() => '---'));
}

/** @param {{ deflateUs: number, share: number }} measured */
const timeAndShare = ({ deflateUs, share }) => `${deflateUs.toFixed(1)} us, ${Math.round(share * 100)} %`;

/** Enough messages that a window of 32 KiB never holds them all. @param {number} size */
const messagesOf = (size) => chatMessages(size, Math.max(24, Math.ceil(400_000 / size)));

console.log(`Node ${process.version}, zlib ${process.versions.zlib}; lower decile of ${rounds} rounds\n`);

console.log('### By level (windowBits 15, memLevel 8): time to deflate, size of the result\n');
head(['level', ...sizes.map((size) => `${size} B`), ...sizes.map((size) => `${size} B, takeover`)]);
for (const level of [1, 2, 3, 4, 5, 6, 9]) {
  const cells = [false, true].flatMap((hasTakeover) =>
    sizes.map((size) =>
      timeAndShare(measure(newCodec(), { ...defaults, level, hasTakeover }, messagesOf(size))),
    ),
  );
  row([String(level), ...cells]);
}

console.log('\n### By memory (level 3, takeover): KiB of a context, time to deflate, size of the result\n');
head(['windowBits', 'memLevel', 'KiB', ...sizes.map((size) => `${size} B`)]);
for (const [windowBits, memLevel] of [
  [15, 9],
  [15, 8],
  [15, 5],
  [15, 1],
  [13, 8],
  [12, 8],
  [12, 5],
  [10, 3],
  [9, 1],
]) {
  const kib = contextBytes({ mode: 'deflate', windowBits, memLevel, level: 3 }) / 1024;
  const parameters = { ...defaults, windowBits, memLevel, hasTakeover: true };
  const cells = sizes.map((size) => timeAndShare(measure(newCodec(), parameters, messagesOf(size))));
  row([String(windowBits), String(memLevel), kib.toFixed(0), ...cells]);
}

console.log('\n### Live contexts and the public one-shot API (defaults): us to deflate / to inflate\n');
head(['', ...sizes.map((size) => `${size} B`), ...sizes.map((size) => `${size} B, takeover`)]);
for (const contexts of /** @type {const} */ (['live', 'oneShot'])) {
  const cells = [false, true].flatMap((hasTakeover) =>
    sizes.map((size) => {
      const { deflateUs, inflateUs } = measure(
        newCodec({ contexts }),
        { ...defaults, hasTakeover },
        messagesOf(size),
      );
      return `${deflateUs.toFixed(1)} / ${inflateUs.toFixed(1)}`;
    }),
  );
  row([contexts, ...cells]);
}

console.log('\n### On the event loop and in the thread pool (defaults): CPU us to deflate / to inflate\n');
head(['', 'on the loop', 'in the pool']);
for (const size of [4096, 16_384, 32_768, 65_536, 262_144]) {
  const cells = [];
  for (const asyncFromBytes of [never, 1]) {
    const codec = newCodec({ asyncFromBytes, syncOutputBytes: asyncFromBytes });
    cells.push(await cpuMicroseconds(codec, chatMessages(size, 16)));
  }
  row([`${size} B`, ...cells]);
}

/**
 * CPU time of all threads.
 * @param {import('../../dist/protocol/extensions/permessage-deflate/codec.js').DeflateCodec} codec
 * @param {Uint8Array[]} messages
 */
async function cpuMicroseconds(codec, messages) {
  const deflater = codec.createDeflater(defaults);
  const inflater = codec.createInflater({ windowBits: 15, hasTakeover: false, maxInflationRatio: Infinity });
  let deflateUs = Infinity;
  let inflateUs = Infinity;
  for (let round = 0; round < rounds; round++) {
    const deflated = [];
    const start = process.cpuUsage();
    for (const message of messages) {
      deflated.push(
        await new Promise((resolve) => {
          deflater.deflate(message, true, (_, output) => resolve(output));
        }),
      );
    }
    const middle = process.cpuUsage();
    for (const message of deflated) {
      await new Promise((resolve) => {
        inflater.inflate(message, true, Infinity, (_, output) => resolve(output));
      });
    }
    const end = process.cpuUsage(middle);
    const first = process.cpuUsage(start);
    inflateUs = Math.min(inflateUs, (end.user + end.system) / messages.length);
    deflateUs = Math.min(deflateUs, (first.user + first.system - end.user - end.system) / messages.length);
  }
  return `${deflateUs.toFixed(0)} / ${inflateUs.toFixed(0)}`;
}
