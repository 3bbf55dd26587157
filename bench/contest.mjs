// One workload between several servers: each server and its generator in processes of their own, all started first,
// then measured in turns (A B C A B C), so that a slow minute of the machine hits all of them alike.
import { cpus } from 'node:os';
import { join } from 'node:path';
import { prepareCertificate } from './process/certificate.mjs';
import { LineProcess } from './process/line-process.mjs';
import { inTurns } from './process/turns.mjs';
import { launchOf } from './servers/catalogue.mjs';

const START_TIMEOUT_MS = 15_000;
// The slowest server on a busy machine takes some milliseconds for each connection.
const OPEN_TIMEOUT_MS = 30_000;
const OPEN_ONE_TIMEOUT_MS = 20;
const VERIFY_TIMEOUT_MS = 60_000;
const SAMPLE_TIMEOUT_MS = 10_000;
const PROFILE_TIMEOUT_MS = 60_000;
// The generator itself gives up after 15 s without a byte; this is for a generator that hangs.
const RUN_GRACE_MS = 60_000;

/**
 * @typedef {object} Measurement one turn of one server
 * @property {number} messages deliveries of a fan-out, connections of handshakes
 * @property {number} seconds
 * @property {number} serverMicrosPerMessage
 * @property {number} messagesPerSecond
 * @property {number} serverBusy share of a core, 0 to 1
 * @property {number} generatorBusy share of a core, 0 to 1
 * @property {number} othersBusy share of the whole machine that neither of the two used
 * @property {number} residentBytes
 * @property {{ p50: number, p99: number, p999: number, max: number }} [latencyMicros] of `latency`
 */

/**
 * @typedef {object} Entry what one server showed in one workload
 * @property {string} server the name it was asked for by
 * @property {Record<string, any>} identity name, version, runtime, note
 * @property {number} verifiedMessages compared byte by byte, before the first turn and after the last
 * @property {number} verifiedBytes
 * @property {Measurement[]} rounds
 * @property {string} [profile] the file with the CPU profile of its rounds
 * @property {string} [failure] why there are no figures
 */

/**
 * @typedef {object} Conditions
 * @property {import('./load/generator.mjs').Generator} generator
 * @property {{ server?: number, generator?: number }} cores
 * @property {number} seconds
 * @property {number} warmUpSeconds
 * @property {number} rounds
 * @property {string} [profileDirectory]
 */

class Contestant {
  /** @type {Entry} */
  entry;
  /** @type {LineProcess} */
  #server;
  /** @type {LineProcess | undefined} */
  #generator;

  /**
   * @param {string} server
   * @param {import('./servers/catalogue.mjs').Launch} launch
   * @param {import('./workloads/workload.mjs').Workload} workload
   * @param {Conditions} conditions
   */
  constructor(server, { command, args, environment }, workload, { cores }) {
    this.entry = { server, identity: {}, verifiedMessages: 0, verifiedBytes: 0, rounds: [] };
    const allArgs = [...args, JSON.stringify(forServer(workload))];
    this.#server = new LineProcess(`server ${server}`, command, allArgs, cores.server, environment);
  }

