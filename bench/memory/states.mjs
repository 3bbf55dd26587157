// What an idle connection has behind it when its memory is sampled, as data.

/**
 * @typedef {object} MemoryState
 * @property {string} name
 * @property {string} meaning for the report
 * @property {string[]} serverArguments
 * @property {string} extensions what the client offers
 * @property {number} messageBytes of the one message that is sent and echoed; 0 for none
 */

/** @type {readonly MemoryState[]} */
export const memoryStates = [
  {
    name: 'plain',
    meaning: 'after the handshake',
    serverArguments: [],
    extensions: '',
    messageBytes: 0,
  },
  {
    name: 'message',
    meaning: 'after one echoed message of 100 B',
    serverArguments: [],
    extensions: '',
    messageBytes: 100,
  },
];
