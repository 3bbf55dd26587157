// What topics cost our server as their number grows: one connection over a real socket subscribes to all of them, each
// gets messages, and it leaves them again. The process measures itself, since the calls are its own.
import { createInterface } from 'node:readline';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { serve } from 'fullduplex';
import { measureMemory } from '../../memory/probe.mjs';
import { packageVersion } from '../../servers/side-channel.mjs';

/** Enough calls for the clock of the process, however few topics there are. */
const LEAST_CALLS = 200_000;
const CLOCK_CALLS = 50_000;
/** As much as a socket takes at once, so that no queue is what is measured. */
const PUBLISHES_PER_TURN = 200;
const PUBLISHES = 20_000;
const MESSAGE = 'twenty bytes of news';

/** @type {import('fullduplex').ServerConnection<undefined> | undefined} */
let subscriber;
const server = await serve(
  { host: '127.0.0.1', port: 0 },
  {
    open(connection) {
      subscriber = connection;
    },
  },
);

/** @param {object} answer */
const write = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

/** @param {() => void | Promise<void>} work */
async function microsOf(work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** What asking the clock costs itself: with one topic it would be most of what is seen. */
async function clockMicros() {
  let micros = 0;
  for (let call = 0; call < CLOCK_CALLS; call++) micros += await microsOf(() => {});
  return micros / CLOCK_CALLS;
}

/** @param {number} count */
async function measure(count) {
  const connection = subscriber;
  if (!connection) throw new Error('there is no connection yet');
  const topics = Array.from({ length: count }, (_, index) => `/rooms/${index}/messages`);
  const repetitions = Math.ceil(LEAST_CALLS / count);
  const subscribe = () => {
    for (const topic of topics) connection.subscribe(topic);
  };
  const unsubscribe = () => {
    for (const topic of topics) connection.unsubscribe(topic);
  };
  // As often as it is measured: compiled, and with the memory that it needs.
  for (let repetition = 0; repetition < repetitions; repetition++) {
    subscribe();
    unsubscribe();
  }
  await clockMicros();
  const clock = await clockMicros();
  let subscribeMicros = 0;
  let unsubscribeMicros = 0;
  for (let repetition = 0; repetition < repetitions; repetition++) {
    subscribeMicros += await microsOf(subscribe);
    unsubscribeMicros += await microsOf(unsubscribe);
  }
  const before = await measureMemory();
  subscribe();
  const after = await measureMemory();
  let published = 0;
  const publish = async () => {
    for (const last = published + PUBLISHES; published < last; ) {
      for (let left = PUBLISHES_PER_TURN; left > 0; left--) {
        // Strides of a prime: neighbours in time are not neighbours in memory.
        const receivers = server.publish(topics[(published++ * 7919) % count], MESSAGE);
        if (receivers !== 1) throw new Error(`a message went to ${receivers} subscribers instead of one`);
      }
      await nextTurn();
    }
  };
  await publish();
  const publishMicros = await microsOf(publish);
  unsubscribe();
  const perCall = (/** @type {number} */ micros) => (micros / repetitions - clock) / count;
  return {
    subscribeMicros: perCall(subscribeMicros),
    unsubscribeMicros: perCall(unsubscribeMicros),
    publishMicros: publishMicros / PUBLISHES,
    heapBytesPerTopic: (after.heapUsedBytes - before.heapUsedBytes) / count,
  };
}

write({
  port: server.port,
  name: 'fullduplex',
  version: packageVersion('fullduplex'),
  runtime: `Node ${process.version}`,
});
for await (const line of createInterface({ input: process.stdin })) {
  const [command, count] = line.split(' ');
  if (command === 'topics') write(await measure(Number(count)));
  else write({ error: `unknown command ${line}` });
}
process.exit(0);
