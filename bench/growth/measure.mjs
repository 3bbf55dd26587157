// How each curve is measured: with the contest of `npm run bench` for messages, with that of `npm run bench:memory` for
// memory, and with a program of its own for topics. One call gives all series of a curve at one
// point, once for each round.
import { fileURLToPath } from 'node:url';
import { runContest } from '../contest.mjs';
import { measureState } from '../memory/measure.mjs';
import { memoryStates } from '../memory/states.mjs';
import { LineProcess } from '../process/line-process.mjs';
import { launchOf } from '../servers/catalogue.mjs';

const ANSWER_TIMEOUT_MS = 120_000;
const SETTLED_CONNECTIONS = 50;

/** @typedef {Record<string, number>} Values by series */

/** @typedef {import('../contest.mjs').Conditions} Conditions */

/** @type {Readonly<Record<string, (x: number, conditions: Conditions) => Promise<Values[]>>>} */
export const measurements = {
  'echo-by-connections': (connections, conditions) =>
    contest(
      { connections, messageBytes: 20 },
      { fullduplex: serverLaunch('fullduplex'), ws: serverLaunch('ws') },
      conditions,
    ),
  'echo-by-message-bytes': (messageBytes, conditions) =>
    contest(
      { connections: 8, messageBytes },
      { fullduplex: launchOf(new URL('servers/large.mjs', import.meta.url)), ws: serverLaunch('ws') },
      conditions,
    ),
  'fan-out-by-subscribers': fanOut,
  'memory-by-connections': (connections, conditions) =>
    eachRound(conditions, () => memory(connections, conditions)),
  topics: (count, conditions) =>
    eachRound(conditions, async () => {
      const { subscribeMicros, publishMicros, unsubscribeMicros } = await topics(count, conditions);
      return { subscribe: subscribeMicros, publish: publishMicros, unsubscribe: unsubscribeMicros };
    }),
  'memory-by-topics': (count, conditions) =>
    eachRound(conditions, async () => ({ heap: (await topics(count, conditions)).heapBytesPerTopic })),
};

/**
 * @param {Conditions} conditions
 * @param {() => Promise<Values>} measure
 */
async function eachRound({ rounds }, measure) {
  const values = [];
  for (let round = 0; round < rounds; round++) values.push(await measure());
  return values;
}

/** @param {'fullduplex' | 'ws'} name */
const serverLaunch = (name) => launchOf(new URL(`../servers/${name}.mjs`, import.meta.url));

/**
 * @param {Pick<import('../workloads/workload.mjs').Workload, 'connections' | 'messageBytes'> & Partial<import('../workloads/workload.mjs').Workload>} workload
 * @param {Record<string, import('../servers/catalogue.mjs').Launch>} servers
 * @param {Conditions} conditions
 * @returns {Promise<Values[]>} microseconds per message
 */
async function contest(workload, servers, conditions) {
  const entries = await runContest(
    {
      kind: 'echo',
      name: 'growth',
      isShort: false,
      servers: [],
      messageType: 'binary',
      depth: 1,
      ...workload,
    },
    new Map(Object.entries(servers)),
    conditions,
  );
  const failure = entries.find((entry) => entry.failure)?.failure;
  if (failure) throw new Error(failure);
  return Array.from({ length: conditions.rounds }, (_, round) =>
    Object.fromEntries(entries.map(({ server, rounds }) => [server, rounds[round].serverMicrosPerMessage])),
  );
}

/**
 * @param {number} connections
 * @param {Conditions} conditions
 */
async function fanOut(connections, conditions) {
  const workload = /** @type {const} */ ({
    kind: 'fan-out',
    connections,
    messageType: 'text',
    messageBytes: 100,
  });
  const one = await contest(
    { ...workload, depth: 1 },
    { one: serverLaunch('fullduplex'), 'ws, one': serverLaunch('ws') },
    conditions,
  );
  const sixteen = await contest(
    { ...workload, depth: 16 },
    { sixteen: serverLaunch('fullduplex') },
    conditions,
  );
  return one.map((values, round) => ({ ...values, ...sixteen[round] }));
}

/**
 * @param {number} connections
 * @param {Conditions} conditions
 */
async function memory(connections, { cores }) {
  const state = memoryStates.find(({ name }) => name === 'message');
  if (!state) throw new Error('the memory bench has no state "message"');
  const settings = { connections, settledConnections: SETTLED_CONNECTIONS, cores };
  /** @type {Values} */
  const values = {};
  for (const name of /** @type {const} */ (['fullduplex', 'ws'])) {
    const { perConnection } = await measureState(name, serverLaunch(name), state, settings);
    values[`${name} heap`] = perConnection.heapUsedBytes / 1024;
    values[`${name} resident`] = perConnection.residentBytes / 1024;
  }
  return values;
}

/**
 * @param {number} count
 * @param {Conditions} conditions
 */
async function topics(count, { cores }) {
  const program = fileURLToPath(new URL('programs/topics.mjs', import.meta.url));
  const server = new LineProcess('topics', process.execPath, ['--expose-gc', program], cores.server);
  /** @type {LineProcess | undefined} */
  let holder;
  try {
    const { port } = await server.next(ANSWER_TIMEOUT_MS);
    const args = [
      fileURLToPath(new URL('../memory/holder.mjs', import.meta.url)),
      'host=127.0.0.1',
      `port=${port}`,
      'messageBytes=0',
    ];
    holder = new LineProcess('subscriber', process.execPath, args, cores.generator);
    await holder.next(ANSWER_TIMEOUT_MS);
    await holder.ask('open 1', ANSWER_TIMEOUT_MS);
    return await server.ask(`topics ${count}`, ANSWER_TIMEOUT_MS);
  } finally {
    await holder?.stop();
    await server.stop();
  }
}