  /**
   * @param {import('./workloads/workload.mjs').Workload} workload
   * @param {Conditions} conditions
   */
  async prepare(workload, { generator, cores, warmUpSeconds }) {
    const { port, speaks, ...identity } = await this.#server.next(START_TIMEOUT_MS);
    this.entry.identity = identity;
    const { kind, connections, messageType, messageBytes, depth, cuts, rate } = workload;
    const address = { host: '127.0.0.1', port, speaks, encrypts: workload.isEncrypted };
    const deflates = workload.deflate !== undefined;
    const load = { kind, connections, messageType, messageBytes, depth, deflates, cuts, rate };
    const args = Object.entries({ ...address, ...load }).flatMap(([name, value]) =>
      value === undefined ? [] : `${name}=${value}`,
    );
    const label = `generator for ${this.entry.server}`;
    this.#generator = new LineProcess(
      label,
      generator.command,
      [...generator.args, ...args],
      cores.generator,
    );
    await this.#generator.next(OPEN_TIMEOUT_MS + connections * OPEN_ONE_TIMEOUT_MS);
    await this.verify();
    await this.#load(warmUpSeconds);
  }

  async verify() {
    const verified = await this.#generate('verify', VERIFY_TIMEOUT_MS);
    this.entry.verifiedMessages += verified.verifiedMessages;
    this.entry.verifiedBytes += verified.verifiedBytes;
  }

  /** @param {number} seconds */
  async measure(seconds) {
    const machineBefore = machineBusyMs();
    const before = await this.#server.ask('sample', SAMPLE_TIMEOUT_MS);
    const load = await this.#load(seconds);
    // All connections are quiet again: what the server spent in between, it spent on exactly these messages.
    const after = await this.#server.ask('sample', SAMPLE_TIMEOUT_MS);
    const machineMs = machineBusyMs() - machineBefore;
    const serverMicros = after.userMicros + after.systemMicros - before.userMicros - before.systemMicros;
    const coreMicros = load.seconds * 1e6;
    this.entry.rounds.push({
      messages: load.messages,
      seconds: load.seconds,
      serverMicrosPerMessage: serverMicros / load.messages,
      messagesPerSecond: load.messages / load.seconds,
      serverBusy: serverMicros / coreMicros,
      generatorBusy: load.cpuMicros / coreMicros,
      othersBusy:
        Math.max(0, machineMs * 1000 - serverMicros - load.cpuMicros) / (coreMicros * cpus().length),
      residentBytes: after.residentBytes,
      latencyMicros: load.latencyMicros,
    });
  }

  async startProfile() {
    await this.#server.ask('profile', SAMPLE_TIMEOUT_MS);
  }

  /** @param {string} file */
  async writeProfile(file) {
    await this.#server.ask(`profiled ${file}`, PROFILE_TIMEOUT_MS);
    this.entry.profile = file;
  }

  async stop() {
    await this.#generator?.stop();
    await this.#server.stop();
  }

  /** @param {number} seconds */
  #load(seconds) {
    return this.#generate(`run ${seconds}`, seconds * 1000 + RUN_GRACE_MS);
  }

  /**
   * @param {string} line
   * @param {number} timeoutMs
   */
  #generate(line, timeoutMs) {
    if (!this.#generator) throw new Error('the generator runs only after prepare()');
    return this.#generator.ask(line, timeoutMs);
  }
}

/**
 * @param {import('./workloads/workload.mjs').Workload} workload
 * @param {ReadonlyMap<string, URL | import('./servers/catalogue.mjs').Launch>} servers a URL is run by Node
 * @param {Conditions} given
 * @returns {Promise<Entry[]>} in the order of `servers`; one that fails keeps its reason and the others go on
 */
export async function runContest(workload, servers, given) {
  const { timeFactor = 1 } = workload;
  const conditions = {
    ...given,
    seconds: given.seconds * timeFactor,
    warmUpSeconds: given.warmUpSeconds * timeFactor,
  };
  const contestants = Array.from(servers, ([name, server]) => {
    const launch = server instanceof URL ? launchOf(server) : server;
    return new Contestant(name, launch, workload, conditions);
  });
  try {
    await inTurns(contestants, (contestant) => contestant.prepare(workload, conditions));
    const directory = conditions.profileDirectory;
    if (directory) await inTurns(contestants, (contestant) => contestant.startProfile());
    for (let round = 0; round < conditions.rounds; round++) {
      await inTurns(contestants, (contestant) => contestant.measure(conditions.seconds));
    }
    if (directory) {
      await inTurns(contestants, (contestant) => {
        const name = `${workload.name} ${contestant.entry.server}`.replaceAll(' ', '-');
        return contestant.writeProfile(join(directory, `${name}.cpuprofile`));
      });
    }
    // Again on code that is hot and on buffers that were recycled many times.
    await inTurns(contestants, (contestant) => contestant.verify());
  } finally {
    await Promise.all(contestants.map((contestant) => contestant.stop()));
  }
  return contestants.map((contestant) => contestant.entry);
}

/** @param {import('./workloads/workload.mjs').Workload} workload */
function forServer(workload) {
  if (!workload.isEncrypted) return workload;
  const tls = prepareCertificate();
  if ('problem' in tls) throw new Error(tls.problem);
  return { ...workload, tls };
}

function machineBusyMs() {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}
