// Feeds the built protocol core (dist/protocol.js) with random, mutated and valid streams for a bounded time and holds
// it to what must be true of any input: nothing is thrown, no more is retained than the limit says, memory goes back,
// whole and split input mean the same, valid streams arrive as they were sent, and all that inflates here agrees.
//   node fuzz/protocol-fuzz.mjs [--seconds N] [--seed S] [--library PATH]
// Prints the seed and a closing line. A failing input is printed in hexadecimal, and the exit code is 1.

import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { constants, deflateRawSync } from 'node:zlib';
import { inflatingWays, openCodecs } from './protocol-fuzz/codecs.mjs';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 0x7fff_ffff) },
    library: { type: 'string', default: new URL('../dist/protocol.js', import.meta.url).pathname },
  },
});
const seconds = Number(options.seconds);
const seed = Number(options.seed);
if (!(seconds > 0) || !Number.isInteger(seed)) {
  console.error(
    `--seconds is ${options.seconds}, expected a number above 0; --seed is ${options.seed}, expected an integer`,
  );
  process.exit(2);
}
const library = pathToFileURL(options.library).href;
const { MemoryBudget, PreparedMessage, Protocol } = await import(library);
const codecs = await openCodecs(library);
const { startPoisoning } = await import(new URL('./base/poison.js', library).href);
startPoisoning();

// A small generator with a seed (mulberry32): the same seed plays the same inputs.
let state = seed >>> 0;
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
}
const below = (count) => Math.floor(random() * count);
const chance = (share) => random() < share;
const pick = (list) => list[below(list.length)];

function randomBytes(length) {
  return Uint8Array.from({ length }, () => below(256));
}

function randomText(length) {
  const ranges = [
    [0x20, 0x7f],
    [0x80, 0x800],
    [0x800, 0xd800],
    [0x1_0000, 0x11_0000],
  ];
  let text = '';
  for (let count = 0; count < length; count++) {
    const [from, to] = pick(ranges);
    text += String.fromCodePoint(from + below(to - from));
  }
  return text;
}

// Borders of the length forms and of the staging buffers come up often.
function randomLength() {
  const length = pick([0, 1, below(20), below(200), 125, 126, 127, below(3000)]);
  return chance(0.005) ? pick([8191, 8192, 65_535, 65_536]) : length;
}

/** Events for a message of an error: the start of each. */
const listed = (events) =>
  events.map((event) => (event.length > 60 ? `${event.slice(0, 57)}...` : event)).join(', ');

const hex = (bytes) => Buffer.from(bytes).toString('hex');

class Recorder {
  events = [];
  onEvent = () => {};

  add(...event) {
    this.events.push(event.join(' '));
    this.onEvent();
  }

  text(message) {
    this.add('text', message);
  }
  binary(message) {
    this.add('binary', hex(message));
  }
  messageStart(type) {
    this.add('start', type);
  }
  messageChunk(bytes) {
    this.add('chunk', hex(bytes));
  }
  messageEnd() {
    this.add('end');
  }
  ping(payload) {
    this.add('ping', hex(payload));
  }
  pong(payload) {
    this.add('pong', hex(payload));
  }
  close(code, reason) {
    this.add('close', code, reason);
  }
  failure(error) {
    this.add('failure', error.code, error.closeCode);
  }
  outputReady() {}
}

/** A valid stream of the role, and what the other side hears of it. */
function validStream(role, extension) {
  const expected = [];
  const sender = new Protocol(
    { role, ...(extension === undefined ? {} : { extension: codecs.extension(extension, false) }) },
    new Recorder(),
  );
  const send = {
    text: () => {
      const text = randomText(Math.min(3000, randomLength()));
      if (chance(0.3)) sender.sendPrepared(new PreparedMessage(text));
      else sender.sendText(text);
      expected.push(`text ${text}`);
    },
    binary: () => {
      const bytes = randomBytes(randomLength());
      sender.sendBinary(bytes);
      expected.push(`binary ${hex(bytes)}`);
    },
    fragments: () => {
      const text = randomText(below(60));
      const bytes = new TextEncoder().encode(text);
      const type = chance(0.5) ? 'text' : 'binary';
      let start = 0;
      while (chance(0.7)) {
        const end = start + below(bytes.length - start + 1);
        sender.sendFragment(type, bytes.subarray(start, end), false);
        start = end;
        if (chance(0.3)) send.ping();
      }
      sender.sendFragment(type, bytes.subarray(start), true);
      expected.push(type === 'text' ? `text ${text}` : `binary ${hex(bytes)}`);
    },
    ping: () => {
      const payload = randomBytes(below(126));
      sender.ping(payload);
      expected.push(`ping ${hex(payload)}`);
    },
    pong: () => {
      const payload = randomBytes(below(126));
      sender.pong(payload);
      expected.push(`pong ${hex(payload)}`);
    },
  };
  for (let count = 1 + below(8); count > 0; count--) pick(Object.values(send))();
  if (chance(0.5)) {
    sender.close(3000 + below(2000), 'end');
    expected.push('close');
  }
  // Its deflater works at once, so everything is in the output.
  const chunks = [];
  sender.flush({
    write: (parts) => {
      for (const part of parts) chunks.push(part.slice());
      return true;
    },
  });
  sender.dispose();
  return { bytes: Uint8Array.from(Buffer.concat(chunks)), expected };
}

