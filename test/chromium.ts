// Debian's Chromium for all tests in a real browser, launched so that it is quiet on the network.

import { type Browser, chromium } from 'playwright-core';

export const chromiumPath = '/usr/bin/chromium';

/**
 * Launches Chromium with a new profile.
 * @param options `hasPageCache`: with its back/forward cache, which Playwright turns off
 */
export function launchChromium({ hasPageCache = false } = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath,
    ignoreDefaultArgs: hasPageCache ? ['--disable-back-forward-cache'] : [],
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
