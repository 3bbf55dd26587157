// The page's feed: what the server saw on this page's connections, by server-sent events.

import type { FeedEvents } from '../messages.ts';

/** One function for each kind of event. */
export type FeedListeners = { readonly [Name in keyof FeedEvents]: (event: FeedEvents[Name]) => void };

/** Listens to the feed of the page. EventSource comes back by itself, and asks for what it missed. */
export function listenToFeed(page: string, listeners: FeedListeners): void {
  let source: EventSource | undefined;
  const open = (): void => {
    source = new EventSource(`/feed?page=${page}`);
    listen(source, 'opened', listeners.opened);
    listen(source, 'frame', listeners.frame);
    listen(source, 'closed', listeners.closed);
    source.addEventListener('error', () => {
      // After an answer that is no feed (503) the browser gives up; we do not.
      if (source?.readyState === EventSource.CLOSED) window.setTimeout(open, 3_000);
    });
  };
  open();
}

function listen<Name extends keyof FeedEvents>(
  source: EventSource,
  name: Name,
  listener: (event: FeedEvents[Name]) => void,
): void {
  source.addEventListener(name, ({ data }: MessageEvent<string>) => {
    // Our own server wrote it.
    const event: FeedEvents[Name] = JSON.parse(data);
    listener(event);
  });
}
