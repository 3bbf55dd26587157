// An echo over TLS: what of a difference is left beside encryption, and where reads come as 'data' events. node:net
// stands for node:tls here.

/** @type {readonly import('./workload.mjs').Workload[]} */
export const tlsWorkloads = [1, 16].map((depth) => ({
  kind: /** @type {const} */ ('echo'),
  name: `tls echo 1 KiB binary d${depth}`,
  isShort: false,
  // uWebSockets is compiled without TLS.
  servers: [
    'fullduplex',
    'fullduplex-borrowed',
    'fullduplex-ws',
    'ws',
    'net',
    'bun',
    'gorilla',
    'python-websockets',
  ],
  connections: 64,
  messageType: /** @type {const} */ ('binary'),
  messageBytes: 1024,
  depth,
  isEncrypted: true,
}));
