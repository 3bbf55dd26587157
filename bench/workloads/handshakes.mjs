// Connections that are opened only to be ended, some at a time: what a server spends on the opening handshake, on what
// it makes for a connection and lets go again, and on the end, in order or cut.
import { foreignServers } from './workload.mjs';

/** @type {readonly import('./workload.mjs').Workload[]} */
export const handshakeWorkloads = [false, true].map((cuts) => ({
  kind: /** @type {const} */ ('handshakes'),
  name: `handshakes ${cuts ? 'cut' : 'closed'}`,
  isShort: !cuts,
  servers: ['fullduplex', 'fullduplex-ws', 'ws', 'net', ...foreignServers],
  connections: 16,
  messageType: /** @type {const} */ ('binary'),
  messageBytes: 0,
  depth: 1,
  // One is worth a hundred messages, and a runtime that compiles what is hot has to have seen some thousand.
  timeFactor: 3,
  cuts,
}));
