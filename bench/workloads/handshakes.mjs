// Connections that are opened only to be ended, some at a time: what a server spends on the opening handshake, on what
// it makes for a connection and lets go again, and on the end, in order or cut.

/** @type {readonly import('./workload.mjs').Workload[]} */
export const handshakeWorkloads = [false, true].map((cuts) => ({
  kind: /** @type {const} */ ('handshakes'),
  name: `handshakes ${cuts ? 'cut' : 'closed'}`,
  isShort: !cuts,
  servers: ['fullduplex', 'ws', 'net'],
  connections: 16,
  messageType: /** @type {const} */ ('binary'),
  messageBytes: 0,
  depth: 1,
  cuts,
}));
