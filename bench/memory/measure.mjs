// One server in one state: a fresh process, a sample with a few connections, a sample with many more, and the
// difference for each of those. What only the first connections cost (code, pools) is in neither.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { settled } from './settled.mjs';
import { LineProcess } from '../process/line-process.mjs';

const ANSWER_TIMEOUT_MS = 120_000;
const HOLDER = fileURLToPath(new URL('holder.mjs', import.meta.url));
const SAMPLES = /** @type {const} */ ([
  'residentBytes',
  'heapUsedBytes',
  'heapTotalBytes',
  'externalBytes',
  'arrayBufferBytes',
]);

/**
 * @typedef {object} MemorySample after garbage collection
 * @property {number} residentBytes
 * @property {number} heapUsedBytes
 * @property {number} heapTotalBytes
 * @property {number} externalBytes memory outside the heap that the heap's objects hold, ArrayBuffers included
 * @property {number} arrayBufferBytes
 */

/**
 * @typedef {object} MemoryRound
 * @property {MemorySample} before with `settledConnections`
 * @property {MemorySample} idle with all of them
 * @property {MemorySample} closed when all are gone
 * @property {MemorySample} perConnection
 * @property {MemorySample} leftPerConnection what stays when all are gone
 */

/**
 * @typedef {object} MemorySettings
 * @property {number} connections
 * @property {number} settledConnections opened before the first sample
 * @property {{ server?: number, generator?: number }} cores
 * @property {string} [snapshotDirectory]
 */

/**
 * @param {string} label
 * @param {import('../servers/catalogue.mjs').Launch} launch
 * @param {import('./states.mjs').MemoryState} state
 * @param {MemorySettings} settings
 * @returns {Promise<MemoryRound & { identity: Record<string, any>, snapshots: string[] }>}
 */
export async function measureState(
  label,
  launch,
  state,
  { connections, settledConnections, cores, snapshotDirectory },
) {
  // The probe in the server has to be able to collect garbage; other runtimes than Node bring their own way.
  const flags = launch.command === process.execPath ? ['--expose-gc'] : [];
  const args = [...flags, ...launch.args, JSON.stringify(state.workload)];
  const server = new LineProcess(`server ${label}`, launch.command, args, cores.server, launch.environment);
  const isJavaScript = launch.args.some((argument) => argument.endsWith('.mjs'));
  /** @type {LineProcess | undefined} */
  let holder;
  try {
    const { port, speaks, ...identity } = await server.next(ANSWER_TIMEOUT_MS);
    const { extensions, messageBytes } = state;
    const holderArgs = Object.entries({ host: '127.0.0.1', port, speaks, extensions, messageBytes });
    holder = new LineProcess(
      `holder for ${label}`,
      process.execPath,
      [HOLDER, ...holderArgs.map(([name, value]) => `${name}=${value}`)],
      cores.generator,
    );
    await holder.next(ANSWER_TIMEOUT_MS);
    /** @type {string[]} */
    const snapshots = [];
    /** @param {string} name */
    const sample = async (name) => {
      const answer = await sampleMemory(server, isJavaScript);
      if (snapshotDirectory) {
        const path = join(
          snapshotDirectory,
          `${label} ${state.name} ${name}.heapsnapshot`.replaceAll(' ', '-'),
        );
        await server.ask(`snapshot ${path}`, ANSWER_TIMEOUT_MS);
        snapshots.push(path);
      }
      return answer;
    };
    /** @param {number} count */
    const openUpTo = async (count) => {
      await holder?.ask(`open ${count}`, ANSWER_TIMEOUT_MS);
      if (messageBytes > 0) await holder?.ask('message', ANSWER_TIMEOUT_MS);
    };
    await openUpTo(settledConnections);
    const before = await sample('before');
    await openUpTo(settledConnections + connections);
    const idle = await sample('idle');
    await holder.ask('close', ANSWER_TIMEOUT_MS);
    const closed = await sampleMemory(server, isJavaScript);
    return {
      identity,
      snapshots,
      before,
      idle,
      closed,
      perConnection: perConnection(before, idle, connections),
      leftPerConnection: perConnection(before, closed, connections),
    };
  } finally {
    await holder?.stop();
    await server.stop();
  }
}

/**
 * @param {LineProcess} server
 * @param {boolean} isJavaScript whether it has the probe, or only a resident size that somebody has to wait for
 * @returns {Promise<MemorySample>}
 */
async function sampleMemory(server, isJavaScript) {
  if (isJavaScript) return /** @type {MemorySample} */ (await server.ask('memory', ANSWER_TIMEOUT_MS));
  const residentBytes = await settled(
    async () => (await server.ask('sample', ANSWER_TIMEOUT_MS)).residentBytes,
  );
  const unknown = Number.NaN;
  return {
    residentBytes,
    heapUsedBytes: unknown,
    heapTotalBytes: unknown,
    externalBytes: unknown,
    arrayBufferBytes: unknown,
  };
}

/**
 * @param {MemorySample} from
 * @param {MemorySample} to
 * @param {number} connections
 * @returns {MemorySample}
 */
function perConnection(from, to, connections) {
  const differences = SAMPLES.map((name) => [name, (to[name] - from[name]) / connections]);
  return /** @type {MemorySample} */ (Object.fromEntries(differences));
}
