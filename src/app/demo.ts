// `fullduplex demo`: the start page with its two WebSocket endpoints, on one node:http server. It is written with the
// public API, as anybody could write it.

import { createServer, type Server } from 'node:http';
import { serve, type UpgradeRequest } from '../index.ts';
import { isLoopbackAddress } from '../server/origin.ts';
import { ChatRoom } from './chat-room.ts';
import { type PageFeed, PageFeeds } from './page-feed.ts';
import { pageListener } from './page-server.ts';
import { loadSite } from './site.ts';
import { Ticker } from './ticker.ts';

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
  /** Ends it: every connection is closed with 1001. */
  close(): Promise<void>;
}

/** What a connection of the start page carries. */
interface DemoData {
  /** Where its frames are shown; undefined for clients that are no page. */
  readonly feed: PageFeed | undefined;
}

/** The subprotocol of the chat: JSON as in messages.ts. */
const chatProtocol = 'chat.fullduplex.v1';
const tickMs = 1000;
const maxTickerConnections = 500;

const connectionOptions = {
  keepHandshake: true,
  // More often than a service would, so that a newcomer sees it.
  pingIntervalMs: 10_000,
  maxMessageBytes: 128 * 1024,
  maxQueuedBytes: 1024 * 1024,
} as const;

/** Serves the start page. @throws the error of `listen`, such as EADDRINUSE */
export async function runDemo({ host, port }: DemoOptions): Promise<Demo> {
  const feeds = new PageFeeds();
  const http = createServer(pageListener(await loadSite(), feeds, isLoopbackAddress(host)));

  const dataOf = ({ url }: UpgradeRequest): DemoData => ({ feed: feeds.of(url.searchParams.get('page')) });
  const server = await serve(
    {
      server: http,
      path: '/chat',
      ...connectionOptions,
      protocols: [chatProtocol],
      upgrade: (request) =>
        room.isFull ? new Response('The chat is full.\n', { status: 503 }) : { data: dataOf(request) },
    },
    {
      open: (connection) => {
        connection.data.feed?.watch('chat', connection);
        room.enter(connection);
      },
      message: (connection, message) => room.receive(connection, message),
      close: (connection) => room.leave(connection),
    },
  );
  const room = new ChatRoom(server);

  const ticker = new Ticker();
  let watching = 0;
  server.endpoint(
    '/ticker',
    {
      ...connectionOptions,
      upgrade: (request) =>
        watching >= maxTickerConnections
          ? new Response('Too many are watching.\n', { status: 503 })
          : { data: dataOf(request) },
    },
    {
      open: (connection) => {
        watching++;
        connection.data.feed?.watch('ticker', connection);
        connection.send(JSON.stringify(ticker.history));
        // A page that reads slowly wants the newest price, not all of them.
        connection.subscribe('prices', { whenSlow: 'latest' });
      },
      close: () => {
        watching--;
      },
    },
  );
  try {
    await listen(http, host, port);
  } catch (error) {
    await server.close();
    throw error;
  }
  const ticking = setInterval(() => server.publish('prices', JSON.stringify(ticker.step())), tickMs);

  return {
    url: urlOf(http, host),
    close: async () => {
      clearInterval(ticking);
      const stopped = new Promise<void>((resolve) => {
        http.close(() => resolve());
      });
      await server.close({ reason: 'the server is shutting down', timeoutMs: 2_000 });
      feeds.end();
      http.closeAllConnections();
      await stopped;
    },
  };
}

function listen(http: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, host, () => {
      http.removeListener('error', reject);
      resolve();
    });
  });
}

function urlOf(http: Server, host: string): string {
  const address = http.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  // Nobody can visit "all addresses".
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
