// One workload between several client programs: each with an echo server of its own, all started first, then measured in
// turns (A B C A B C). The client is the measured side and has the first core to itself.
import { LineProcess } from '../process/line-process.mjs';
import { inTurns } from '../process/turns.mjs';

const START_TIMEOUT_MS = 30_000;
const VERIFY_TIMEOUT_MS = 60_000;
const SAMPLE_TIMEOUT_MS = 10_000;
// The client itself gives up after 15 s without a reply; this is for one that hangs.
const RUN_GRACE_MS = 60_000;

/**
 * @typedef {object} ClientRound one turn of one client
 * @property {number} messages
 * @property {number} seconds
 * @property {number} clientMicrosPerMessage
 * @property {number} messagesPerSecond
 * @property {number} clientBusy share of a core, 0 to 1
 * @property {number} echoBusy share of a core, 0 to 1
 */

/**
 * @typedef {object} ClientEntry what one client showed in one workload
 * @property {string} client
 * @property {Record<string, any>} identity name, version, runtime, note
 * @property {number} verifiedMessages compared with what was sent, before the first turn and after the last
 * @property {ClientRound[]} rounds
 * @property {string} [failure] why there are no figures
 */

/**
 * @typedef {object} ClientConditions
 * @property {string} echo path of the echo server
 * @property {{ server?: number, generator?: number }} cores
 * @property {number} seconds
 * @property {number} warmUpSeconds
 * @property {number} rounds
 */

class Contestant {
  /** @type {ClientEntry} */
  entry;
  #launch;
  #cores;
  #echo;
  /** @type {LineProcess | undefined} */
  #client;

  /**
   * @param {string} client
   * @param {import('../servers/catalogue.mjs').Launch} launch
   * @param {ClientConditions} conditions
   */
  constructor(client, launch, { echo, cores }) {
    this.entry = { client, identity: {}, verifiedMessages: 0, rounds: [] };
    this.#launch = launch;
    this.#cores = cores;
    this.#echo = new LineProcess(`echo server for ${client}`, echo, [], cores.generator);
  }

  /**
   * @param {import('./workloads.mjs').ClientWorkload} workload
   * @param {ClientConditions} conditions
   */
  async prepare(workload, { warmUpSeconds }) {
    const { port } = await this.#echo.next(START_TIMEOUT_MS);
    const { command, args, environment } = this.#launch;
    const settings = JSON.stringify({ port, ...workload });
    const label = `client ${this.entry.client}`;
    this.#client = new LineProcess(label, command, [...args, settings], this.#cores.server, environment);
    this.entry.identity = await this.#client.next(START_TIMEOUT_MS);
    await this.verify();
    await this.#run(warmUpSeconds);
  }

  async verify() {
    const { verifiedMessages } = await this.#ask('verify', VERIFY_TIMEOUT_MS);
    this.entry.verifiedMessages += verifiedMessages;
  }

  /** @param {number} seconds */
  async measure(seconds) {
    const before = await this.#echo.ask('sample', SAMPLE_TIMEOUT_MS);
    const { messages, seconds: taken, cpuMicros } = await this.#run(seconds);
    const after = await this.#echo.ask('sample', SAMPLE_TIMEOUT_MS);
    const echoMicros = after.userMicros + after.systemMicros - before.userMicros - before.systemMicros;
    this.entry.rounds.push({
      messages,
      seconds: taken,
      clientMicrosPerMessage: cpuMicros / messages,
      messagesPerSecond: messages / taken,
      clientBusy: cpuMicros / (taken * 1e6),
      echoBusy: echoMicros / (taken * 1e6),
    });
  }

  async stop() {
    await this.#client?.stop();
    await this.#echo.stop();
  }

  /** @param {number} seconds */
  #run(seconds) {
    return this.#ask(`run ${seconds}`, seconds * 1000 + RUN_GRACE_MS);
  }

  /**
   * @param {string} line
   * @param {number} timeoutMs
   */
  #ask(line, timeoutMs) {
    if (!this.#client) throw new Error('the client runs only after prepare()');
    return this.#client.ask(line, timeoutMs);
  }
}

/**
 * @param {import('./workloads.mjs').ClientWorkload} workload
 * @param {ReadonlyMap<string, import('../servers/catalogue.mjs').Launch>} clients
 * @param {ClientConditions} conditions
 * @returns {Promise<ClientEntry[]>} in the order of `clients`; one that fails keeps its reason and the others go on
 */
export async function runClientContest(workload, clients, conditions) {
  const contestants = Array.from(clients, ([name, launch]) => new Contestant(name, launch, conditions));
  try {
    await inTurns(contestants, (contestant) => contestant.prepare(workload, conditions));
    for (let round = 0; round < conditions.rounds; round++) {
      await inTurns(contestants, (contestant) => contestant.measure(conditions.seconds));
    }
    // Again on code that is hot and on buffers that were recycled many times.
    await inTurns(contestants, (contestant) => contestant.verify());
  } finally {
    await Promise.all(contestants.map((contestant) => contestant.stop()));
  }
  return contestants.map(({ entry }) => entry);
}
