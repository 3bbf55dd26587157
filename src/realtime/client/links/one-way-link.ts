// What a response that streams and polling have in common: frames come down in the bodies of responses, and go up beside them, in
// requests of which one is on its way at a time, answered in its own response.

import type { OpenClientLink } from '../../link/link.ts';
import type { Hello } from '../../wire/frames.ts';
import { writeJsonTersely as writeJson } from '../../wire/json-codec.ts';
import { ask, type FallbackAddress } from './fallback-request.ts';

// One request brings no more than a server takes for sure.
const maxFrames = 200;
const maxCharacters = 64 * 1024;

/** Brings down what the server says until the link ends in order; rejects when it was cut. */
export type BringDown = (
  hello: () => Hello,
  received: (text: string) => void,
  signal: AbortSignal,
) => Promise<void>;

/** Opens links of which only one direction is open. */
export function oneWayLinks(address: FallbackAddress, bringDown: BringDown): OpenClientLink {
  return (hello, events, session) => {
    const stop = new AbortController();
    const { signal } = stop;
    const queue: string[] = [];
    let isSending = false;
    const received = (text: string): void => {
      if (!signal.aborted) events.received(text);
    };
    const ended = (cause?: unknown): void => {
      if (signal.aborted) return;
      stop.abort();
      events.ended(cause);
    };
    const goUp = async (): Promise<void> => {
      while (queue.length > 0) {
        const frames = takeFrames(queue).join(',');
        const body = `{"link":"send","session":${writeJson(session())},"frames":[${frames}]}`;
        // That a session is not known is no goodbye: the next hello shows what becomes of it. Frames have ids, and happen once.
        received(await (await ask(address, body, signal)).text());
      }
      isSending = false;
    };
    // What is subscribed in the turn in which a client is made is in its first hello.
    queueMicrotask(() => {
      if (!signal.aborted) bringDown(hello, received, signal).then(() => ended(), ended);
    });
    return {
      isTwoWay: false,
      send: (text) => {
        queue.push(text);
        if (isSending) return;
        isSending = true;
        // What is said in the same turn goes together.
        queueMicrotask(() => {
          goUp().catch(ended);
        });
      },
      close: () => stop.abort(),
    };
  };
}

function takeFrames(queue: string[]): string[] {
  let characters = 0;
  const end = queue.findIndex((frame, index) => {
    characters += frame.length;
    return index > 0 && characters > maxCharacters;
  });
  return queue.splice(0, Math.min(maxFrames, end < 0 ? maxFrames : end));
}
