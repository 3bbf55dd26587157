// The echo workloads as data: every connection keeps `depth` messages in flight and sends the next when one is back.

/**
 * @typedef {object} EchoWorkload
 * @property {'echo'} kind
 * @property {string} name what --only looks for, and what the table shows
 * @property {number} connections
 * @property {'binary' | 'text' | 'unicode'} messageType text is printable ASCII; unicode mixes one to three bytes
 * @property {number} messageBytes
 * @property {number} depth messages in flight per connection
 */

const KIB = 1024;

/** @type {readonly { size: string, messageBytes: number, messageType: EchoWorkload['messageType'] }[]} */
const MESSAGES = [
  { size: '20 B', messageBytes: 20, messageType: 'binary' },
  { size: '1 KiB', messageBytes: KIB, messageType: 'binary' },
  { size: '1 KiB', messageBytes: KIB, messageType: 'text' },
  { size: '1 KiB', messageBytes: KIB, messageType: 'unicode' },
  { size: '16 KiB', messageBytes: 16 * KIB, messageType: 'binary' },
  { size: '16 KiB', messageBytes: 16 * KIB, messageType: 'text' },
  { size: '1 MiB', messageBytes: KIB * KIB, messageType: 'binary' },
];

/** @type {readonly EchoWorkload[]} */
export const echoWorkloads = MESSAGES.flatMap(({ size, messageBytes, messageType }) =>
  [1, 16].map((depth) => ({
    kind: /** @type {const} */ ('echo'),
    name: `echo ${size} ${messageType} d${depth}`,
    connections: 64,
    messageType,
    messageBytes,
    depth,
  })),
);