/** Frames around compressed data that something has happened to. */
function garbledStream(role) {
  const frames = [];
  for (let count = 1 + below(4); count > 0; count--) {
    const plain = chance(0.5) ? Buffer.from(randomText(below(500))) : randomBytes(below(300));
    const flush = pick([
      constants.Z_SYNC_FLUSH,
      constants.Z_FULL_FLUSH,
      constants.Z_FINISH,
      constants.Z_BLOCK,
    ]);
    const strategy = below(5);
    const data = deflateRawSync(plain, { finishFlush: flush, level: below(10), strategy });
    const cut = data.subarray(0, Math.max(0, data.length - pick([0, 4, 4, 4, below(8)])));
    const payload = chance(0.6) ? mutated(cut) : cut;
    const firstByte = pick([0xc1, 0xc2, 0x41, 0x42, 0x80, 0x00]);
    const maskBit = role === 'client' ? 0x80 : 0;
    const length =
      payload.length < 126
        ? [payload.length | maskBit]
        : [126 | maskBit, payload.length >> 8, payload.length & 255];
    frames.push(Uint8Array.of(firstByte, ...length, ...(maskBit === 0 ? [] : [0, 0, 0, 0])), payload);
  }
  return Uint8Array.from(Buffer.concat(frames));
}

function mutated(bytes) {
  let list = Array.from(bytes);
  for (let count = 1 + below(4); count > 0 && list.length > 0; count--) {
    const at = chance(0.5) ? below(Math.min(40, list.length)) : below(list.length);
    const kind = below(6);
    if (kind <= 2) list[at] ^= 1 << below(8);
    else if (kind === 3) list.splice(at, below(4), ...randomBytes(below(4)));
    else if (kind === 4) list.splice(at, 0, ...list.slice(at, at + below(40)));
    else list = list.slice(0, at);
  }
  return Uint8Array.from(list);
}

const KiB = 1024;
const wideLimits = { maxMessageBytes: 128 * KiB, maxRetainedBytes: 1024 * KiB };
const smallLimits = {
  maxMessageBytes: 2000,
  maxFrameBytes: 1000,
  maxFragments: 6,
  maxRetainedBytes: 8 * KiB,
};

function require(isTrue, claim) {
  if (!isTrue) throw new Error(claim);
}

/** Plays the bytes, cut by `nextLength`, with pauses and a slow codec if wanted; gives the events. */
async function play(role, bytes, nextLength, { extension, isAsync, isStreamed, doesPause, hasSmallLimits }) {
  const limits = hasSmallLimits ? smallLimits : wideLimits;
  const { maxRetainedBytes } = limits;
  const budget = new MemoryBudget(maxRetainedBytes);
  const recorder = new Recorder();
  const agreed = extension === undefined ? undefined : codecs.extension(extension, isAsync);
  const protocol = new Protocol(
    { role, budget, limits, isStreamed, ...(agreed === undefined ? {} : { extension: agreed }) },
    recorder,
  );
  let shouldPause = false;
  recorder.onEvent = () => {
    shouldPause = doesPause && !shouldPause;
    if (shouldPause) protocol.pause();
  };
  const proceed = async () => {
    while (agreed?.inflater.isPending) await agreed.inflater.settle();
    protocol.resume();
  };
  for (let offset = 0; offset < bytes.length; ) {
    const end = offset + nextLength();
    const chunk = bytes.slice(offset, end);
    offset = end;
    protocol.receive(chunk);
    chunk.fill(0xdb);
    require(protocol.retainedBytes <= maxRetainedBytes, `${protocol.retainedBytes} bytes retained`);
    require(budget.retainedBytes ===
      protocol.retainedBytes, 'the budget counts otherwise than the connection');
    for (let tries = 0; protocol.hasWaitingInput || agreed?.inflater.isPending; tries++) {
      require(tries <= bytes.length + 10, 'input waits forever');
      await proceed();
    }
  }
  const over = recorder.events.findIndex((event) => /^(close|failure) /.test(event));
  require(over === -1 || over === recorder.events.length - 1, 'something was delivered after the end');
  if (over !== -1) require(protocol.retainedBytes === 0, 'memory retained after the end');
  protocol.flush({ write: () => true });
  protocol.dispose();
  require(budget.retainedBytes === 0, 'memory retained after dispose');
  return recorder.events;
}

