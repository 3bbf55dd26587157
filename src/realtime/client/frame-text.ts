// Text of a link, and the frames that it is: one frame, an array of frames, or the answer to a POST, which has them in a field.

import type { ServerFrame } from '../wire/frames.ts';
import { readJson } from '../wire/json-codec.ts';

type Message = ServerFrame | readonly ServerFrame[] | { readonly frames: readonly ServerFrame[] };

/**
 * Reads what a link brought. The server is trusted to keep to the protocol; what a newer one adds is left alone.
 * @throws SyntaxError, TypeError when it is no JSON, or no message
 */
export function readFrames(text: string): readonly ServerFrame[] {
  const message = readJson(text);
  takeForMessage(message);
  if ('frames' in message) return message.frames;
  return isBatch(message) ? message : [message];
}

function isBatch(message: ServerFrame | readonly ServerFrame[]): message is readonly ServerFrame[] {
  return Array.isArray(message[0]);
}

// What is no object fails at the next step.
function takeForMessage(_value: unknown): asserts _value is Message {}
