// serveInspector(): a page that shows what happens on a server: its connections, channels, rates, slow consumers, and the frames of
// the connection that somebody chooses. It has a port of its own, on this machine unless a key is asked for, so that it never mixes
// with what the application serves, and is not counted in what it shows.

import { createServer } from 'node:http';
import { listen, urlOf } from '../app/http-address.ts';
import { loadSite } from '../app/site.ts';
import { siteListener } from '../app/site-listener.ts';
import { describe, FullduplexError } from '../base/errors.ts';
import { serve } from '../node/serve.ts';
import { isLoopbackAddress } from '../server/origin.ts';
import { type InspectedHub, type InspectedServer, stateOf } from './inspection.ts';
import type { InspectorMessage } from './messages.ts';
import { Viewer, type ViewerEnvironment } from './viewer.ts';

/** What is inspected, and where the page is served. */
export interface InspectorOptions {
  /** What `serve` gave, or the `webSockets` of what `serveRealtime` gave. */
  readonly server: InspectedServer;
  /** The hub of the realtime layer, where there is one. */
  readonly hub?: InspectedHub;
  /** The name or address to listen on. One that others can reach needs a key. @defaultValue '127.0.0.1' */
  readonly host?: string;
  /** The port to listen on; 0 takes a free one. @defaultValue 0 */
  readonly port?: number;
  /**
   * What a person has to type before the page shows anything: 16 characters or more. It crosses the network as it is: where that is not
   * trusted, put TLS before it or reach the page through a tunnel. @defaultValue none
   */
  readonly key?: string;
  /** How often the page is told how things stand, in milliseconds: 100 to 60,000. Nothing is looked at while nobody looks. @defaultValue 1000 */
  readonly intervalMs?: number;
}

/** The defaults of `InspectorOptions`. */
export const defaultInspectorOptions: Readonly<
  Required<Pick<InspectorOptions, 'host' | 'port' | 'intervalMs'>>
> = Object.freeze({ host: '127.0.0.1', port: 0, intervalMs: 1000 });

/** A page that is being served. */
export interface Inspector extends AsyncDisposable {
  /** Where a browser finds it. */
  readonly url: string;
  /** Ends it; what was inspected goes on. */
  close(): Promise<void>;
}

const maxViewers = 8;
const framesMs = 200;
const unlockMs = 60_000;
const leastKeyLength = 16;

const folders = ['inspector/page/', 'app/page/', 'base/', 'protocol/'];

/**
 * Serves the inspector's page. Whoever can open it sees addresses, users and what is said on the connection that is watched.
 * @throws FullduplexError `WS_OPTION_INVALID`; the error of `listen`, such as EADDRINUSE
 */
export async function serveInspector(options: InspectorOptions): Promise<Inspector> {
  const { host, port, intervalMs } = { ...defaultInspectorOptions, ...options };
  const { server, hub, key } = options;
  check(host, key, intervalMs);
  const isOnLoopback = isLoopbackAddress(host);
  const site = await loadSite('inspector/page/index.html', folders, ['protocol.js']);
  const http = createServer(siteListener(site, isOnLoopback));
  const viewers = new Set<Viewer>();

  // Made once for all who look in the same moment.
  let lookedAtMs = -Infinity;
  let text = '';
  const environment: ViewerEnvironment = {
    server,
    key,
    state: () => {
      const nowMs = performance.now();
      if (nowMs - lookedAtMs < intervalMs / 2) return text;
      lookedAtMs = nowMs;
      const message: InspectorMessage = { kind: 'state', state: stateOf(server, hub) };
      text = JSON.stringify(message);
      return text;
    },
  };

  let timers: NodeJS.Timeout[] = [];
  const beginTelling = (): void => {
    if (timers.length > 0) return;
    timers = [
      setInterval(() => {
        for (const viewer of viewers) viewer.look();
      }, intervalMs),
      setInterval(() => {
        for (const viewer of viewers) viewer.tellFrames();
      }, framesMs),
    ];
  };
  const endTelling = (): void => {
    for (const timer of timers) clearInterval(timer);
    timers = [];
  };

  const webSockets = await serve<{ viewer: Viewer | undefined }>(
    {
      server: http,
      path: '/live',
      maxConnections: maxViewers,
      maxMessageBytes: 4096,
      maxQueuedBytes: 8 * 1024 * 1024,
      upgrade: () => ({ data: { viewer: undefined } }),
    },
    {
      open: (connection) => {
        const viewer = new Viewer(connection, environment);
        connection.data.viewer = viewer;
        viewers.add(viewer);
        beginTelling();
        if (viewer.isUnlocked) return;
        const unlocking = setTimeout(() => {
          if (!viewer.isUnlocked) void connection.close(1008, 'no key');
        }, unlockMs);
        void connection.closed.then(() => clearTimeout(unlocking));
      },
      message: ({ data: { viewer } }, message) => viewer?.received(message),
      close: ({ data: { viewer } }) => {
        if (viewer === undefined) return;
        viewer.end();
        viewers.delete(viewer);
        if (viewers.size === 0) endTelling();
      },
    },
  );
  const close = async (): Promise<void> => {
    endTelling();
    const stopped = new Promise<void>((resolve) => {
      http.close(() => resolve());
    });
    await webSockets.close({ timeoutMs: 500 });
    http.closeAllConnections();
    if (http.listening) await stopped;
  };
  try {
    await listen(http, host, port);
  } catch (error) {
    await close();
    throw error;
  }
  return { url: urlOf(http, host), close, [Symbol.asyncDispose]: close };
}

function check(host: string, key: string | undefined, intervalMs: number): void {
  if (key !== undefined && key.length < leastKeyLength) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `key has ${key.length} characters, expected ${leastKeyLength} or more: nobody may guess it`,
    );
  }
  if (key === undefined && !isLoopbackAddress(host)) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `host is ${describe(host)}, which others can reach, and there is no key: give one, or listen on 127.0.0.1`,
    );
  }
  if (!(intervalMs >= 100 && intervalMs <= 60_000)) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `intervalMs is ${describe(intervalMs)}, expected 100 to 60000`,
    );
  }
}