function randomDeflate() {
  return {
    windowBits: 8 + below(8),
    hasTakeover: chance(0.5),
    level: 1 + below(9),
    memLevel: 1 + below(9),
  };
}

let current = new Uint8Array(0);
let currentSetting = '';
let inputs = 0;
let deflated = 0;
let inputBytes = 0;

async function round() {
  const role = pick(['client', 'server']);
  const setting = {
    extension: chance(0.5) ? undefined : chance(0.3) ? 'xor' : randomDeflate(),
    isAsync: chance(0.5),
    isStreamed: chance(0.3),
    doesPause: chance(0.3),
    hasSmallLimits: chance(0.3),
  };
  const valid = validStream(role === 'client' ? 'server' : 'client', setting.extension);
  const isDeflate = typeof setting.extension === 'object';
  const kind = pick(['valid', 'mutated', 'mutated', isDeflate ? 'garbled' : 'random']);
  if (kind === 'valid') current = valid.bytes;
  else if (kind === 'mutated') current = mutated(valid.bytes);
  else
    current =
      kind === 'garbled' ? garbledStream(role === 'client' ? 'server' : 'client') : randomBytes(below(200));
  currentSetting = JSON.stringify({ role, kind, ...setting });
  inputs++;
  if (isDeflate) deflated++;
  inputBytes += current.length;
  const whole = await play(role, current, () => current.length, setting);
  const split = await play(role, current, () => 1 + below(pick([2, 20, 2000])), setting);
  // What waits depends on how the input is cut, and so does whether it is too much; all else does not.
  const isExhausted = (events) => events.at(-1)?.includes('WS_MEMORY_EXHAUSTED') ?? false;
  const isUnreadable = (events) => events.at(-1)?.includes('WS_CODEC_FAILED') ?? false;
  const isComparable = !setting.isStreamed && !isExhausted(whole);
  if (isComparable && !isExhausted(split)) {
    require(whole.join('\n') === split.join('\n'), `whole: ${listed(whole)}; split: ${listed(split)}`);
  }
  if (isComparable && current.length < 3000) {
    const single = await play(role, current, () => 1, setting);
    require(isExhausted(single) ||
      whole.join('\n') === single.join('\n'), `whole: ${listed(whole)}; by bytes: ${listed(single)}`);
  }
  if (isDeflate && isComparable) {
    for (const way of inflatingWays) {
      const other = await play(role, current, () => current.length, {
        ...setting,
        extension: { ...setting.extension, way },
        isAsync: !setting.isAsync,
      });
      // Our own inflater notices also such messages cut short whose missing end 00 00 ff ff happens to make up for.
      const isStricter = way === 'portable' && kind !== 'valid' && isUnreadable(other);
      require(isExhausted(other) ||
        isStricter ||
        whole.join('\n') === other.join('\n'), `live: ${listed(whole)}; ${way}: ${listed(other)}`);
    }
  }
  require(codecs.keptBytes() === 0, 'compression keeps memory of connections that are gone');
  if (kind === 'valid' && !setting.isStreamed && !setting.hasSmallLimits) {
    const heard = whole.map((event) => (event.startsWith('close ') ? 'close' : event));
    require(heard.join('\n') ===
      valid.expected.join('\n'), `sent: ${listed(valid.expected)}; heard: ${listed(heard)}`);
  }
}

console.log(`protocol-fuzz: seed ${seed}, ${seconds} s`);
const end = performance.now() + seconds * 1000;
try {
  while (performance.now() < end) await round();
  console.log(
    `protocol-fuzz: passed, ${inputs} inputs (${deflated} compressed), ${inputBytes} bytes, seed ${seed}`,
  );
} catch (error) {
  console.error(`protocol-fuzz: FAILED with ${currentSetting}\n${error.stack}\ninput: ${hex(current)}`);
  console.error(`protocol-fuzz: failed, again with --seed ${seed}`);
  // Not exit(): the input may be longer than what a pipe takes at once.
  process.exitCode = 1;
}
