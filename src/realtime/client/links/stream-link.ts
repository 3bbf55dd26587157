// Frames as server-sent events in the body of a response to a POST, for networks that let no WebSocket through. Read with fetch
// and not with EventSource, which sends GET requests: their hello would be in the address, and in everybody's logs.

import type { OpenClientLink } from '../../link/link.ts';
import { writeJsonTersely as writeJson } from '../../wire/json-codec.ts';
import { ask, type FallbackAddress } from './fallback-request.ts';
import { oneWayLinks } from './one-way-link.ts';

/** Opens links over a response that streams. */
export function streamLinks(address: FallbackAddress): OpenClientLink {
  return oneWayLinks(address, async (hello, received, signal) => {
    const request = writeJson({ link: 'stream', hello: hello() });
    const { body } = await ask(address, request, signal, received);
    // A page of somebody else has no lines of data, and so no welcome.
    if (body === null) return;
    const reader = body.getReader();
    const decoder = new TextDecoder();
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      // JSON has no line breaks of its own, so each message is one line.
      for (const line of lines) if (line.startsWith('data:')) received(line.slice(5));
    }
  });
}
