// One publisher, many subscribers: each message that the server gets from the one it passes on to all the others.
// Outstanding messages tell whether a server writes once for each or once for all that came together.
import { foreignServers } from './workload.mjs';

const servers = ['fullduplex', 'fullduplex-ws', 'ws', 'net', ...foreignServers];

/** @type {readonly import('./workload.mjs').Workload[]} */
export const fanOutWorkloads = [1000, 5000].flatMap((connections) =>
  [1, 16].map((depth) => ({
    kind: /** @type {const} */ ('fan-out'),
    name: `fan-out 100 B to ${connections} d${depth}`,
    isShort: connections === 1000,
    servers,
    connections,
    messageType: /** @type {const} */ ('text'),
    messageBytes: 100,
    depth,
  })),
);
