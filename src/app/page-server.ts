// The HTTP side of the start page: its files and its feed, for pages of this server only.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { isLoopbackHost } from '../server/origin.ts';
import type { PageFeeds } from './page-feed.ts';
import type { SiteFile } from './site.ts';

/**
 * Answers the requests of the start page.
 * @param isOnLoopback whether the server listens for this machine only
 */
export function pageListener(
  site: ReadonlyMap<string, SiteFile>,
  feeds: PageFeeds,
  isOnLoopback: boolean,
): RequestListener {
  return (request, response) => {
    const { host = '' } = request.headers;
    setSecurityHeaders(response, host);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      answer(response, 405, 'Only GET and HEAD.');
      return;
    }
    // DNS rebinding: a page of an attacker whose name suddenly means 127.0.0.1 would be of the same origin as ours.
    if (isOnLoopback && !isLoopbackHost(host)) {
      answer(response, 403, `This server is for this machine only, and ${host} is not its name.`);
      return;
    }
    const url = new URL(request.url ?? '/', 'http://start.page');
    if (url.pathname === '/feed') {
      streamFeed(request, response, feeds, url.searchParams.get('page'));
      return;
    }
    const file = site.get(url.pathname);
    if (file === undefined) {
      answer(response, 404, 'There is nothing here. The start page is at /');
      return;
    }
    response.writeHead(200, { 'Content-Type': file.contentType, 'Content-Length': file.bytes.length });
    response.end(request.method === 'HEAD' ? undefined : file.bytes);
  };
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

function setSecurityHeaders(response: ServerResponse, host: string): void {
  // 'self' covers ws: in today's browsers; older ones want it named. Host is somebody else's text.
  const sockets = /^[\w.:[\]-]+$/.test(host) ? ` ws://${host} wss://${host}` : '';
  response.setHeader(
    'Content-Security-Policy',
    `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'${sockets}; ` +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  );
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Referrer-Policy', 'no-referrer');
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
  response.setHeader('Cache-Control', 'no-store');
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(`${text}\n`);
}
