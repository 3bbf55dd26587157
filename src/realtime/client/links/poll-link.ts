// Frames in the bodies of responses that are complete, for networks that hold back what streams. Each poll is a short
// connection of its own: its hello names all positions, and what was published between two polls is recovered by the next.

import type { OpenClientLink } from '../../link/link.ts';
import { writeJsonTersely as writeJson } from '../../wire/json-codec.ts';
import { ask, type FallbackAddress } from './fallback-request.ts';
import { oneWayLinks } from './one-way-link.ts';

/** Opens links that poll. */
export function pollLinks(address: FallbackAddress): OpenClientLink {
  return oneWayLinks(address, async (hello, received, signal) => {
    // Only the first is answered at once: whether polling gets through has to be known in time.
    let now: true | undefined = true;
    while (!signal.aborted) {
      const body = writeJson({ link: 'poll', hello: hello(), now });
      const text = await (await ask(address, body, signal, received)).text();
      if (!text.startsWith('{"frames"')) throw new Error('answered with no poll');
      received(text);
      now = undefined;
    }
  });
}
