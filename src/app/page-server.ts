// The HTTP side of the start page: its files and its feed, for pages of this server only.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { PageFeeds } from './page-feed.ts';
import type { SiteFile } from './site.ts';
import { answer, siteListener } from './site-listener.ts';

/**
 * Answers the requests of the start page.
 * @param isOnLoopback whether the server listens for this machine only
 */
export function pageListener(
  site: ReadonlyMap<string, SiteFile>,
  feeds: PageFeeds,
  isOnLoopback: boolean,
): RequestListener {
  return siteListener(site, isOnLoopback, (request, response, url) => {
    if (url.pathname !== '/feed') return false;
    streamFeed(request, response, feeds, url.searchParams.get('page'));
    return true;
  });
}

function streamFeed(
  request: IncomingMessage,
  response: ServerResponse,
  feeds: PageFeeds,
  page: string | null,
): void {
  // Other sites cannot read the feed anyway (no CORS headers); they shall not even occupy one.
  const site = request.headers['sec-fetch-site'] ?? 'same-origin';
  if (site !== 'same-origin' && site !== 'none') {
    answer(response, 403, 'The feed is for the start page only.');
    return;
  }
  const feed = feeds.of(page);
  if (feed === undefined) {
    response.setHeader('Retry-After', '60');
    answer(response, 503, 'No feed for this page: its name is wrong, or too many pages are open.');
    return;
  }
  if (request.method === 'HEAD') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end();
    return;
  }
  const lastEventId = request.headers['last-event-id'];
  feed.stream(response, typeof lastEventId === 'string' ? lastEventId : undefined);
}
