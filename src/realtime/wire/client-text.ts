// The text of a message from a client, for the server: JSON whose depth is bounded and whose keys are only keys, split into the
// frames that it carries. What each frame has to be is checked by whoever reads them.

import { describe } from '../../base/errors.ts';
import { RealtimeError } from './error-codes.ts';
import { mayHoldBytes, readJson } from './json-codec.ts';

/** How many arrays and objects may stand within each other: deeper values would endanger the stack of whoever walks through them. */
export const maxJsonDepth = 64;

/**
 * Reads the frames of a message; none is a heartbeat as well.
 * @throws RealtimeError `BAD_FRAME`: it is no JSON, neither a frame nor an array of frames, too deep, or has a key `__proto__`
 */
export function readClientText(text: string): readonly unknown[] {
  const message = readClientJson(text);
  if (!Array.isArray(message))
    throw bad(`a message is ${describe(message)}, expected a frame or an array of frames`);
  const items: readonly unknown[] = message;
  return Array.isArray(items[0]) ? items : [items];
}

/**
 * Reads JSON that a client has sent.
 * @throws RealtimeError `BAD_FRAME`: it is no JSON, too deep, or has a key `__proto__`
 */
export function readClientJson(text: string): unknown {
  const value = parse(text);
  // A text needs two characters for each level; and an escape may hide the name.
  const mayBeDeep = text.length > 2 * maxJsonDepth;
  const mayHaveProto = text.includes('__proto__') || text.includes('\\u');
  if (mayBeDeep || mayHaveProto) check(value, 1);
  return mayHoldBytes(text) ? readJson(text) : value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw bad(`a message is ${describe(text)}, expected JSON`, cause);
  }
}

function check(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > maxJsonDepth) throw bad(`a message is deeper than ${maxJsonDepth} levels`);
  if (Array.isArray(value)) {
    for (const item of value) check(item, depth + 1);
    return;
  }
  for (const [key, item] of Object.entries(value)) {
    // Code that assigns keys to an object would change its prototype.
    if (key === '__proto__') throw bad('a message has the key "__proto__", expected none of that name');
    check(item, depth + 1);
  }
}

function bad(problem: string, cause?: unknown): RealtimeError {
  return new RealtimeError('BAD_FRAME', problem, { cause });
}
