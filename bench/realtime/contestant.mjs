// One server and its generator, each a process of its own on a core of its own.
import { LineProcess } from '../process/line-process.mjs';
import { launchOf } from '../servers/catalogue.mjs';
import { MARK } from './dialects.mjs';

const START_TIMEOUT_MS = 15_000;
const ANSWER_TIMEOUT_MS = 120_000;
// The generator itself gives up after 15 s without anything; this is for a generator that hangs.
const RUN_GRACE_MS = 60_000;

/**
 * @typedef {object} RealtimeServerProgram
 * @property {URL} file
 * @property {import('./dialects.mjs').Dialect} dialect how the generator speaks to it
 */

/**
 * @typedef {object} RealtimeRound one turn of one server
 * @property {number} messages deliveries, or calls
 * @property {number} seconds
 * @property {number} serverMicros the server's CPU time for one of them
 * @property {number} serverBusy share of a core
 * @property {number} generatorBusy share of a core
 * @property {number} payloadBytes what arrived for one of them, without WebSocket headers
 * @property {number} p50Micros from the sending of a publication to its arrival at one connection, in the middle
 * @property {number} p99Micros the same, of the slowest hundredth
 */

export class RealtimeContestant {
  /** @type {Record<string, any>} */
  identity = {};
  #server;
  #cores;
  #dialect;
  #name;
  /** @type {LineProcess | undefined} */
  #generator;
  /** @type {number} */
  #port = 0;

  /**
   * @param {string} name
   * @param {RealtimeServerProgram} program
   * @param {{ server?: number, generator?: number }} cores
   */
  constructor(name, { file, dialect }, cores) {
    const { command, args } = launchOf(file);
    this.#server = new LineProcess(`server ${name}`, command, ['--expose-gc', ...args], cores.server);
    this.#dialect = dialect;
    this.#cores = cores;
    this.#name = name;
  }

  async start() {
    this.identity = await this.#server.next(START_TIMEOUT_MS);
    this.#port = this.identity.port;
  }

  /**
   * Starts a generator with connections; the one before is gone.
   * @param {string} program
   * @param {number} connections
   * @param {Readonly<Record<string, string>>} [changes] of what the dialect says
   */
  async connect(program, connections, changes = {}) {
    await this.#generator?.stop();
    const { path, protocol, hello, ready, ping, pong, publish, call } = this.#dialect;
    const given = { path, protocol, hello, ready, ping, pong, publish, call, mark: MARK, ...changes };
    const args = Object.entries({ port: this.#port, ...given }).map(([name, value]) => `${name}=${value}`);
    this.#generator = new LineProcess(`generator for ${this.#name}`, program, args, this.#cores.generator);
    await this.#generator.next(START_TIMEOUT_MS);
    await this.open(connections);
  }

  /** @param {number} connections how many there shall be */
  async open(connections) {
    await this.#ask(`open ${connections}`, ANSWER_TIMEOUT_MS);
  }

  /** Opens one connection more, which reads nothing once it follows. */
  async stall() {
    await this.#ask('stall 1', ANSWER_TIMEOUT_MS);
  }

  /**
   * Asks the server something of its own.
   * @param {string} question
   */
  ask(question) {
    return this.#server.ask(question, ANSWER_TIMEOUT_MS);
  }

  /**
   * @param {string} command
   * @param {number} seconds
   * @returns {Promise<RealtimeRound>}
   */
  async measure(command, seconds) {
    const before = await this.#server.ask('sample', ANSWER_TIMEOUT_MS);
    const load = await this.#ask(command, seconds * 1000 + RUN_GRACE_MS);
    // Everything has arrived: what the server spent in between, it spent on exactly this.
    const after = await this.#server.ask('sample', ANSWER_TIMEOUT_MS);
    const micros = after.userMicros + after.systemMicros - before.userMicros - before.systemMicros;
    return {
      messages: load.messages,
      seconds: load.seconds,
      serverMicros: micros / load.messages,
      serverBusy: micros / (load.seconds * 1e6),
      generatorBusy: load.cpuMicros / (load.seconds * 1e6),
      payloadBytes: load.payloadBytes / load.messages,
      p50Micros: load.p50Micros,
      p99Micros: load.p99Micros,
    };
  }

  /**
   * @param {string} line
   * @param {number} timeoutMs
   */
  #ask(line, timeoutMs) {
    if (this.#generator === undefined) throw new Error('the generator runs only after connect()');
    return this.#generator.ask(line, timeoutMs);
  }

  /** @returns {Promise<import('../memory/measure.mjs').MemorySample>} */
  async memory() {
    return /** @type {any} */ (await this.#server.ask('memory', ANSWER_TIMEOUT_MS));
  }

  async startProfile() {
    await this.#server.ask('profile', ANSWER_TIMEOUT_MS);
  }

  /** @param {string} file */
  async writeProfile(file) {
    await this.#server.ask(`profiled ${file}`, ANSWER_TIMEOUT_MS);
  }

  async stop() {
    await this.#generator?.stop();
    await this.#server.stop();
  }
}
