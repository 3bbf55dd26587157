// What a response that streams and polling have in common: frames come down in the bodies of responses, and go up beside them, in
// requests of which one is on its way at a time, answered in its own response.

import type { LinkEnd, LinkKind, OpenClientLink } from '../../link/link.ts';
import type { Hello } from '../../wire/frames.ts';
import { writeJsonTersely as writeJson } from '../../wire/json-codec.ts';
import { ask, type FallbackAddress } from './fallback-request.ts';

// One request brings no more than a server takes for sure.
const maxFrames = 200;
const maxCharacters = 64 * 1024;

/**
 * Brings down what the server says until the link ends.
 * @returns why it ended
 */
export type BringDown = (
  hello: () => Hello,
  received: (text: string) => void,
  signal: AbortSignal,
) => Promise<LinkEnd>;

/** Opens links of which only one direction is open. */
export function oneWayLinks(kind: LinkKind, address: FallbackAddress, bringDown: BringDown): OpenClientLink {
  return (hello, events, session) => {
    const stop = new AbortController();
    const { signal } = stop;
    const queue: string[] = [];
    let isSending = false;
    const received = (text: string): void => {
      if (!signal.aborted) events.received(text);
    };
    const ended = (end: LinkEnd): void => {
      if (signal.aborted) return;
      stop.abort();
      events.ended(end);
    };
    const failed = (cause: unknown): void => ended({ cause });
    const sendAll = async (): Promise<void> => {
      while (queue.length > 0) {
        const frames = takeFrames(queue).join(',');
        const body = `{"link":"send","session":${writeJson(session())},"frames":[${frames}]}`;
        // That a session is not known is no goodbye: the next hello shows what becomes of it.
        // A connection that the platform keeps may have been cut while nobody used it: frames have ids, and happen once.
        const asked = await ask(address, body, signal).catch(() => ask(address, body, signal));
        if ('response' in asked) received(await asked.response.text());
        else ended(asked);
      }
      isSending = false;
    };
    // What is subscribed in the turn in which a client is made is in its first hello.
    const begun = async (): Promise<LinkEnd> => {
      await null;
      return signal.aborted ? {} : bringDown(hello, received, signal);
    };
    begun().then(ended, failed);
    return {
      kind,
      isTwoWay: false,
      send: (text) => {
        queue.push(text);
        if (isSending) return;
        isSending = true;
        // What is said in the same turn goes together.
        queueMicrotask(() => {
          sendAll().catch(failed);
        });
      },
      close: () => {
        if (signal.aborted) return;
        stop.abort();
        queueMicrotask(() => events.ended({}));
      },
    };
  };
}

function takeFrames(queue: string[]): string[] {
  let characters = 0;
  const end = queue.findIndex((frame, index) => {
    characters += frame.length;
    return index > 0 && (characters > maxCharacters || index >= maxFrames);
  });
  return queue.splice(0, end < 0 ? maxFrames : end);
}
