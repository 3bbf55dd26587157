// permessage-deflate, without context takeover in either direction and without a threshold: every message is inflated and
// deflated by itself. The level is the one that both our default and the example of ws name; in the rest each is as its
// documentation recommends.
import { foreignServers } from './workload.mjs';

const deflate = { level: 3 };

/** @type {readonly { size: string, messageBytes: number, depth: number }[]} */
const ECHOES = [
  { size: '128 B', messageBytes: 128, depth: 1 },
  { size: '1 KiB', messageBytes: 1024, depth: 1 },
  { size: '1 KiB', messageBytes: 1024, depth: 16 },
];

/** @type {readonly import('./workload.mjs').Workload[]} */
export const deflateWorkloads = [
  ...ECHOES.map(({ size, messageBytes, depth }) => ({
    kind: /** @type {const} */ ('echo'),
    name: `deflate echo ${size} d${depth}`,
    isShort: true,
    servers: ['fullduplex', 'fullduplex-ws', 'ws', ...foreignServers],
    connections: 64,
    messageType: /** @type {const} */ ('json'),
    messageBytes,
    depth,
    deflate,
  })),
  ...[1, 16].map((depth) => ({
    kind: /** @type {const} */ ('fan-out'),
    name: `deflate fan-out 1 KiB to 1000 d${depth}`,
    isShort: true,
    servers: ['fullduplex', 'fullduplex-ws', 'ws', ...foreignServers],
    connections: 1000,
    messageType: /** @type {const} */ ('json'),
    messageBytes: 1024,
    depth,
    deflate,
  })),
];
