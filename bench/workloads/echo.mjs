// The echo workloads as data: every connection keeps `depth` messages in flight and sends the next when one is back.
import { foreignServers } from './workload.mjs';

const KIB = 1024;
const DEPTHS = [1, 16, 32];

/**
 * @type {readonly { size: string, messageBytes: number, messageType: import('./workload.mjs').Workload['messageType'],
 *   shortDepths: readonly number[] }[]}
 */
const MESSAGES = [
  { size: '20 B', messageBytes: 20, messageType: 'binary', shortDepths: [1, 32] },
  { size: '1 KiB', messageBytes: KIB, messageType: 'binary', shortDepths: [1, 16] },
  { size: '1 KiB', messageBytes: KIB, messageType: 'text', shortDepths: [1, 16] },
  { size: '1 KiB', messageBytes: KIB, messageType: 'unicode', shortDepths: [1] },
  { size: '16 KiB', messageBytes: 16 * KIB, messageType: 'binary', shortDepths: [] },
  { size: '16 KiB', messageBytes: 16 * KIB, messageType: 'text', shortDepths: [1] },
  { size: '1 MiB', messageBytes: KIB * KIB, messageType: 'binary', shortDepths: [1] },
];

/** @param {string} messageType */
function serversFor(messageType) {
  // Text is a string, which nobody can borrow.
  const borrowed = messageType === 'binary' ? ['fullduplex-borrowed'] : [];
  return [
    'fullduplex',
    ...borrowed,
    'fullduplex-iterator',
    'fullduplex-ws',
    'ws',
    'ws-js',
    'net',
    ...foreignServers,
  ];
}

/** @type {readonly import('./workload.mjs').Workload[]} */
export const echoWorkloads = [
  ...MESSAGES.flatMap(({ size, messageBytes, messageType, shortDepths }) =>
    DEPTHS.map((depth) => ({
      kind: /** @type {const} */ ('echo'),
      name: `echo ${size} ${messageType} d${depth}`,
      isShort: shortDepths.includes(depth),
      servers: serversFor(messageType),
      connections: 64,
      messageType,
      messageBytes,
      depth,
    })),
  ),
  ...[1, 1000].flatMap((connections) =>
    [1, 32].map((depth) => ({
      kind: /** @type {const} */ ('echo'),
      name: `echo 20 B d${depth} on ${connections}`,
      isShort: false,
      servers: serversFor('binary'),
      connections,
      messageType: /** @type {const} */ ('binary'),
      messageBytes: 20,
      depth,
    })),
  ),
];
