// What a response that streams and polling have in common: frames come down in the bodies of responses, and go up beside them.

import type { ClientLink, ClientLinkEvents, LinkEnd, LinkKind } from '../../link/link.ts';
import type { Hello } from '../../wire/frames.ts';
import type { FallbackAddress } from './fallback-request.ts';
import { Upstream } from './upstream.ts';

/**
 * Brings down what the server says until the link ends.
 * @returns why it ended
 */
export type BringDown = (received: (text: string) => void, signal: AbortSignal) => Promise<LinkEnd>;

/** Opens a link of which only one direction is open. */
export function openOneWayLink(
  kind: LinkKind,
  address: FallbackAddress,
  session: () => Hello['session'],
  events: ClientLinkEvents,
  bringDown: BringDown,
): ClientLink {
  const stop = new AbortController();
  const { signal } = stop;
  const own: ClientLinkEvents = {
    received: (text) => {
      if (!signal.aborted) events.received(text);
    },
    ended: (end) => {
      if (signal.aborted) return;
      stop.abort();
      events.ended(end);
    },
  };
  const upstream = new Upstream(address, session, own, signal);
  bringDown((text) => own.received(text), signal).then(
    (end) => own.ended(end),
    (error: unknown) => own.ended({ cause: error instanceof Error ? error : new Error(String(error)) }),
  );
  return {
    kind,
    isTwoWay: false,
    get bufferedBytes() {
      return upstream.bufferedBytes;
    },
    send: (text) => upstream.send(text),
    close: () => {
      if (signal.aborted) return;
      stop.abort();
      queueMicrotask(() => events.ended({}));
    },
  };
}
