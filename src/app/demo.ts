// `fullduplex demo`: the start page with its hub and its lab, on one node:http server. It is written with the public API, as
// anybody could write it.

import { createServer } from 'node:http';
import { serveInspector } from '../inspector.ts';
import { serveRealtime, type ServedHub, type WebSocketLinkData } from '../realtime.ts';
import { isLoopbackAddress } from '../server/origin.ts';
import { listen, urlOf } from './http-address.ts';
import { receiveInLab } from './lab.ts';
import { type LiveHub, makeLiveHub } from './live-hub.ts';
import { type PageFeed, PageFeeds } from './page-feed.ts';
import { pageListener } from './page-server.ts';
import { loadStartPage } from './site.ts';

/** Where the start page is served. */
export interface DemoOptions {
  /** The name or address to listen on. */
  readonly host: string;
  /** The port to listen on; 0 takes a free one. */
  readonly port: number;
}

/** A start page that is being served. */
export interface Demo {
  /** Where a browser finds it. */
  readonly url: string;
  /** Where the inspector is; undefined where others can reach the page, since they could look too. */
  readonly inspectorUrl: string | undefined;
  /** Ends it: every connection is closed with 1001. */
  close(): Promise<void>;
}

/** What a connection of the lab carries. */
interface LabData {
  /** Where its frames are shown; undefined for clients that are no page. */
  readonly feed: PageFeed | undefined;
}

const tickMs = 1000;
const maxConnections = 500;

// For both kinds of connections: more often than a service would, so that a newcomer sees it.
const shown = { keepHandshake: true, pingIntervalMs: 10_000 } as const;

/** Serves the start page. @throws the error of `listen`, such as EADDRINUSE */
export async function runDemo({ host, port }: DemoOptions): Promise<Demo> {
  const feeds = new PageFeeds();
  const http = createServer(pageListener(await loadStartPage(), feeds, isLoopbackAddress(host)));
  const { hub, ticker } = await makeLiveHub();
  const server = await serveRealtime(watched(hub, feeds), {
    server: http,
    path: '/realtime',
    maxConnections,
    maxLinks: maxConnections,
  });
  server.webSockets.endpoint<LabData>(
    '/lab',
    {
      ...shown,
      maxMessageBytes: 128 * 1024,
      maxQueuedBytes: 1024 * 1024,
      messageRate: { perSecond: 4, burst: 20 },
      upgrade: ({ url }) => ({ data: { feed: feeds.of(url.searchParams.get('page')) } }),
    },
    {
      open: (connection) => connection.data.feed?.watch('lab', connection),
      message: receiveInLab,
    },
  );
  try {
    await listen(http, host, port);
  } catch (error) {
    await server.close();
    await hub.close();
    throw error;
  }
  const inspector = isLoopbackAddress(host)
    ? await serveInspector({ server: server.webSockets, hub, host })
    : undefined;
  const ticking = setInterval(() => void hub.channel('ticker').publish('prices', ticker.step()), tickMs);

  return {
    url: urlOf(http, host),
    inspectorUrl: inspector?.url,
    close: async () => {
      clearInterval(ticking);
      await inspector?.close();
      const stopped = new Promise<void>((resolve) => {
        http.close(() => resolve());
      });
      await server.close({ reason: 'the server is shutting down', timeoutMs: 2_000 });
      await hub.close();
      feeds.end();
      http.closeAllConnections();
      await stopped;
    },
  };
}

/** The hub, with the connections of pages shown to these. */
function watched(hub: LiveHub, feeds: PageFeeds): ServedHub<WebSocketLinkData> {
  return {
    publishTarget: hub.publishTarget,
    accept: (link, peer) => hub.accept(link, peer),
    upstream: (session, frames, peer, signal) => hub.upstream(session, frames, peer, signal),
    webSocket: () => {
      const { options, handlers } = hub.webSocket();
      return {
        options: { ...options, ...shown },
        handlers: {
          ...handlers,
          open: (connection) => {
            feeds.of(connection.url.searchParams.get('page'))?.watch('realtime', connection);
            return handlers.open?.(connection);
          },
        },
      };
    },
  };
}
