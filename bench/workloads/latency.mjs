// How long a message is away, at a rate that leaves a server most of its time. The clock of a message starts when it is
// due, whether the generator is late or the server in the way.

/** @type {readonly import('./workload.mjs').Workload[]} */
export const latencyWorkloads = [
  {
    kind: 'latency',
    name: 'latency 128 B at 20k/s',
    isShort: false,
    // Python would be at its limit.
    servers: ['fullduplex', 'ws', 'net', 'bun', 'uwebsockets', 'gorilla'],
    connections: 64,
    messageType: 'text',
    messageBytes: 128,
    depth: 16,
    rate: 20_000,
    // The slowest of a thousand messages say something only when there are some of them.
    timeFactor: 5,
  },
];
