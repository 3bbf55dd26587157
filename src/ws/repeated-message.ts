// A broadcast in programs for ws is a loop that sends one message to every client. The second send of the same string or Buffer
// is noticed, and from there on the message is encoded once: frames that are shared wait for the end of the turn together, where
// those with memory of their own would have to be written one by one when there are many (npm run bench, fan-out).

import { nodeTextCodec } from '../node/node-text-codec.ts';
import { PreparedMessage } from '../protocol/prepared-message.ts';
import type { ReadyData } from './sent-data.ts';

// One message is kept for the next send, however late that comes: no more than this.
const mostKeptBytes = 64 * 1024;

let last: ReadyData | undefined;
let isLastBinary = false;
let prepared: PreparedMessage | undefined;

/** Gives the message as a prepared one when it is what was sent before, to whomever; undefined for a new one. */
export function repeatedMessage(data: ReadyData, isBinary: boolean): PreparedMessage | undefined {
  if (data !== last || isBinary !== isLastBinary) {
    last = data.length <= mostKeptBytes ? data : undefined;
    isLastBinary = isBinary;
    prepared = undefined;
    return undefined;
  }
  // A Buffer can be written to between two sends.
  if (prepared === undefined || (typeof data !== 'string' && !isSame(data, prepared.payload)))
    prepared = new PreparedMessage(data, { text: nodeTextCodec, type: isBinary ? 'binary' : 'text' });
  return prepared;
}

const { equals } = Buffer.prototype;

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return equals.call(left, right);
}
