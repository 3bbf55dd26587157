// What every measured client program has in common: the settings of its workload, lines on stdin and stdout, and a
// fixed number of messages in flight on each connection. A program says only how its library opens, sends and receives.
import { createInterface } from 'node:readline';

const STALLED_AFTER_MS = 15_000;

/** @typedef {Uint8Array | string} Data */

/**
 * @callback Open
 * @param {string} url
 * @param {(data: ArrayBuffer | Data) => void} receive to be called for each message
 * @returns {Promise<(data: Data) => unknown>} how to send, once the connection is open
 */

/** @type {{ port: number } & import('../workloads.mjs').ClientWorkload} */
const { port, connections: connectionCount, messageType, messageBytes, depth } = JSON.parse(process.argv[2]);

/** @param {object} answer */
const write = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

/**
 * Content that a seed names; the first characters are the seed itself, so that no two are alike.
 * @param {number} seed
 * @returns {Data}
 */
function payload(seed) {
  const letters = Array.from({ length: messageBytes }, (_, at) => 0x20 + ((seed * 31 + at * 7) % 0x5f));
  const text = String.fromCharCode(...letters);
  const named = `${seed}:`.slice(0, messageBytes);
  const whole = named + text.slice(named.length);
  return messageType === 'text' ? whole : new TextEncoder().encode(whole);
}

// One for all: encoding and masking it is the client's work, making it is not.
const message = payload(0);

let isRunning = false;
let replies = 0;
let outstanding = 0;
/** @type {() => void} */
let settle = () => {};

class LoadConnection {
  /** @type {(data: Data) => unknown} */
  send = () => {};
  #number;
  #outstanding = 0;
  /** @type {Data[] | undefined} what has to come back, while verifying */
  #expected;

  /** @param {number} number */
  constructor(number) {
    this.#number = number;
  }

  start() {
    for (let count = 0; count < depth; count++) this.#sendOne(message);
  }

  verify() {
    const expected = Array.from({ length: depth }, (_, index) => payload(this.#number * depth + index + 1));
    this.#expected = expected;
    for (const data of expected) this.#sendOne(data);
  }

  /** @param {ArrayBuffer | Data} data */
  receive(data) {
    if (this.#expected !== undefined) this.#compare(data);
    if (this.#outstanding === 0) throw new Error(`connection ${this.#number}: more replies than messages`);
    this.#outstanding--;
    outstanding--;
    replies++;
    if (isRunning) this.#sendOne(message);
    else if (outstanding === 0) settle();
  }

  /** @param {Data} data */
  #sendOne(data) {
    this.#outstanding++;
    outstanding++;
    this.send(data);
  }

  /** @param {ArrayBuffer | Data} data */
  #compare(data) {
    const expected = this.#expected?.shift();
    if (asText(data) !== asText(expected)) {
      fail(`verification failed on connection ${this.#number}: a reply is not what was sent`);
    }
    if (this.#expected?.length === 0) this.#expected = undefined;
  }
}

/** @param {ArrayBuffer | Data | undefined} data */
function asText(data) {
  if (data === undefined) return 'nothing';
  if (typeof data === 'string') return `text ${data}`;
  const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
  return `binary ${Buffer.from(bytes).toString('latin1')}`;
}

/** @param {string} text */
function fail(text) {
  process.stdout.write(`${JSON.stringify({ error: text })}\n`, () => process.exit(1));
}

/** @returns {Promise<void>} when every message has its reply */
function settled() {
  return new Promise((resolve) => {
    let seen = -1;
    const watch = setInterval(() => {
      if (seen === replies) fail(`no reply for ${STALLED_AFTER_MS} ms while ${outstanding} are missing`);
      seen = replies;
    }, STALLED_AFTER_MS);
    settle = () => {
      clearInterval(watch);
      resolve();
    };
  });
}

/**
 * Opens the connections and then does what the bench asks for, until stdin ends.
 * @param {{ name: string, version: string, note?: string, runtime?: string }} identity
 * @param {Open} open
 */
export async function runLoadClient(identity, open) {
  const connections = Array.from({ length: connectionCount }, (_, number) => new LoadConnection(number));
  for (const connection of connections) {
    connection.send = await open(`ws://127.0.0.1:${port}/`, (data) => connection.receive(data));
  }
  write({ runtime: `Node ${process.version}`, ...identity });
  for await (const line of createInterface({ input: process.stdin })) {
    const before = replies;
    if (line === 'verify') {
      for (const connection of connections) connection.verify();
      await settled();
      write({ verifiedMessages: replies - before });
    } else {
      const cpu = process.cpuUsage();
      const start = performance.now();
      isRunning = true;
      setTimeout(() => (isRunning = false), Number(line.split(' ')[1]) * 1000);
      for (const connection of connections) connection.start();
      await settled();
      const { user, system } = process.cpuUsage(cpu);
      const seconds = (performance.now() - start) / 1000;
      write({
        messages: replies - before,
        seconds,
        cpuMicros: user + system,
        residentBytes: process.memoryUsage.rss(),
      });
    }
  }
  process.exit(0);
}
