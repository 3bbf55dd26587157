// Browsers as peers: a page that our own server serves holds the echo endpoint over the browser's WebSocket. A
// browser has no pings, no fragments and no server; what it has runs through the same list.

import { readFile } from 'node:fs/promises';
import { chromiumPath, launchChromium } from '../chromium.ts';
import { firefoxPath, launchFirefox } from '../firefox.ts';
import { completeDeflate, type PeerDeflate } from './deflate-settings.ts';
import { type Observation, Observations } from './observations.ts';
import type { Peer, RunningClient } from './peer.ts';
import type { Abilities } from './scenarios.ts';
import { peerFile } from './workspace.ts';

/** A browser's client, which can also leave its page. */
export interface BrowserClient extends RunningClient {
  /** Goes to another page, as a user does who follows a link. */
  leave(): Promise<void>;
}

/** A browser. It is launched for the first page that it is asked for and runs until it is told to quit. */
export interface BrowserPeer extends Peer {
  readonly page: () => Promise<string>;
  readonly startClient: (certificate: unknown, origin: string) => Promise<BrowserClient>;
  readonly quit: () => Promise<void>;
}

/** As much of a page as both drivers have. */
interface Page {
  on(event: 'console', heard: (message: { text(): string }) => void): unknown;
  goto(url: string): Promise<unknown>;
  evaluate(expression: string): Promise<unknown>;
  close(): Promise<void>;
}

/** As much of a browser as is needed of both. */
interface Browser {
  newPage(): Promise<Page>;
  close(): Promise<void>;
}

const abilities = { fragments: 'none', pings: false, statuses: false } satisfies Partial<Abilities>;

/** Chromium, driven by playwright-core. */
export const chromium: BrowserPeer = {
  name: 'Chromium',
  install: ['chromium'],
  probe: `test -x ${chromiumPath}`,
  abilities: { ...abilities, insistsOnSubprotocol: true },
  deflate: deflateOf('client_max_window_bits'),
  ...pagesOf(async () => {
    const browser = await launchChromium();
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    return { newPage: () => context.newPage(), close: () => browser.close() };
  }),
};

/** Firefox, driven by puppeteer-core over WebDriver BiDi. */
export const firefox: BrowserPeer = {
  name: 'Firefox',
  install: ['firefox-esr'],
  probe: `test -x ${firefoxPath}`,
  // The standard demands it ("establish a WebSocket connection"), but Firefox goes on without.
  abilities: { ...abilities, insistsOnSubprotocol: false },
  deflate: deflateOf(''),
  ...pagesOf(launchFirefox),
};

/** What a page cannot change: a browser always offers the same, and compresses what it likes. */
function deflateOf(always: string): PeerDeflate {
  return {
    asClient: { ...completeDeflate, always, choosesTakeover: false, ourWindows: [], canBeOff: false },
    allowsControlBetweenFragments: true,
  };
}

function pagesOf(launch: () => Promise<Browser>): Pick<BrowserPeer, 'page' | 'startClient' | 'quit'> {
  let launched: Promise<Browser> | undefined;
  return {
    page: () => readFile(peerFile('browser/page.html'), 'utf8'),
    startClient: async (_certificate, origin) => {
      launched ??= launch();
      return clientIn(await (await launched).newPage(), origin);
    },
    quit: async () => {
      await (await launched)?.close();
      launched = undefined;
    },
  };
}

async function clientIn(tab: Page, origin: string): Promise<BrowserClient> {
  const observations = new Observations();
  const complaints: string[] = [];
  try {
    tab.on('console', (message) => {
      const line = message.text();
      if (line.startsWith('{')) observations.add(JSON.parse(line) as Observation);
      else complaints.push(line);
    });
    await tab.goto(`${origin}/`);
  } catch (error) {
    await tab.close();
    throw error;
  }
  return {
    observations,
    dial: (id, url, protocols) => {
      const given = [id, url, protocols].map((value) => JSON.stringify(value)).join(', ');
      tab.evaluate(`openEcho(${given})`).catch((error: unknown) => {
        observations.add({ id, event: 'error', message: String(error) });
      });
    },
    leave: async () => {
      await tab.goto('about:blank');
    },
    complaint: () => complaints.slice(-5).join('\n'),
    stop: () => tab.close(),
  };
}
