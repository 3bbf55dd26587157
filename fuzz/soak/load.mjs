// The clients of the soak: steady ones that send and get echoes, ones that come and go, slow readers, and all of them hear
// what is published. Every message that comes back is compared. Runs in a process of its own and tells its parent what
// it has done and what memory it keeps.

import { sampleMemory } from './memory.mjs';

const [, , library, url, sampleSeconds, seed] = process.argv;
const { connect } = await import(library);

let state = Number(seed) >>> 0;
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
}
const below = (count) => Math.floor(random() * count);
const pick = (list) => list[below(list.length)];

const words = ['price', 'volume', 'alpha', 'größe', 'beta', '中文', '"id":', '1234', 'true', ', '];
const corpus = Array.from({ length: 40_000 }, () => pick(words)).join(' ');

function message() {
  const share = random();
  const length = share < 0.7 ? 20 + below(180) : share < 0.95 ? 1000 + below(3000) : 20_000 + below(44_000);
  const from = below(corpus.length - length);
  const text = corpus.slice(from, from + length);
  return random() < 0.5 ? text : new TextEncoder().encode(text);
}

const counts = { opened: 0, closed: 0, echoes: 0, heard: 0 };

function fail(claim) {
  process.send?.({ failure: claim });
}

const isSame = (one, other) =>
  typeof one === 'string' ? one === other : typeof other !== 'string' && Buffer.compare(one, other) === 0;

const compressions = [
  false,
  { thresholdBytes: 64 },
  { thresholdBytes: 64, serverNoContextTakeover: false, clientNoContextTakeover: false },
];

/** A client that knows which echoes have to come, in which order. */
class Client {
  #expected = [];
  #lastHeard = 0;
  #connection;
  isOpen = false;

  async open(path) {
    const perMessageDeflate = compressions[(counts.opened += 1) % compressions.length];
    this.#connection = await connect(
      `${url}${path}`,
      { perMessageDeflate, pingIntervalMs: 5000 },
      {
        message: (_, content) => this.#received(content, path.includes('slow')),
        close: (_, info) => {
          this.isOpen = false;
          counts.closed++;
          if (info.cause !== undefined && info.cause.code !== 'WS_TERMINATED') fail(String(info.cause));
        },
      },
    );
    this.isOpen = true;
  }

  send() {
    const content = message();
    this.#expected.push(content);
    if (random() < 0.8) {
      void this.#connection.send(content);
      return;
    }
    const type = typeof content === 'string' ? 'text' : 'binary';
    const half = content.length >> 1;
    void this.#connection.sendFragment(content.slice(0, half), { fin: false, type });
    void this.#connection.sendFragment(content.slice(half), { fin: true, type });
  }

  pauseFor(ms) {
    this.#connection.pause();
    setTimeout(() => this.#connection.resume(), ms);
  }

  leave() {
    if (random() < 0.3) this.#connection.terminate();
    else void this.#connection.close();
  }

  #received(content, mayMiss) {
    // What is published begins with its number.
    const number = typeof content === 'string' ? /^#(\d+) /.exec(content)?.[1] : undefined;
    if (number === undefined) {
      if (isSame(this.#expected.shift(), content)) counts.echoes++;
      else fail('an echo is not what was sent');
      return;
    }
    counts.heard++;
    const isNext = Number(number) === this.#lastHeard + 1 || this.#lastHeard === 0;
    if (!isNext && !(mayMiss && Number(number) > this.#lastHeard)) {
      fail(`heard number ${number} behind ${this.#lastHeard}`);
    }
    this.#lastHeard = Number(number);
  }
}

const steady = [];
for (let count = 0; count < 60; count++) {
  const client = new Client();
  await client.open('/');
  steady.push(client);
}
const slow = [];
for (const whenSlow of ['drop', 'latest', 'close']) {
  for (let count = 0; count < 3; count++) {
    const client = new Client();
    await client.open(`/?slow=${whenSlow}`);
    slow.push(client);
  }
}

async function visit() {
  const client = new Client();
  await client.open('/');
  for (let count = below(4); count > 0; count--) client.send();
  setTimeout(() => client.leave(), below(1500));
}

// 240 messages and 20 visitors a second, and three readers that stop for two seconds.
setInterval(() => {
  for (let count = 0; count < 12; count++) pick(steady).send();
  visit().catch((error) => fail(String(error)));
}, 50);
setInterval(() => {
  for (const client of slow) if (random() < 0.5) client.pauseFor(2000);
}, 3000);
setInterval(() => {
  sampleMemory().then(
    (memory) => process.send?.({ memory, counts }),
    (error) => fail(String(error)),
  );
}, Number(sampleSeconds) * 1000);
process.on('disconnect', () => process.exit());
