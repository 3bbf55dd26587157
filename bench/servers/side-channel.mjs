// What every measured server owes the bench, on stdin and stdout so that the measured port carries load only:
// one line when it listens, an answer to every line it reads (its CPU time and memory for "sample"), and its end when
// stdin ends.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

/**
 * What is going to be measured, for servers that are made differently for different workloads: the bench gives it as
 * the first argument. A server that is started by hand echoes.
 * @type {Partial<import('../workloads/workload.mjs').Workload> & { tls?: { certFile: string, keyFile: string } }}
 */
export const workload = process.argv[2]?.startsWith('{') ? JSON.parse(process.argv[2]) : { kind: 'echo' };

/** The certificate and its key as Node's TLS servers take them; nothing for a workload without TLS. */
export const tls = workload.tls && {
  cert: readFileSync(workload.tls.certFile),
  key: readFileSync(workload.tls.keyFile),
};

/**
 * @param {{ name: string, version: string, runtime?: string, note?: string, port: number, speaks?: 'websocket' | 'bytes' }} server
 *   `speaks` (default 'websocket') tells the generator whether to expect a handshake and frames.
 * @param {Readonly<Record<string, () => object>>} [answers] to questions of its own
 */
export function announce(server, answers = {}) {
  const write = (/** @type {object} */ answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      answerTo(line, answers).then(write, (error) => write({ error: String(error) }));
    })
    .on('close', () => process.exit(0));
  write({ speaks: 'websocket', runtime: `Node ${process.version}`, ...server });
}

/**
 * @param {string} line
 * @param {Readonly<Record<string, () => object>>} answers
 * @returns {Promise<object>}
 */
async function answerTo(line, answers) {
  const [command] = line.split(' ', 1);
  if (Object.hasOwn(answers, command)) return answers[command]();
  if (command === 'sample') return sample();
  if (command === 'profile') return startProfile();
  if (command === 'profiled') return writeProfile(line.slice(command.length + 1));
  if (command === 'memory') return (await import('../memory/probe.mjs')).measureMemory();
  if (command === 'snapshot')
    return (await import('../memory/probe.mjs')).writeSnapshot(line.slice(command.length + 1));
  return { error: `unknown command ${line}` };
}

/**
 * The version in a dependency's package.json.
 * @param {string} name
 * @returns {string}
 */
export function packageVersion(name) {
  return JSON.parse(readFileSync(createRequire(import.meta.url).resolve(`${name}/package.json`), 'utf8'))
    .version;
}

function sample() {
  const { user, system } = process.cpuUsage();
  return { userMicros: user, systemMicros: system, residentBytes: process.memoryUsage.rss() };
}

/** @type {import('node:inspector/promises').Session | undefined} */
let session;

async function startProfile() {
  // Only here, since not every runtime has it.
  const { Session } = await import('node:inspector/promises');
  session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 200 });
  await session.post('Profiler.start');
  return { profiling: true };
}

/** @param {string} file */
async function writeProfile(file) {
  if (!session) return { error: 'no profile was started' };
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  writeFileSync(file, JSON.stringify(profile));
  return { profiling: false };
}
