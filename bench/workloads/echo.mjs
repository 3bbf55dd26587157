// The echo workloads as data: every connection keeps `depth` messages in flight and sends the next when one is back.

const KIB = 1024;

/** @type {readonly string[]} */
const servers = ['fullduplex', 'ws', 'net'];

/** @type {readonly { size: string, messageBytes: number, messageType: import('./workload.mjs').Workload['messageType'] }[]} */
const MESSAGES = [
  { size: '20 B', messageBytes: 20, messageType: 'binary' },
  { size: '1 KiB', messageBytes: KIB, messageType: 'binary' },
  { size: '1 KiB', messageBytes: KIB, messageType: 'text' },
  { size: '1 KiB', messageBytes: KIB, messageType: 'unicode' },
  { size: '16 KiB', messageBytes: 16 * KIB, messageType: 'binary' },
  { size: '16 KiB', messageBytes: 16 * KIB, messageType: 'text' },
  { size: '1 MiB', messageBytes: KIB * KIB, messageType: 'binary' },
];

/** @type {readonly import('./workload.mjs').Workload[]} */
export const echoWorkloads = MESSAGES.flatMap(({ size, messageBytes, messageType }) =>
  [1, 16].map((depth) => ({
    kind: /** @type {const} */ ('echo'),
    name: `echo ${size} ${messageType} d${depth}`,
    isShort: true,
    servers,
    connections: 64,
    messageType,
    messageBytes,
    depth,
  })),
);
