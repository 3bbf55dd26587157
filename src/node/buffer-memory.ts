// The bound on what the connections of this process hold for peers that do not keep up: a half of the memory that the
// process may use.

import { totalmem } from 'node:os';
import { BufferMemory } from '../connection/buffer-memory.ts';
import { nodeScheduler } from './node-scheduler.ts';

// What a container allows, where there is one; without a limit Node gives 0 or a number beyond all memory.
function usableBytes(): number {
  const constrainedBytes = process.constrainedMemory();
  return constrainedBytes > 0 ? Math.min(constrainedBytes, totalmem()) : totalmem();
}

/**
 * What all connections of servers in this process may hold together for peers that do not keep up: queued for sending,
 * unfinished input, messages that nobody takes. Beyond `maxBytes` those that hold most are ended, with the cause
 * `WS_MEMORY_SHED`, until the rest fits. Set to Infinity, a few thousand peers that read nothing can take all memory of
 * the process.
 * @defaultValue maxBytes: a half of the memory that the process may use
 */
export const bufferMemory: BufferMemory = new BufferMemory({
  maxBytes: Math.floor(usableBytes() / 2),
  scheduler: nodeScheduler,
});
