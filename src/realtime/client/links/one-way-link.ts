// What a response that streams and polling have in common: frames come down in the bodies of responses, and go up beside them.

import type { LinkEnd, LinkKind, OpenClientLink } from '../../link/link.ts';
import type { Hello } from '../../wire/frames.ts';
import type { FallbackAddress } from './fallback-request.ts';
import { Upstream } from './upstream.ts';

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
    const received = (text: string): void => {
      if (!signal.aborted) events.received(text);
    };
    const ended = (end: LinkEnd): void => {
      if (signal.aborted) return;
      stop.abort();
      events.ended(end);
    };
    const upstream = new Upstream(address, { signal, session, received, ended });
    bringDown(hello, received, signal).then(ended, (cause: unknown) => ended({ cause }));
    return {
      kind,
      isTwoWay: false,
      get bufferedBytes() {
        return upstream.bufferedBytes;
      },
      send: (text) => upstream.send(text),
      close: () => queueMicrotask(() => ended({})),
    };
  };
}
