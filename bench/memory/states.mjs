// What an idle connection has behind it when its memory is sampled, as data.
import { foreignServers } from '../workloads/workload.mjs';

/**
 * @typedef {object} MemoryState
 * @property {string} name
 * @property {string} meaning for the report
 * @property {readonly string[]} servers the names of the servers that it makes sense for
 * @property {Partial<import('../workloads/workload.mjs').Workload>} workload what the server is told
 * @property {string} extensions what the client offers
 * @property {number} messageBytes of the one message that is sent and echoed; 0 for none
 */

const EVERY_SERVER = ['fullduplex', 'ws', 'net', 'http', ...foreignServers];
const DEFLATING_SERVERS = ['fullduplex', 'ws', 'bun'];
const level = 3;

/** @type {readonly MemoryState[]} */
export const memoryStates = [
  {
    name: 'plain',
    meaning: 'after the handshake',
    servers: EVERY_SERVER,
    workload: { kind: 'echo' },
    extensions: '',
    messageBytes: 0,
  },
  {
    name: 'message',
    meaning: 'after one echoed message of 100 B',
    servers: EVERY_SERVER,
    workload: { kind: 'echo' },
    extensions: '',
    messageBytes: 100,
  },
  {
    name: 'deflate',
    meaning: 'after one echoed and compressed message of 2 KiB, no context takeover',
    servers: DEFLATING_SERVERS,
    workload: { kind: 'echo', deflate: { level } },
    extensions: 'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    messageBytes: 2048,
  },
  {
    name: 'takeover',
    meaning:
      'after one echoed and compressed message of 2 KiB, context takeover both ways, windows of 15 bits',
    servers: ['fullduplex', 'ws'],
    workload: {
      kind: 'echo',
      deflate: {
        level,
        serverNoContextTakeover: false,
        clientNoContextTakeover: false,
        serverMaxWindowBits: 15,
      },
    },
    extensions: 'permessage-deflate',
    messageBytes: 2048,
  },
];
