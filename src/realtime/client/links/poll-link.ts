// Frames in the bodies of responses that are complete, for networks that hold back what streams. Each poll is a short
// connection of its own: its hello names all positions, and what was published between two polls is recovered by the next.

import type { OpenClientLink } from '../../link/link.ts';
import { type FallbackAddress, post, refusal, writeRequest } from './fallback-request.ts';
import { openOneWayLink } from './one-way-link.ts';

/** Opens links that poll. */
export function pollLinks(address: FallbackAddress): OpenClientLink {
  return (hello, events, session) =>
    openOneWayLink('poll', address, session, events, async (received, signal) => {
      for (let isFirst = true; ; isFirst = false) {
        const body = writeRequest({ link: 'poll', hello: hello(), ...(isFirst ? { now: true } : {}) });
        const response = await post(address, body, signal);
        if (!response.ok) return refusal(response, { received });
        const text = await response.text();
        if (!text.startsWith('{"frames"'))
          return { cause: new Error('the answer is none to a poll'), isRefused: true };
        received(text);
        if (signal.aborted) return {};
      }
    });
}
