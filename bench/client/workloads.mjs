// The workloads of clients as data: every connection keeps `depth` messages in flight and sends the next when one is back.

/**
 * @typedef {object} ClientWorkload
 * @property {string} name what --only looks for, and what the table shows
 * @property {number} connections
 * @property {'binary' | 'text'} messageType text is printable ASCII
 * @property {number} messageBytes
 * @property {number} depth
 */

const KIB = 1024;

/** @type {readonly Omit<ClientWorkload, 'name' | 'connections'>[]} */
const MESSAGES = [
  { messageBytes: 20, messageType: 'binary', depth: 1 },
  { messageBytes: 20, messageType: 'binary', depth: 32 },
  { messageBytes: KIB, messageType: 'binary', depth: 1 },
  { messageBytes: KIB, messageType: 'binary', depth: 16 },
  { messageBytes: KIB, messageType: 'text', depth: 16 },
];

/** @type {readonly ClientWorkload[]} */
export const clientWorkloads = MESSAGES.map((message) => {
  const { messageBytes, messageType, depth } = message;
  const size = messageBytes < KIB ? `${messageBytes} B` : `${messageBytes / KIB} KiB`;
  return { name: `client ${size} ${messageType} d${depth}`, connections: 64, ...message };
});
